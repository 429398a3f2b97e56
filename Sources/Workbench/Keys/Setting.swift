package import TerminalUI
import Wording

/// One field of a screen's form, tied to the state: how it reads, how the arrows change it, how typed text is taken.
package struct Setting: Sendable {
  package var label: String
  package var value: Form.Value
  package var unit: String
  package var remark: String
  /// What it means, in a sentence; shown below the form for the chosen field.
  package var help: String
  /// The text to begin with when it is edited; nil when it cannot be typed.
  package var editable: String?
  /// Whether what is typed is the path of a model, which is completed.
  package var isPath = false
  /// Steps up (+1) or down (-1).
  package var step: @Sendable (inout State, Int) -> [Effect]
  /// Takes typed text; answers what is wrong with it, if anything.
  package var take: @Sendable (inout State, String) -> Outcome

  /// What became of typed text.
  package enum Outcome: Sendable {
    case taken([Effect])
    case refused(expected: String)
  }

  package init(
    _ label: String, _ value: Form.Value, unit: String = "", remark: String = "", help: String,
    editable: String? = nil,
    step: @escaping @Sendable (inout State, Int) -> [Effect] = { _, _ in [] },
    take: @escaping @Sendable (inout State, String) -> Outcome = { _, _ in .taken([]) }
  ) {
    self.label = label
    self.value = value
    self.unit = unit
    self.remark = remark
    self.help = help
    self.editable = editable
    self.step = step
    self.take = take
  }

  /// The field as the form widget draws it.
  package var field: Form.Field {
    Form.Field(label, value, unit: unit, remark: StyledText(remark, .hint))
  }

  /// The number above or below `value` in a ladder of sensible ones.
  package static func rung(_ value: Int, _ direction: Int, in ladder: [Int]) -> Int {
    if direction > 0 { return ladder.first { $0 > value } ?? value }
    return ladder.last { $0 < value } ?? value
  }

  /// The powers of two from 2^`first` to 2^`last`.
  package static func powers(from first: Int = 0, through last: Int) -> [Int] {
    (first...max(first, last)).map { 1 << min($0, 60) }
  }
}

extension Setting {
  /// A whole number changed along a ladder or typed.
  ///
  /// - Parameter zero: the word for 0, where 0 means that something else decides.
  static func number(
    _ label: String, _ value: Int, unit: String = "", remark: String = "", zero: String? = nil,
    help: String, ladder: [Int], in range: ClosedRange<Int>,
    set: @escaping @Sendable (inout State, Int) -> [Effect]
  ) -> Setting {
    let word = value == 0 ? zero : nil
    return Setting(
      label, .choice(StyledText(word ?? Quantity.grouped(value))), unit: word == nil ? unit : "",
      remark: remark, help: help,
      editable: "\(value)",
      step: { state, direction in
        let next = rung(value, direction, in: ladder)
        return next == value ? [] : set(&state, next)
      },
      take: { state, text in
        let digits = text.filter { $0 != " " && $0 != "_" && $0 != "," }
        guard let number = Self.count(digits), range.contains(number) else {
          return .refused(
            expected: "a whole number from \(Quantity.grouped(range.lowerBound)) to "
              + "\(Quantity.grouped(range.upperBound)), such as \(value) or 32k")
        }
        return .taken(set(&state, number))
      })
  }

  /// Reads `4096`, `32k` (times 1024).
  private static func count(_ text: some StringProtocol) -> Int? {
    if let number = Int(text) { return number }
    guard let last = text.last, last == "k" || last == "K", let number = Int(text.dropLast()),
      number <= 1 << 40
    else { return nil }
    return number * 1024
  }
}

extension State {
  /// Opens the editor for a setting of the current screen, if it can be typed.
  mutating func edit(_ setting: Setting?) {
    guard let setting, let text = setting.editable else { return }
    overlay = .edit(
      FieldEdit(label: setting.label, help: setting.help, text: text, isPath: setting.isPath))
  }

  /// Opens the editor for the path of a model, and has its folder listed.
  mutating func editPath(_ setting: Setting?) -> [Effect] {
    guard var setting, let text = setting.editable else { return [] }
    setting.isPath = true
    edit(setting)
    return [.listPaths(typed: text)]
  }
}

extension String {
  /// The text without spaces at its ends.
  var trimmed: String {
    String(drop { $0.isWhitespace }.reversed().drop { $0.isWhitespace }.reversed())
  }
}
