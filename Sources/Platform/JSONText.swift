extension JSONValue {
  /// The value as JSON text, members in their order.
  ///
  /// - Parameter indent: spaces a level, one member a line; nil for a single line without spaces.
  package func text(indent: Int? = nil) -> String {
    var output = ""
    write(to: &output, indent: indent, level: 0)
    return output
  }

  private func write(to output: inout String, indent: Int?, level: Int) {
    switch self {
    case .null: output += "null"
    case .bool(let value): output += value ? "true" : "false"
    case .number(let number): output += number.text
    case .string(let text): output += StrictJSON.quoted(text)
    case .array(let items):
      Self.write("[", "]", items.count, to: &output, indent: indent, level: level) { index, out in
        items[index].write(to: &out, indent: indent, level: level + 1)
      }
    case .object(let object):
      let members = object.members
      Self.write("{", "}", members.count, to: &output, indent: indent, level: level) {
        index, out in
        out += StrictJSON.quoted(members[index].name) + (indent == nil ? ":" : ": ")
        members[index].value.write(to: &out, indent: indent, level: level + 1)
      }
    }
  }

  private static func write(
    _ open: String, _ close: String, _ count: Int, to output: inout String, indent: Int?,
    level: Int, item: (Int, inout String) -> Void
  ) {
    output += open
    for index in 0..<count {
      if index > 0 { output += "," }
      if let indent { output += "\n" + String(repeating: " ", count: indent * (level + 1)) }
      item(index, &output)
    }
    if count > 0, let indent { output += "\n" + String(repeating: " ", count: indent * level) }
    output += close
  }
}

extension StrictJSON {
  /// `text` in quotes; every scalar but the ones JSON forbids stands for itself.
  package static func quoted(_ text: String) -> String {
    var output = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": output += "\\\""
      case "\\": output += "\\\\"
      case "\n": output += "\\n"
      case "\r": output += "\\r"
      case "\t": output += "\\t"
      case "\u{0}"..<" ":
        let hex = String(scalar.value, radix: 16)
        output += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
      default: output.unicodeScalars.append(scalar)
      }
    }
    return output + "\""
  }
}
