/// Operators on values, as Python has them.
enum TemplateOperators {
  static func unary(
    _ sign: String, _ value: TemplateValue, line: Int
  ) throws(ChatTemplateError) -> TemplateValue {
    if sign == "not" { return .bool(!value.isTrue) }
    if let integer = value.asInteger {
      guard sign == "-" else { return .integer(integer) }
      let (result, overflow) = 0.subtractingReportingOverflow(integer)
      if !overflow { return .integer(result) }
    } else if case .float(let number) = value {
      return .float(sign == "-" ? -number : number)
    }
    throw .evaluation(line: line, "expected a number after \(sign), found \(value.kind)")
  }

  static func binary(
    _ sign: String, _ left: TemplateValue, _ right: TemplateValue, line: Int
  ) throws(ChatTemplateError) -> TemplateValue {
    switch sign {
    case "==": return .bool(left.equals(right))
    case "!=": return .bool(!left.equals(right))
    case "<": return .bool(try isLess(left, right, line: line))
    case ">": return .bool(try isLess(right, left, line: line))
    case "<=": return .bool(try !isLess(right, left, line: line))
    case ">=": return .bool(try !isLess(left, right, line: line))
    case "in": return .bool(try contains(right, left, line: line))
    case "not in": return .bool(try !contains(right, left, line: line))
    case "~":
      try TemplateText.check(left.text.utf8.count + right.text.utf8.count)
      return .string(left.text + right.text)
    default: return try arithmetic(sign, left, right, line: line)
    }
  }

  static func isLess(
    _ left: TemplateValue, _ right: TemplateValue, line: Int
  ) throws(ChatTemplateError) -> Bool {
    if let left = left.asInteger, let right = right.asInteger { return left < right }
    if let left = left.asNumber, let right = right.asNumber { return left < right }
    if let left = left.asString, let right = right.asString {
      return left.unicodeScalars.lexicographicallyPrecedes(right.unicodeScalars)
    }
    throw .evaluation(
      line: line, "expected two numbers or strings to compare, found \(left.kind) and \(right.kind)"
    )
  }

  static func contains(
    _ whole: TemplateValue, _ part: TemplateValue, line: Int
  ) throws(ChatTemplateError) -> Bool {
    switch whole {
    case .string(let text):
      guard let part = part.asString else {
        throw .evaluation(line: line, "expected a string to look for, found \(part.kind)")
      }
      return TemplateText.find(part, in: text) != nil
    case .list(let items): return items.contains { $0.equals(part) }
    case .dictionary(let dictionary): return part.asString.map { dictionary[$0] != nil } ?? false
    case .undefined: return false
    default: throw .evaluation(line: line, "expected something to look in, found \(whole.kind)")
    }
  }

  private static func arithmetic(
    _ sign: String, _ left: TemplateValue, _ right: TemplateValue, line: Int
  ) throws(ChatTemplateError) -> TemplateValue {
    switch (sign, left, right) {
    case ("+", .string(let left), .string(let right)):
      try TemplateText.check(left.utf8.count + right.utf8.count)
      return .string(left + right)
    case ("+", .list(let left), .list(let right)): return .list(left + right)
    case ("*", .string(let text), _), ("*", _, .string(let text)):
      if let count = left.asInteger ?? right.asInteger {
        guard max(count, 0) <= (1 << 24) / max(text.utf8.count, 1) else {
          throw .limit("16 MiB of one string")
        }
        return .string(String(repeating: text, count: max(count, 0)))
      }
    default: break
    }
    if sign != "/", let left = left.asInteger, let right = right.asInteger {
      return try integers(sign, left, right, line: line)
    }
    if let left = left.asNumber, let right = right.asNumber {
      switch sign {
      case "+": return .float(left + right)
      case "-": return .float(left - right)
      case "*": return .float(left * right)
      default:
        guard right != 0 else { throw .evaluation(line: line, "a division by zero") }
        if sign == "/" { return .float(left / right) }
        let floor = (left / right).rounded(.down)
        return .float(sign == "//" ? floor : left - floor * right)
      }
    }
    throw .evaluation(
      line: line,
      "expected numbers, strings or lists around \(sign), found \(left.kind) and \(right.kind)")
  }

  private static func integers(
    _ sign: String, _ left: Int, _ right: Int, line: Int
  ) throws(ChatTemplateError) -> TemplateValue {
    let (value, overflow): (Int, Bool)
    switch sign {
    case "+": (value, overflow) = left.addingReportingOverflow(right)
    case "-": (value, overflow) = left.subtractingReportingOverflow(right)
    case "*": (value, overflow) = left.multipliedReportingOverflow(by: right)
    default:
      guard right != 0, !(left == .min && right == -1) else {
        throw .evaluation(line: line, "a division by zero")
      }
      let rest = left % right
      // Python rounds down.
      let isOff = rest != 0 && (rest < 0) != (right < 0)
      return .integer(sign == "//" ? left / right - (isOff ? 1 : 0) : rest + (isOff ? right : 0))
    }
    guard !overflow else { throw .evaluation(line: line, "a number beyond 64 bits") }
    return .integer(value)
  }
}

/// Strings by their Unicode scalars, as Python counts them, and byte for byte.
enum TemplateText {
  /// - Throws: `ChatTemplateError.limit` for more bytes than one string may have.
  static func check(_ bytes: Int) throws(ChatTemplateError) {
    guard bytes <= 64 << 20 else { throw .limit("64 MiB of one string") }
  }

  /// The byte at which `part` stands first.
  static func find(_ part: String, in text: String, from start: Int = 0) -> Int? {
    let (text, part) = (Array(text.utf8), Array(part.utf8))
    guard part.count <= text.count else { return nil }
    var position = start
    while position <= text.count - part.count {
      if text[position..<position + part.count].elementsEqual(part) { return position }
      position += 1
    }
    return nil
  }

  /// The parts of `text` between occurrences of `separator`, which is not empty; at most `most` cuts.
  static func split(_ text: String, _ separator: String, most: Int = .max) -> [String] {
    let bytes = Array(text.utf8)
    let separator = Array(separator.utf8)
    var parts: [String] = []
    var start = 0
    var position = 0
    while position + separator.count <= bytes.count, parts.count < most {
      if bytes[position..<position + separator.count].elementsEqual(separator) {
        parts.append(String(decoding: bytes[start..<position], as: UTF8.self))
        position += separator.count
        start = position
      } else {
        position += 1
      }
    }
    parts.append(String(decoding: bytes[start...], as: UTF8.self))
    return parts
  }

  /// `text` without the characters of `set` (blanks for nil) at its ends.
  static func strip(
    _ text: String, _ set: String? = nil, left: Bool = true, right: Bool = true
  ) -> String {
    let set = set.map { Set($0.unicodeScalars) }
    func goes(_ scalar: Unicode.Scalar) -> Bool {
      set.map { $0.contains(scalar) } ?? isBlank(scalar)
    }
    var scalars = text.unicodeScalars[...]
    if left { scalars = scalars.drop(while: goes) }
    if right { while let last = scalars.last, goes(last) { scalars.removeLast() } }
    return String(String.UnicodeScalarView(scalars))
  }

  /// Python's `isspace`.
  static func isBlank(_ scalar: Unicode.Scalar) -> Bool {
    scalar.properties.isWhitespace || ("\u{1c}"..."\u{1f}").contains(scalar)
  }
}
