/// A splitting pattern, never handed to a backtracking engine.
///
/// The patterns of the largest families are recognised by their exact text and executed by scanners, whose
/// matches leave no gap; every other one becomes a `PatternAutomaton`.
struct SplitPattern: Equatable, Sendable {
  private enum Family: Equatable {
    case gpt2
    /// The pattern of GPT-4 and what follows it: case-insensitive contractions, a letter run may take
    /// one preceding sign, a sign run takes line breaks after it.
    case gpt4(digits: Int)
    case automaton(PatternAutomaton)
  }

  /// The spelling in a tokenizer's file.
  let text: String
  private let family: Family

  /// The pattern of GPT-2, with which byte-level encoding began.
  static let gpt2 = SplitPattern(
    text: #"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#,
    family: .gpt2)

  /// Up to three digits together.
  static let llama3 = SplitPattern(text: gpt4Text(digits: #"\p{N}{1,3}"#), family: .gpt4(digits: 3))

  /// Each digit alone.
  static let qwen2 = SplitPattern(text: gpt4Text(digits: #"\p{N}"#), family: .gpt4(digits: 1))

  /// The patterns that have a scanner of their own.
  static let scanned = [gpt2, llama3, qwen2]

  /// - Throws: `PatternError` for a pattern that is not executed here.
  init(_ text: String) throws(PatternError) {
    if let known = Self.scanned.first(where: { $0.text.utf8.elementsEqual(text.utf8) }) {
      self = known
    } else {
      self.init(text: text, family: .automaton(try PatternAutomaton(text)))
    }
  }

  private init(text: String, family: Family) {
    self.text = text
    self.family = family
  }

  private static func gpt4Text(digits: String) -> String {
    #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|"# + digits
      + #"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
  }

  /// The end of the match that begins at `start`, or nil; `text` is valid UTF-8, not at its end there, and ends
  /// with the word.
  func matchEnd(in text: UnsafeBufferPointer<UInt8>, from start: Int) -> Int? {
    switch family {
    case .gpt2: Self.gpt2End(text, start)
    case .gpt4(let digits): Self.gpt4End(text, start, digits: digits)
    case .automaton(let automaton): automaton.matchEnd(in: text, from: start)
    }
  }

  /// The end of the piece that begins at `start`: of a match, or of what stands before the next one.
  func end(in text: UnsafeBufferPointer<UInt8>, from start: Int) -> Int {
    if let end = matchEnd(in: text, from: start) { return end }
    var position = start
    repeat {
      position += UTF8Validation.length(first: text[position])
    } while position < text.count && matchEnd(in: text, from: position) == nil
    return min(position, text.count)
  }
}

extension SplitPattern {
  private static func gpt2End(_ text: UnsafeBufferPointer<UInt8>, _ start: Int) -> Int {
    if text[start] == UInt8(ascii: "'"), let end = contractionEnd(text, start, ignoringCase: false)
    {
      return end
    }
    // One blank may lead a run of letters, of numbers or of signs.
    let lead = text[start] == 0x20 && start + 1 < text.count ? start + 1 : start
    let (kind, length) = UnicodeClass.read(text, at: lead)
    switch kind {
    case .letter, .number, .other: return runEnd(text, lead + length, of: kind)
    case .space, .newline: return spaceEnd(text, start)
    }
  }

  private static func gpt4End(
    _ text: UnsafeBufferPointer<UInt8>, _ start: Int, digits: Int
  ) -> Int {
    if text[start] == UInt8(ascii: "'"), let end = contractionEnd(text, start, ignoringCase: true) {
      return end
    }
    let (kind, length) = UnicodeClass.read(text, at: start)
    let next = start + length
    switch kind {
    case .letter:
      return runEnd(text, next, of: .letter)
    case .number:
      var end = next
      for _ in 1..<max(digits, 1) {
        guard end < text.count else { break }
        let (kind, length) = UnicodeClass.read(text, at: end)
        guard kind == .number else { break }
        end += length
      }
      return end
    case .space, .other:
      if next < text.count {
        let (nextKind, nextLength) = UnicodeClass.read(text, at: next)
        if nextKind == .letter { return runEnd(text, next + nextLength, of: .letter) }
        if text[start] == 0x20, nextKind == .other {
          return newlinesEnd(text, runEnd(text, next + nextLength, of: .other))
        }
      }
      if kind == .other { return newlinesEnd(text, runEnd(text, next, of: .other)) }
    case .newline:
      break
    }
    // Blanks: up to and with the last line break of the run, if it has one.
    if let end = lastNewlineEnd(text, start) { return end }
    return spaceEnd(text, start)
  }

  /// The end of `'s`, `'t`, `'re`, `'ve`, `'m`, `'ll` or `'d`.
  private static func contractionEnd(
    _ text: UnsafeBufferPointer<UInt8>, _ start: Int, ignoringCase: Bool
  ) -> Int? {
    func letter(_ offset: Int) -> UInt8 {
      guard start + offset < text.count else { return 0 }
      let byte = text[start + offset]
      return ignoringCase && (0x41...0x5a).contains(byte) ? byte | 0x20 : byte
    }
    switch (letter(1), letter(2)) {
    case (UInt8(ascii: "s"), _), (UInt8(ascii: "t"), _), (UInt8(ascii: "m"), _),
      (UInt8(ascii: "d"), _):
      return start + 2
    case (UInt8(ascii: "r"), UInt8(ascii: "e")), (UInt8(ascii: "v"), UInt8(ascii: "e")),
      (UInt8(ascii: "l"), UInt8(ascii: "l")):
      return start + 3
    // U+017F, the long s, is an s when case does not matter.
    case (0xc5, 0xbf) where ignoringCase:
      return start + 3
    default:
      return nil
    }
  }

  /// The end of a run of one class.
  @inline(__always)
  private static func runEnd(
    _ text: UnsafeBufferPointer<UInt8>, _ start: Int, of wanted: UnicodeClass
  ) -> Int {
    var position = start
    while position < text.count {
      let (kind, length) = UnicodeClass.read(text, at: position)
      guard kind == wanted else { break }
      position += length
    }
    return position
  }

  private static func newlinesEnd(_ text: UnsafeBufferPointer<UInt8>, _ start: Int) -> Int {
    runEnd(text, start, of: .newline)
  }

  /// `\s*[\r\n]+`: the end of the last line break in the run of blanks that begins at `start`.
  private static func lastNewlineEnd(_ text: UnsafeBufferPointer<UInt8>, _ start: Int) -> Int? {
    var position = start
    var end: Int?
    while position < text.count {
      let (kind, length) = UnicodeClass.read(text, at: position)
      guard kind == .space || kind == .newline else { break }
      position += length
      if kind == .newline { end = position }
    }
    return end
  }

  /// `\s+(?!\S)|\s+`: a run of blanks leaves its last one to what follows, unless it is alone.
  private static func spaceEnd(_ text: UnsafeBufferPointer<UInt8>, _ start: Int) -> Int {
    var position = start
    var last = start
    while position < text.count {
      let (kind, length) = UnicodeClass.read(text, at: position)
      guard kind == .space || kind == .newline else {
        return last > start ? last : position
      }
      last = position
      position += length
    }
    return position
  }
}
