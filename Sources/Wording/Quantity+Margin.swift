extension Quantity {
  /// What stands after a figure for its error bar: ` ± 0.012`; nothing where it is of one window of text, whose tokens tell
  /// nothing of other texts.
  package static func margin(_ error: Double, windows: Int, sign: String = "±") -> String {
    windows > 1 ? " \(sign) \(significant(error, 2))" : ""
  }

  /// An error bar by itself, for a column of a table: `0.012`, or a dash where it is of one window.
  package static func error(_ error: Double, windows: Int, none: String = "-") -> String {
    windows > 1 ? significant(error, 2) : none
  }

  /// A perplexity: four digits, which is what reports on screens and in recordings keep.
  package static func perplexity(_ value: Double) -> String { significant(value, 4) }
}
