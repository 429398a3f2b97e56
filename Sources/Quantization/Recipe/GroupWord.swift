/// The two groups that are no number of input channels, in words: `channel`, one scale for a whole row, and `tensor`, one
/// for all weights.
///
/// In code and JSON they are the numbers -1 and 0, which are read wherever a word is.
package enum GroupWord {
  /// The key of the option that the words belong to.
  static let key = "group"

  private static let all = [(word: "channel", number: -1), (word: "tensor", number: 0)]

  /// The number that a word stands for; nil for another text.
  static func number(_ word: some StringProtocol) -> Int? {
    all.first { $0.word == word }?.number
  }

  /// A group as it is typed and shown: `channel`, `tensor`, `128`.
  package static func text(_ group: Int) -> String {
    all.first { $0.number == group }?.word ?? "\(group)"
  }

  /// The value of an option as it is typed and shown.
  package static func text(_ value: OptionValue, of key: String) -> String {
    if key == Self.key, case .integer(let group) = value { text(group) } else { "\(value)" }
  }
}

extension OptionSpec {
  /// A value of this option as it is typed and shown.
  package func text(_ value: OptionValue) -> String { GroupWord.text(value, of: key) }

  /// A value with the word for a group taken for its number.
  func plain(_ value: OptionValue) -> OptionValue {
    guard key == GroupWord.key, case .integer = kind, case .choice(let word) = value,
      let number = GroupWord.number(word)
    else { return value }
    return .integer(number)
  }

  /// The numbers an option lists, as they are typed.
  func listing(_ numbers: [Int]) -> String {
    numbers.map { text(.integer($0)) }.joined(separator: ", ")
  }
}
