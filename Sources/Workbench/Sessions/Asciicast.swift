package import TerminalUI
import Wording

/// A session as a film for asciinema: asciicast version 2, a header line, then one JSON array a frame.
///
/// See https://docs.asciinema.org/manual/asciicast/v2/.
package enum Asciicast {
  /// Frames closer than this many milliseconds are drawn as one.
  private static let frameGap = 40

  /// The lines of the film at `size`.
  package static func lines(_ session: Session, size: Size, look: Look = Look()) -> [String] {
    let title = quoted(session.header.title)
    var lines = [
      "{\"version\":2,\"width\":\(size.width),\"height\":\(size.height),\"title\":\(title),"
        + "\"env\":{\"TERM\":\"xterm-256color\"}}"
    ]
    var state = State(size: size)
    state.theme = session.header.theme
    var shown: CellBuffer?
    var idle = 0
    var last = 0
    for (index, line) in session.lines.enumerated() {
      // Long pauses are shortened, as the player does.
      idle += max(0, line.at - last - Int(Player.longestIdle))
      last = line.at
      if case .marker(let title) = line.item {
        lines.append("[\(seconds(line.at - idle)),\"m\",\(quoted(title))]")
      }
      guard case .message(let message) = line.item else { continue }
      if case .input(.resize) = message { continue }
      _ = update(&state, message)
      let next = session.lines.indices.contains(index + 1) ? session.lines[index + 1].at : .max
      guard next - line.at >= frameGap else { continue }
      var buffer = look.buffer(size)
      WorkbenchView.draw(state, into: &buffer, look: look)
      let text = AnsiText.frame(buffer, after: shown)
      if !text.isEmpty { lines.append("[\(seconds(line.at - idle)),\"o\",\(quoted(text))]") }
      shown = buffer
    }
    return lines
  }

  private static func seconds(_ milliseconds: Int) -> String {
    Quantity.fixed(Double(max(0, milliseconds)) / 1000, 3)
  }

  private static func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case _ where scalar.value < 0x20 || scalar.value == 0x7F:
        let digits = String(scalar.value, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }
}

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

  /// Every row with its colours, none at a place of its own.
  package static func lines(_ buffer: CellBuffer) -> [String] {
    (0..<buffer.height).map { row(buffer, $0) + "\u{1B}[0m" }
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
