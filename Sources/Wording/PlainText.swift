/// Text on its way to a terminal as plain output: what a terminal would act on is shown instead.
///
/// Line ends and tabs stay, and so does what joins letters, since the output may go to a file. Where cells are drawn,
/// `DisplayText` shows these and all other hidden characters.
package enum PlainText {
  /// The text with control characters as `^[` and `<9B>`, and what turns its direction as `<202E>`.
  package static func shown(_ text: String) -> String {
    replacing(text) { value in
      switch value {
      case 0x09, 0x0A: nil
      case 0..<0x20: "^" + String(Unicode.Scalar(UInt8(value) + 0x40))
      case 0x7F: "^?"
      default: "<" + digits(value, 2) + ">"
      }
    }
  }

  /// A JSON document in which these characters, which can only stand in its strings, are escapes.
  package static func json(_ document: String) -> String {
    replacing(document) { value in value < 0x20 ? nil : "\\u" + digits(value, 4) }
  }

  /// - Parameter spelling: what a character that is acted on becomes; nil leaves it.
  private static func replacing(_ text: String, spelling: (UInt32) -> String?) -> String {
    guard text.unicodeScalars.contains(where: { isActedOn($0.value) }) else { return text }
    var result = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
      if isActedOn(scalar.value), let words = spelling(scalar.value) {
        result.append(contentsOf: words.unicodeScalars)
      } else {
        result.append(scalar)
      }
    }
    return String(result)
  }

  /// Control characters of both sets, the marks and embeddings of direction, and the separators of lines and paragraphs.
  private static func isActedOn(_ value: UInt32) -> Bool {
    switch value {
    case 0..<0x20, 0x7F..<0xA0, 0x061C, 0x200E...0x200F, 0x2028...0x202E, 0x2066...0x2069: true
    default: false
    }
  }

  private static func digits(_ value: UInt32, _ least: Int) -> String {
    let digits = String(value, radix: 16, uppercase: true)
    return String(repeating: "0", count: max(0, least - digits.count)) + digits
  }
}
