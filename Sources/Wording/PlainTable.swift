/// Rows under a ruled head, for text that is printed: columns are aligned by what the terminal draws, numbers to the
/// right.
package enum PlainTable {
  /// The lines of the table, without line ends.
  ///
  /// - Parameter rows: cells in the order of `header`; what a row has too many is drawn without a column of its own.
  package static func lines(_ header: [String], _ rows: [[String]]) -> [String] {
    var widths = header.map(ScalarWidth.of)
    for row in rows {
      for (index, cell) in row.enumerated() where index < widths.count {
        widths[index] = max(widths[index], ScalarWidth.of(cell))
      }
    }
    func line(_ cells: [String]) -> String {
      cells.enumerated().map { index, cell in
        padded(cell, to: index < widths.count ? widths[index] : 0, isRight: isNumber(cell))
      }.joined(separator: "  ")
    }
    let rule = widths.map { String(repeating: "-", count: $0) }.joined(separator: "  ")
    return [line(header), rule] + rows.map(line)
  }

  /// `text` in at least `width` columns of the terminal.
  package static func padded(_ text: String, to width: Int, isRight: Bool = false) -> String {
    let spaces = String(repeating: " ", count: max(0, width - ScalarWidth.of(text)))
    return isRight ? spaces + text : text + spaces
  }

  private static func isNumber(_ cell: String) -> Bool {
    guard let first = cell.first else { return false }
    return first.isNumber || first == "-" || first == "+" || ["nan", "inf"].contains(cell)
  }
}
