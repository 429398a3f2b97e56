/// Leftmost-longest search for many strings in one pass (Aho and Corasick 1975).
struct TokenSearch: Sendable {
  private let tokens: [AddedVocabulary.Token]
  /// Children of a state by state and byte; those of the root apart, since most bytes begin nothing.
  private var children: [Int: Int] = [:]
  private var rootChildren = [Int](repeating: 0, count: 256)
  private var depth = [0]
  /// The state of the longest proper suffix that begins some token.
  private var fallback = [0]
  /// The longest token that ends in a state, or -1.
  private var output = [-1]

  init(_ tokens: [AddedVocabulary.Token]) {
    let tokens = tokens.filter { !$0.content.isEmpty }
    self.tokens = tokens
    for (number, token) in tokens.enumerated() {
      var state = 0
      for byte in token.content { state = child(of: state, byte) ?? addState(after: state, byte) }
      if output[state] < 0 { output[state] = number }
    }
    linkSuffixes()
  }

  /// Cuts `text`, which is valid UTF-8, at the tokens in it.
  func split(_ text: UnsafeBufferPointer<UInt8>) -> [AddedVocabulary.Part] {
    guard !text.isEmpty else { return [] }
    guard !tokens.isEmpty else { return [.init(range: 0..<text.count, id: nil)] }
    var parts: [AddedVocabulary.Part] = []
    var start = 0
    var position = 0
    // The blanks last taken: many tokens in one long run must not each walk through it.
    var blanks = 0..<0
    while let (number, match) = nextMatch(text, from: position) {
      let token = tokens[number]
      position = match.upperBound
      if token.isSingleWord, Self.isInsideWord(match, text) { continue }
      var (lower, upper) = (match.lowerBound, match.upperBound)
      if token.stripsLeft {
        lower = min(max(Self.spaceStart(text, endingAt: lower, after: start), start), upper)
      }
      if token.stripsRight {
        if !blanks.contains(upper) { blanks = upper..<Self.spaceEnd(text, from: upper) }
        upper = max(upper, blanks.upperBound)
      }
      if start < lower { parts.append(.init(range: start..<lower, id: nil)) }
      // As in the reference: blanks that the token before has taken can hold another token, but not
      // one of which they leave nothing.
      if lower < upper { parts.append(.init(range: lower..<upper, id: token.id)) }
      start = upper
    }
    if start < text.count { parts.append(.init(range: start..<text.count, id: nil)) }
    return parts
  }

  /// Calls `found` with the id and length of each token that begins at `start`, shorter ones first.
  @inline(__always)
  func forEachPrefix(
    _ text: UnsafeBufferPointer<UInt8>, at start: Int, _ found: (Int32, Int) -> Void
  ) {
    var state = 0
    var position = start
    while position < text.count, let next = child(of: state, text[position]) {
      state = next
      position += 1
      // The output may also be a token that begins later.
      let number = output[state]
      if number >= 0, tokens[number].content.count == position - start {
        found(tokens[number].id, position - start)
      }
    }
  }

  /// The length of the longest token that begins at `start`, 0 when there is none.
  func longestPrefix(_ text: UnsafeBufferPointer<UInt8>, at start: Int) -> Int {
    var longest = 0
    forEachPrefix(text, at: start) { longest = $1 }
    return longest
  }

  /// The leftmost token at or after `start`, of those that begin there the longest.
  private func nextMatch(
    _ text: UnsafeBufferPointer<UInt8>, from start: Int
  ) -> (number: Int, range: Range<Int>)? {
    var state = 0
    var best: (number: Int, range: Range<Int>)?
    for position in start..<text.count {
      let byte = text[position]
      if state == 0, best == nil, rootChildren[Int(byte)] == 0 { continue }
      state = step(state, byte)
      if let found = best, position + 1 - depth[state] > found.range.lowerBound { return found }
      let number = output[state]
      if number >= 0 {
        let lower = position + 1 - tokens[number].content.count
        if best.map({ lower <= $0.range.lowerBound }) ?? true {
          best = (number, lower..<position + 1)
        }
      }
    }
    return best
  }

  private func step(_ state: Int, _ byte: UInt8) -> Int {
    var state = state
    while true {
      if let next = child(of: state, byte) { return next }
      if state == 0 { return 0 }
      state = fallback[state]
    }
  }

  private func child(of state: Int, _ byte: UInt8) -> Int? {
    if state == 0 { return rootChildren[Int(byte)] == 0 ? nil : rootChildren[Int(byte)] }
    return children[state << 8 | Int(byte)]
  }

  private mutating func addState(after state: Int, _ byte: UInt8) -> Int {
    let new = depth.count
    depth.append(depth[state] + 1)
    fallback.append(0)
    output.append(-1)
    if state == 0 { rootChildren[Int(byte)] = new } else { children[state << 8 | Int(byte)] = new }
    return new
  }

  /// Breadth first: a state's suffix is one byte longer than that of its parent.
  private mutating func linkSuffixes() {
    var edges: [(parent: Int, byte: UInt8, state: Int)] = children.map {
      ($0.key >> 8, UInt8($0.key & 0xff), $0.value)
    }
    edges.sort { (depth[$0.state], $0.state) < (depth[$1.state], $1.state) }
    for edge in edges {
      fallback[edge.state] = step(fallback[edge.parent], edge.byte)
      if output[edge.state] < 0 { output[edge.state] = output[fallback[edge.state]] }
    }
  }
}

extension TokenSearch {
  private static func isInsideWord(
    _ match: Range<Int>, _ text: UnsafeBufferPointer<UInt8>
  ) -> Bool {
    if match.lowerBound > 0 {
      let before = start(text, ofCharacterBefore: match.lowerBound)
      if UnicodeClass.isWord(UnicodeClass.scalar(text, at: before).0) { return true }
    }
    return match.upperBound < text.count
      && UnicodeClass.isWord(UnicodeClass.scalar(text, at: match.upperBound).0)
  }

  private static func start(
    _ text: UnsafeBufferPointer<UInt8>, ofCharacterBefore end: Int
  ) -> Int {
    var position = end - 1
    while position > 0, text[position] & 0xc0 == 0x80 { position -= 1 }
    return position
  }

  private static func isSpace(_ text: UnsafeBufferPointer<UInt8>, at position: Int) -> Bool {
    let kind = UnicodeClass.read(text, at: position).0
    return kind == .space || kind == .newline
  }

  private static func spaceStart(
    _ text: UnsafeBufferPointer<UInt8>, endingAt end: Int, after limit: Int
  ) -> Int {
    var position = end
    while position > limit {
      let before = start(text, ofCharacterBefore: position)
      guard isSpace(text, at: before) else { break }
      position = before
    }
    return position
  }

  private static func spaceEnd(_ text: UnsafeBufferPointer<UInt8>, from start: Int) -> Int {
    var position = start
    while position < text.count, isSpace(text, at: position) {
      position += UTF8Validation.length(first: text[position])
    }
    return position
  }
}
