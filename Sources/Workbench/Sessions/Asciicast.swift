package import TerminalUI
import Wording

/// A session as a film for asciinema: a header line, then one JSON array an event.
///
/// Version 2 tells the time since the beginning, version 3 the time since the event before, and has the terminal in an object of
/// its own. See https://docs.asciinema.org/manual/asciicast/v2/ and /v3/.
package enum Asciicast {
  package enum Version: Int, CaseIterable, Sendable {
    case two = 2
    case three = 3
  }

  /// The lines of the film at `size`.
  package static func lines(
    _ session: Session, size: Size, version: Version = .two, look: Look = Look()
  ) -> [String] {
    var lines = [header(session.header.title, size, version)]
    var shown: CellBuffer?
    var last = 0
    func add(_ at: Int, _ code: String, _ data: String) {
      let time = version == .three ? at - last : at
      last = at
      lines.append("[\(seconds(time)),\"\(code)\",\(JSONString.quoted(data))]")
    }
    SessionFilm(session).play { scene in
      switch scene.what {
      case .marker(let title): add(scene.at, "m", title)
      case .note: break
      case .picture(let state):
        var buffer = look.buffer(size)
        WorkbenchView.draw(state, into: &buffer, look: look)
        let text = AnsiText.frame(buffer, after: shown)
        if !text.isEmpty { add(scene.at, "o", text) }
        shown = buffer
      }
    }
    return lines
  }

  private static func header(_ title: String, _ size: Size, _ version: Version) -> String {
    let title = JSONString.quoted(title)
    return switch version {
    case .two:
      "{\"version\":2,\"width\":\(size.width),\"height\":\(size.height),\"title\":\(title),"
        + "\"env\":{\"TERM\":\"xterm-256color\"}}"
    case .three:
      "{\"version\":3,\"term\":{\"cols\":\(size.width),\"rows\":\(size.height),"
        + "\"type\":\"xterm-256color\"},\"title\":\(title)}"
    }
  }

  private static func seconds(_ milliseconds: Int) -> String {
    Quantity.fixed(Double(max(0, milliseconds)) / 1000, 3)
  }
}

/// A text as JSON writes it.
enum JSONString {
  static func quoted(_ text: String) -> String {
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
