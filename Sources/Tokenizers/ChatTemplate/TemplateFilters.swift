/// Filters: `value | name(arguments)`.
enum TemplateFilters {
  /// All that are executed; others are refused when a template is read.
  static let names: Set<String> = [
    "abs", "capitalize", "count", "d", "default", "dictsort", "first", "float", "indent", "int",
    "items", "join", "last", "length", "list", "lower", "map", "max", "min", "reject", "rejectattr",
    "replace", "reverse", "round", "safe", "select", "selectattr", "sort", "string", "sum", "title",
    "tojson", "trim", "unique", "upper",
  ]

  static func apply(
    _ name: String, _ value: TemplateValue, _ arguments: TemplateInterpreter.Arguments, line: Int
  ) throws(ChatTemplateError) -> TemplateValue {
    switch name {
    case "trim":
      return .string(TemplateText.strip(value.text, arguments.value(0, "chars")?.asString))
    case "upper": return .string(value.text.uppercased())
    case "lower": return .string(value.text.lowercased())
    case "title": return .string(titled(value.text))
    case "capitalize": return .string(capitalized(value.text))
    case "string", "safe": return .string(value.text)
    case "replace":
      return .string(
        try replaced(
          value.text, arguments.value(0, "old")?.text ?? "", arguments.value(1, "new")?.text ?? "",
          line: line))
    case "indent": return .string(try indented(value.text, arguments))
    case "default", "d":
      let standard = arguments.value(0, "default_value") ?? .string("")
      if case .undefined = value { return standard }
      let replacesFalse = arguments.value(1, "boolean")?.isTrue ?? false
      return replacesFalse && !value.isTrue ? standard : value
    case "tojson":
      return .string(try TemplateJSON.text(value, arguments, line: line))
    case "int", "float", "abs", "round": return try number(name, value, arguments, line: line)
    default: return try ofItems(name, value, arguments, line: line)
    }
  }

  // MARK: Lists

  private static func ofItems(
    _ name: String, _ value: TemplateValue, _ arguments: TemplateInterpreter.Arguments, line: Int
  ) throws(ChatTemplateError) -> TemplateValue {
    switch (name, value) {
    case ("length", .namespace), ("count", .namespace), ("length", .none), ("count", .none):
      throw .evaluation(line: line, "\(value.kind) has no length")
    case ("reverse", .string(let text)):
      return .string(String(String.UnicodeScalarView(text.unicodeScalars.reversed())))
    case ("items", .dictionary(let dictionary)):
      return .list(dictionary.members.map { .list([.string($0.name), $0.value]) })
    case ("items", .undefined): return .list([])
    case ("dictsort", .dictionary(let dictionary)):
      let sorted = dictionary.members.sorted {
        $0.name.lowercased().unicodeScalars.lexicographicallyPrecedes(
          $1.name.lowercased().unicodeScalars)
      }
      return .list(sorted.map { .list([.string($0.name), $0.value]) })
    default: break
    }
    let items = try listed(value, name, line: line)
    switch name {
    case "length", "count": return .integer(items.count)
    case "first": return items.first ?? .undefined("the first of nothing")
    case "last": return items.last ?? .undefined("the last of nothing")
    case "list": return .list(items)
    case "reverse": return .list(items.reversed())
    case "join":
      var items = items
      if let attribute = arguments.value(1, "attribute") {
        items = try attributes(attribute.text, items, line: line)
      }
      return try joined(.list(items), separator: arguments.value(0, "d")?.text ?? "", line: line)
    case "unique":
      var kept: [TemplateValue] = []
      for item in items where !kept.contains(where: { $0.equals(item) }) { kept.append(item) }
      return .list(kept)
    case "sort": return .list(try sorted(items, arguments, line: line))
    case "min", "max":
      var best = items.first ?? .undefined("the \(name) of nothing")
      for item in items.dropFirst() {
        let isBetter =
          try name == "min"
          ? TemplateOperators.isLess(item, best, line: line)
          : TemplateOperators.isLess(best, item, line: line)
        if isBetter { best = item }
      }
      return best
    case "sum":
      var total = TemplateValue.integer(0)
      for item in items {
        total = try TemplateOperators.binary("+", total, item, line: line)
      }
      return total
    default: throw .evaluation(line: line, "\(value.kind) has no filter \(name)")
    }
  }

  private static func listed(
    _ value: TemplateValue, _ name: String, line: Int
  ) throws(ChatTemplateError) -> [TemplateValue] {
    switch value {
    case .list(let items): return items
    case .dictionary(let dictionary): return dictionary.members.map { .string($0.name) }
    case .string(let text): return text.unicodeScalars.map { .string(String(Character($0))) }
    case .undefined: return []
    default: throw .evaluation(line: line, "\(name): expected a list, found \(value.kind)")
    }
  }

  private static func attributes(
    _ path: String, _ items: [TemplateValue], line: Int
  ) throws(ChatTemplateError) -> [TemplateValue] {
    var found: [TemplateValue] = []
    for item in items { found.append(try TemplateMembers.path(path, of: item, line: line)) }
    return found
  }

  static func joined(
    _ value: TemplateValue, separator: String, line: Int
  ) throws(ChatTemplateError) -> TemplateValue {
    let texts = try listed(value, "join", line: line).map(\.text)
    let separators = separator.utf8.count.multipliedReportingOverflow(by: texts.count)
    try TemplateText.check(separators.overflow ? .max : separators.partialValue)
    try TemplateText.check(texts.reduce(separators.partialValue) { $0 + $1.utf8.count })
    return .string(texts.joined(separator: separator))
  }

  /// In order, those of one rank as they came; strings without regard to case unless asked for.
  private static func sorted(
    _ items: [TemplateValue], _ arguments: TemplateInterpreter.Arguments, line: Int
  ) throws(ChatTemplateError) -> [TemplateValue] {
    var keys = items
    if let attribute = arguments.value(2, "attribute") {
      keys = try attributes(attribute.text, items, line: line)
    }
    if !(arguments.value(1, "case_sensitive")?.isTrue ?? false) {
      keys = keys.map { key in key.asString.map { .string($0.lowercased()) } ?? key }
    }
    let isReversed = arguments.value(0, "reverse")?.isTrue ?? false
    var order: [Int] = []
    for place in items.indices {
      var position = order.count
      while position > 0 {
        let other = keys[order[position - 1]]
        let precedes =
          try isReversed
          ? TemplateOperators.isLess(other, keys[place], line: line)
          : TemplateOperators.isLess(keys[place], other, line: line)
        guard precedes else { break }
        position -= 1
      }
      order.insert(place, at: position)
    }
    return order.map { items[$0] }
  }

  // MARK: Strings and numbers

  private static func number(
    _ name: String, _ value: TemplateValue, _ arguments: TemplateInterpreter.Arguments, line: Int
  ) throws(ChatTemplateError) -> TemplateValue {
    let parsed = value.asNumber ?? Double(TemplateText.strip(value.text))
    switch name {
    case "int":
      if let integer = value.asInteger ?? Int(TemplateText.strip(value.text)) {
        return .integer(integer)
      }
      return parsed.flatMap { Int(exactly: $0.rounded(.towardZero)) }.map(TemplateValue.integer)
        ?? arguments.value(0, "default") ?? .integer(0)
    case "float":
      return parsed.map(TemplateValue.float) ?? arguments.value(0, "default") ?? .float(0)
    case "abs":
      if let integer = value.asInteger, integer != .min { return .integer(abs(integer)) }
      if let number = value.asNumber { return .float(abs(number)) }
    default:
      guard arguments.positional.count < 2, arguments.named.isEmpty else {
        throw .unsupported(line: line, construct: "round by a method")
      }
      if let number = value.asNumber {
        let digits = arguments.positional.first?.asInteger ?? 0
        guard (0...15).contains(digits) else {
          throw .unsupported(line: line, construct: "round to \(digits) digits")
        }
        let scale = (0..<digits).reduce(1.0) { power, _ in power * 10 }
        return .float((number * scale).rounded(.toNearestOrEven) / scale)
      }
    }
    throw .evaluation(line: line, "\(name): expected a number, found \(value.kind)")
  }

  static func replaced(
    _ text: String, _ old: String, _ new: String, line: Int
  ) throws(ChatTemplateError) -> String {
    guard !old.isEmpty else { throw .unsupported(line: line, construct: "replace of nothing") }
    let parts = TemplateText.split(text, old)
    let added = new.utf8.count.multipliedReportingOverflow(by: parts.count)
    try TemplateText.check(added.overflow ? .max : added.partialValue)
    return parts.joined(separator: new)
  }

  static func capitalized(_ text: String) -> String {
    guard let first = text.unicodeScalars.first else { return text }
    let rest = String(text.unicodeScalars.dropFirst())
    return first.properties.titlecaseMapping + rest.lowercased()
  }

  static func titled(_ text: String) -> String {
    var result = ""
    var followsLetter = false
    for scalar in text.unicodeScalars {
      result +=
        followsLetter ? scalar.properties.lowercaseMapping : scalar.properties.titlecaseMapping
      followsLetter = scalar.properties.isAlphabetic
    }
    return result
  }

  private static func indented(
    _ text: String, _ arguments: TemplateInterpreter.Arguments
  ) throws(ChatTemplateError) -> String {
    let width = arguments.value(0, "width") ?? .integer(4)
    let indent =
      width.asString ?? String(repeating: " ", count: max(0, min(1024, width.asInteger ?? 4)))
    let indentsFirst = arguments.value(1, "first")?.isTrue ?? false
    let indentsBlank = arguments.value(2, "blank")?.isTrue ?? false
    let lines = TemplateText.split(text, "\n")
    try TemplateText.check(min(indent.utf8.count, 64 << 20) * lines.count)
    return lines.enumerated().map { number, line in
      number == 0 && !indentsFirst || number > 0 && line.isEmpty && !indentsBlank
        ? line : indent + line
    }.joined(separator: "\n")
  }
}
