/// A regular expression turned into a table of states, so that a character costs two look-ups.
///
/// The states are ordered lists of threads (R. Cox, "Regular Expression Matching: the Virtual Machine
/// Approach", 2009), so that the match is the one a backtracking engine finds first. No pattern can make it
/// go back: a match costs time linear in the text that it looks at.
struct PatternAutomaton: Equatable, Sendable {
  private let classes: ScalarClasses
  /// The next state twice over, plus 1 where a match ends before the character.
  ///
  /// `[states, classes + 1]`, the last class the end of the text; state 0 is the end of all threads, 1 the beginning.
  private let table: [Int32]

  private static let mostStates = 4096
  private static let mostSteps = 8_000_000

  /// - Throws: `PatternError` for what is not known, too large, or, unless that is allowed, can match nothing at all.
  init(_ pattern: String, allowsEmpty: Bool = false) throws(PatternError) {
    let (node, sets) = try PatternParser.parse(pattern)
    let program = try PatternProgram(node)
    let classes = ScalarClasses(sets)
    var numbers: [[Int]: Int32] = [[]: 0, [0]: 1]
    var states: [[Int]] = [[], [0]]
    var table = [Int32](repeating: 0, count: classes.count + 1)
    var steps = Self.mostSteps
    var state = 1
    while state < states.count {
      for number in 0...classes.count {
        let members = number < classes.count ? classes.members[number] : nil
        let (waiting, isMatch) = program.waiting(states[state], next: members, steps: &steps)
        guard state > 1 || !isMatch || allowsEmpty else {
          throw PatternError(found: "it can match without a character", place: 1)
        }
        var seen: Set<Int> = []
        let next =
          members.map { program.advanced(waiting, over: $0).filter { seen.insert($0).inserted } }
          ?? []
        if numbers[next] == nil {
          numbers[next] = Int32(truncatingIfNeeded: states.count)
          states.append(next)
        }
        table.append((numbers[next] ?? 0) << 1 | (isMatch ? 1 : 0))
      }
      guard states.count <= Self.mostStates, steps > 0 else {
        throw PatternError(found: "it needs more than \(Self.mostStates) states", place: 1)
      }
      state += 1
    }
    self.classes = classes
    self.table = table
  }

  /// The end of the match that begins at `start`, or nil; `text` is valid UTF-8 and ends with the word.
  func matchEnd(in text: UnsafeBufferPointer<UInt8>, from start: Int) -> Int? {
    let width = classes.count + 1
    return table.withUnsafeBufferPointer { table in
      var state = 1
      var position = start
      var end: Int?
      while true {
        let isInside = position < text.count
        let (kind, length) = isInside ? classes.read(text, at: position) : (width - 1, 0)
        let entry = Int(table[state * width + kind])
        if entry & 1 == 1 { end = position }
        state = entry >> 1
        guard state > 0, isInside else { return end }
        position += length
      }
    }
  }
}
