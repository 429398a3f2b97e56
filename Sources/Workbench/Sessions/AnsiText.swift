package import TerminalUI

/// Buffers as text with colours, for terminals that are not ours to drive.
package enum AnsiText {
  /// The rows of `buffer` that differ from `before` (all of them when nil), each at its place.
  package static func frame(_ buffer: CellBuffer, after before: CellBuffer? = nil) -> String {
    var text = before == nil ? "\u{1B}[?25l\u{1B}[2J" : ""
    for y in 0..<buffer.height {
      if let before, before.size == buffer.size, isSame(buffer, before, y) { continue }
      text += "\u{1B}[\(y + 1);1H" + row(buffer, y)
    }
    return text
  }

  private static func isSame(_ left: CellBuffer, _ right: CellBuffer, _ y: Int) -> Bool {
    left.withRow(y) { cells in right.withRow(y) { cells == $0 } }
  }

  private static func row(_ buffer: CellBuffer, _ y: Int) -> String {
    var text = ""
    var style: Style?
    for x in 0..<buffer.width {
      let cell = buffer[x, y]
      guard !cell.isContinuation else { continue }
      if cell.style != style {
        text += code(cell.style)
        style = cell.style
      }
      text.unicodeScalars.append(cell.scalar)
      if cell.mark != "\0" { text.unicodeScalars.append(cell.mark) }
    }
    return text + "\u{1B}[0m"
  }

  private static func code(_ style: Style) -> String {
    var codes = ["0"]
    let attributes: [(Attributes, String)] = [
      (.bold, "1"), (.dim, "2"), (.italic, "3"), (.underline, "4"), (.reverse, "7"),
    ]
    codes += attributes.filter { style.attributes.contains($0.0) }.map(\.1)
    if let color = style.foreground.rgb {
      codes.append("38;2;\(color.red);\(color.green);\(color.blue)")
    }
    if let color = style.background.rgb {
      codes.append("48;2;\(color.red);\(color.green);\(color.blue)")
    }
    return "\u{1B}[\(codes.joined(separator: ";"))m"
  }
}
