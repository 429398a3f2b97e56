/// Tests: `value is name`.
enum TemplateTests {
  /// All that are executed; others are refused when a template is read.
  static let names: Set<String> = [
    "boolean", "callable", "defined", "divisibleby", "eq", "equalto", "even", "false", "float",
    "ge",
    "gt", "in", "integer", "iterable", "le", "lower", "lt", "mapping", "ne", "none", "number",
    "odd",
    "sameas", "sequence", "string", "true", "undefined", "upper",
  ]

  static func holds(
    _ name: String, _ value: TemplateValue, _ arguments: [TemplateValue], line: Int
  ) throws(ChatTemplateError) -> Bool {
    switch name {
    case "defined", "undefined":
      if case .undefined = value { return name == "undefined" }
      return name == "defined"
    case "even", "odd", "divisibleby":
      guard let integer = value.asInteger else {
        throw .evaluation(line: line, "\(name): expected an integer, found \(value.kind)")
      }
      guard name == "divisibleby" else { return (integer % 2 == 0) == (name == "even") }
      guard let divisor = arguments.first?.asInteger, divisor != 0, divisor != -1 else {
        throw .evaluation(line: line, "divisibleby takes an integer other than zero")
      }
      return integer % divisor == 0
    case "lower": return value.text.lowercased() == value.text
    case "upper": return value.text.uppercased() == value.text
    case "eq", "equalto", "sameas", "ne", "lt", "le", "gt", "ge", "in":
      guard let other = arguments.first else {
        throw .evaluation(line: line, "\(name) takes a value to compare with")
      }
      return try compares(name, value, other, line: line)
    default: return isKind(name, value)
    }
  }

  private static func compares(
    _ name: String, _ value: TemplateValue, _ other: TemplateValue, line: Int
  ) throws(ChatTemplateError) -> Bool {
    switch name {
    case "ne": return !value.equals(other)
    case "lt": return try TemplateOperators.isLess(value, other, line: line)
    case "gt": return try TemplateOperators.isLess(other, value, line: line)
    case "le": return try !TemplateOperators.isLess(other, value, line: line)
    case "ge": return try !TemplateOperators.isLess(value, other, line: line)
    case "in": return try TemplateOperators.contains(other, value, line: line)
    default: return value.equals(other)
    }
  }

  private static func isKind(_ name: String, _ value: TemplateValue) -> Bool {
    switch (name, value) {
    case ("none", .none), ("string", .string), ("mapping", .dictionary), ("boolean", .bool),
      ("integer", .integer), ("float", .float), ("number", .integer), ("number", .float),
      ("number", .bool), ("callable", .function), ("true", .bool(true)), ("false", .bool(false)),
      ("sequence", .string), ("sequence", .list), ("sequence", .dictionary),
      ("iterable", .string), ("iterable", .list), ("iterable", .dictionary),
      ("iterable", .undefined), ("sequence", .undefined):
      true
    default: false
    }
  }
}
