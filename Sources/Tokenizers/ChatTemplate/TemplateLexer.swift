/// The pieces of a template: text, and the words inside `{{ }}` and `{% %}`.
enum TemplateToken: Equatable {
  case text(String)
  case beginOutput
  case endOutput
  case beginBlock
  case endBlock
  case name(String)
  case string(String)
  case integer(Int)
  case float(Double)
  /// An operator or a bracket.
  case sign(String)

  /// What it is, for messages.
  var words: String {
    switch self {
    case .text: "text"
    case .beginOutput: "\"{{\""
    case .endOutput: "\"}}\""
    case .beginBlock: "\"{%\""
    case .endBlock: "\"%}\""
    case .name(let name): "\"\(name)\""
    case .string(let text): "the string \"\(text.prefix(40))\""
    case .integer(let value): "\(value)"
    case .float(let value): "\(value)"
    case .sign(let sign): "\"\(sign)\""
    }
  }
}

/// Cuts a template into tokens, with blanks handled as `transformers` sets Jinja up: the line break after a block goes
/// (`trim_blocks`), and so do the blanks before a block that stand alone on its line (`lstrip_blocks`).
struct TemplateLexer {
  struct Item: Equatable {
    var token: TemplateToken
    /// From 1.
    var line: Int
  }

  private let source: [Unicode.Scalar]
  private var position = 0
  private var line = 1
  private var items: [Item] = []
  /// Text that is not yet an item.
  private var text: [Unicode.Scalar] = []

  private static let signs = [
    "//", "**", "==", "!=", "<=", ">=", "+", "-", "*", "/", "%", "~", "<", ">", "=", "(", ")", "[",
    "]",
    "{", "}", ",", ".", ":", "|", ";",
  ]

  static func items(of template: String) throws(ChatTemplateError) -> [Item] {
    var lexer = TemplateLexer(template)
    try lexer.run()
    return lexer.items
  }

  /// Line breaks become `\n`; the last one of the template goes.
  private init(_ template: String) {
    var scalars: [Unicode.Scalar] = []
    var followsReturn = false
    for scalar in template.unicodeScalars {
      if scalar == "\r" {
        scalars.append("\n")
      } else if scalar != "\n" || !followsReturn {
        scalars.append(scalar)
      }
      followsReturn = scalar == "\r"
    }
    if scalars.last == "\n" { scalars.removeLast() }
    source = scalars
  }

  private func peek(_ offset: Int = 0) -> Unicode.Scalar? {
    position + offset < source.count ? source[position + offset] : nil
  }

  private func stands(_ text: String) -> Bool {
    source[position...].starts(with: text.unicodeScalars)
  }

  private mutating func advance(_ count: Int = 1) {
    for _ in 0..<count where position < source.count {
      if source[position] == "\n" { line += 1 }
      position += 1
    }
  }

  private mutating func run() throws(ChatTemplateError) {
    while let scalar = peek() {
      if scalar == "{", let kind = peek(1), ["{", "%", "#"].contains(kind) {
        try tag(kind)
      } else {
        text.append(scalar)
        advance()
      }
    }
    flush()
  }

  private mutating func flush() {
    guard !text.isEmpty else { return }
    items.append(Item(token: .text(String(String.UnicodeScalarView(text))), line: line))
    text = []
  }

  private mutating func tag(_ kind: Unicode.Scalar) throws(ChatTemplateError) {
    let start = line
    let mark = peek(2)
    if mark == "-" {
      while let last = text.last, last.properties.isWhitespace { text.removeLast() }
    } else if mark != "+", kind != "{" {
      stripBlanksOfLine()
    }
    advance(mark == "-" || mark == "+" ? 3 : 2)
    if kind == "#" {
      while !stands("#}") {
        guard peek() != nil else {
          throw .syntax(line: start, expected: "\"#}\"", found: "the end")
        }
        advance()
      }
      let strips = position > 0 && source[position - 1] == "-"
      let keeps = position > 0 && source[position - 1] == "+"
      advance(2)
      afterTag(strips: strips, trims: !keeps)
      return
    }
    flush()
    if kind == "%", try rawBlock(start) { return }
    items.append(Item(token: kind == "%" ? .beginBlock : .beginOutput, line: line))
    try words(kind)
  }

  /// Blanks back to the beginning of the line go, if nothing else stands there.
  private mutating func stripBlanksOfLine() {
    var end = text.count
    while end > 0, text[end - 1] != "\n", text[end - 1].properties.isWhitespace { end -= 1 }
    let beginsLine: Bool
    if end > 0 {
      beginsLine = text[end - 1] == "\n"
    } else {
      // The text began after a tag, whose line break may have gone, or at the beginning of all.
      let start = position - text.count
      beginsLine = start == 0 || source[start - 1] == "\n"
    }
    if beginsLine { text.removeSubrange(end...) }
  }

  private mutating func afterTag(strips: Bool, trims: Bool) {
    if strips {
      while let next = peek(), next.properties.isWhitespace { advance() }
    } else if trims, peek() == "\n" {
      advance()
    }
  }

  /// `{% raw %}` up to `{% endraw %}`: text, whatever it looks like.
  private mutating func rawBlock(_ start: Int) throws(ChatTemplateError) -> Bool {
    var ahead = self
    ahead.skipBlanks()
    guard ahead.stands("raw") else { return false }
    ahead.advance(3)
    ahead.skipBlanks()
    let strips = ahead.stands("-%}")
    guard strips || ahead.stands("%}") else { return false }
    ahead.advance(strips ? 3 : 2)
    ahead.afterTag(strips: strips, trims: true)
    self = ahead
    while peek() != nil {
      if stands("{%") {
        var end = self
        end.advance(2)
        let stripsBefore = end.stands("-")
        if stripsBefore { end.advance() }
        end.skipBlanks()
        if end.stands("endraw") {
          end.advance(6)
          end.skipBlanks()
          let stripsAfter = end.stands("-%}")
          if stripsAfter || end.stands("%}") {
            if stripsBefore {
              while let last = text.last, last.properties.isWhitespace { text.removeLast() }
            } else {
              stripBlanksOfLine()
            }
            end.advance(stripsAfter ? 3 : 2)
            end.text = text
            end.flush()
            self = end
            afterTag(strips: stripsAfter, trims: true)
            return true
          }
        }
      }
      if let scalar = peek() { text.append(scalar) }
      advance()
    }
    throw .syntax(line: start, expected: "{% endraw %}", found: "the end")
  }

  private mutating func skipBlanks() {
    while let next = peek(), next.properties.isWhitespace { advance() }
  }

  // MARK: Words inside a tag

  private mutating func words(_ kind: Unicode.Scalar) throws(ChatTemplateError) {
    let end = kind == "%" ? "%}" : "}}"
    var brackets = 0
    while true {
      skipBlanks()
      guard let next = peek() else {
        throw .syntax(line: line, expected: "\"\(end)\"", found: "the end")
      }
      if brackets == 0 {
        let strips = stands("-" + end)
        if strips || stands(end) || stands("+" + end) {
          let keeps = !strips && !stands(end)
          items.append(Item(token: kind == "%" ? .endBlock : .endOutput, line: line))
          advance(strips || keeps ? 3 : 2)
          afterTag(strips: strips, trims: kind == "%" && !keeps)
          return
        }
      }
      let start = line
      let token = try word(next)
      if case .sign(let sign) = token {
        if ["(", "[", "{"].contains(sign) { brackets += 1 }
        if [")", "]", "}"].contains(sign) { brackets -= 1 }
      }
      items.append(Item(token: token, line: start))
    }
  }

  private mutating func word(_ first: Unicode.Scalar) throws(ChatTemplateError) -> TemplateToken {
    if first == "\"" || first == "'" { return .string(try string(first)) }
    if ("0"..."9").contains(first) { return try number() }
    if first == "_" || first.properties.isAlphabetic {
      var name = ""
      while let next = peek(),
        next == "_" || next.properties.isAlphabetic || ("0"..."9").contains(next)
      {
        name.unicodeScalars.append(next)
        advance()
      }
      return .name(name)
    }
    guard let sign = Self.signs.first(where: stands) else {
      throw .syntax(line: line, expected: "an expression", found: "\"\(first)\"")
    }
    advance(sign.unicodeScalars.count)
    return .sign(sign)
  }

  private mutating func number() throws(ChatTemplateError) -> TemplateToken {
    var digits = ""
    var isFloat = false
    while let next = peek() {
      if ("0"..."9").contains(next) {
        digits.unicodeScalars.append(next)
      } else if next == ".", !isFloat, let after = peek(1), ("0"..."9").contains(after) {
        digits += "."
        isFloat = true
      } else if next == "e" || next == "E", let length = exponentLength() {
        digits += String(String.UnicodeScalarView(source[position..<position + length]))
        advance(length)
        isFloat = true
        break
      } else if next != "_" {
        break
      }
      advance()
    }
    if isFloat, let value = Double(digits) { return .float(value) }
    guard let value = Int(digits) else {
      throw .syntax(line: line, expected: "a number of at most 64 bits", found: digits)
    }
    return .integer(value)
  }

  /// `e`, a sign and digits, where they stand here.
  private func exponentLength() -> Int? {
    var length = 1
    if peek(1) == "+" || peek(1) == "-" { length += 1 }
    let start = length
    while let digit = peek(length), ("0"..."9").contains(digit) { length += 1 }
    return length > start ? length : nil
  }

  private mutating func string(_ quote: Unicode.Scalar) throws(ChatTemplateError) -> String {
    let start = line
    advance()
    var text = String.UnicodeScalarView()
    while let next = peek() {
      advance()
      if next == quote { return String(text) }
      guard next == "\\", let escaped = peek() else {
        text.append(next)
        continue
      }
      advance()
      switch escaped {
      case "n": text.append("\n")
      case "t": text.append("\t")
      case "r": text.append("\r")
      case "\\", "'", "\"": text.append(escaped)
      case "\n": break
      case "u", "x":
        let count = escaped == "u" ? 4 : 2
        let digits = String(String.UnicodeScalarView(source[position...].prefix(count)))
        guard digits.unicodeScalars.count == count, let value = UInt32(digits, radix: 16),
          let scalar = Unicode.Scalar(value)
        else {
          throw .syntax(line: line, expected: "\(count) digits of a character", found: digits)
        }
        text.append(scalar)
        advance(count)
      default:
        // Python keeps the backslash of an escape that it does not know.
        text.append("\\")
        text.append(escaped)
      }
    }
    throw .syntax(line: start, expected: "the end of a string", found: "the end")
  }
}
