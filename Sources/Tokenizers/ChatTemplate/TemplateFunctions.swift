/// Functions that every template has.
enum TemplateFunctions {
  static let names: Set<String> = ["range", "namespace", "dict", "raise_exception", "strftime_now"]

  static func call(
    _ name: String, _ arguments: TemplateInterpreter.Arguments, now: ChatTemplate.Moment, line: Int
  ) throws(ChatTemplateError) -> TemplateValue {
    switch name {
    case "raise_exception": throw .refused(arguments.value(0, "message")?.text ?? "no reason given")
    case "strftime_now":
      return .string(try now.text(arguments.value(0, "format")?.text ?? "", line: line))
    case "range": return try range(arguments.positional, line: line)
    default:
      var fields = TemplateDictionary()
      if case .dictionary(let given) = arguments.positional.first { fields = given }
      for argument in arguments.named { fields[argument.name] = argument.value }
      guard name == "namespace" else { return .dictionary(fields) }
      let namespace = TemplateNamespace()
      namespace.fields = fields
      return .namespace(namespace)
    }
  }

  private static func range(
    _ bounds: [TemplateValue], line: Int
  ) throws(ChatTemplateError) -> TemplateValue {
    let numbers = bounds.compactMap(\.asInteger)
    guard (1...3).contains(bounds.count), numbers.count == bounds.count,
      numbers.count < 3 || numbers[2] != 0
    else { throw .evaluation(line: line, "range takes one to three integers, the step not zero") }
    let start = numbers.count > 1 ? numbers[0] : 0
    let end = numbers.count > 1 ? numbers[1] : numbers[0]
    let step = numbers.count > 2 ? numbers[2] : 1
    let (length, overflow) = end.subtractingReportingOverflow(start)
    // Jinja's sandbox has the same bound.
    guard !overflow, length / step <= 100_000 else { throw .limit("100000 numbers in a range") }
    return .list(stride(from: start, to: end, by: step).map(TemplateValue.integer))
  }
}

extension ChatTemplate.Moment {
  private static let months = [
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October",
    "November", "December",
  ]
  private static let weekdays = [
    "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday",
  ]

  /// Python's `strftime` in the C locale.
  func text(_ format: String, line: Int) throws(ChatTemplateError) -> String {
    var result = ""
    var scalars = format.unicodeScalars[...]
    while let scalar = scalars.popFirst() {
      guard scalar == "%" else {
        result.unicodeScalars.append(scalar)
        continue
      }
      var isPadded = true
      if scalars.first == "-" {
        scalars.removeFirst()
        isPadded = false
      }
      let code = scalars.popFirst()
      guard let part = part(code, isPadded: isPadded) else {
        throw .unsupported(
          line: line, construct: "%\(code.map { String(Character($0)) } ?? "") in strftime_now")
      }
      result += part
    }
    return result
  }

  private func part(_ code: Unicode.Scalar?, isPadded: Bool) -> String? {
    func number(_ value: Int, _ width: Int = 2) -> String {
      let digits = "\(value)"
      return isPadded
        ? String(repeating: "0", count: max(0, width - digits.count)) + digits : digits
    }
    let monthName = Self.months.indices.contains(month - 1) ? Self.months[month - 1] : ""
    let dayName = Self.weekdays.indices.contains(weekday) ? Self.weekdays[weekday] : ""
    switch code {
    case "Y": return number(year, 4)
    case "y": return number(year % 100)
    case "m": return number(month)
    case "d": return number(day)
    case "e": return (day < 10 && isPadded ? " " : "") + "\(day)"
    case "B": return monthName
    case "b", "h": return String(monthName.prefix(3))
    case "A": return dayName
    case "a": return String(dayName.prefix(3))
    case "H": return number(hour)
    case "I": return number((hour + 11) % 12 + 1)
    case "p": return hour < 12 ? "AM" : "PM"
    case "M": return number(minute)
    case "S": return number(second)
    case "j": return number(dayOfYear, 3)
    case "w": return "\(weekday)"
    case "F": return "\(number(year, 4))-\(number(month))-\(number(day))"
    case "T": return "\(number(hour)):\(number(minute)):\(number(second))"
    case "D": return "\(number(month))/\(number(day))/\(number(year % 100))"
    case "%": return "%"
    default: return nil
    }
  }
}

/// Values as JSON, spelled as Python's `json.dumps` does with `ensure_ascii=False`.
enum TemplateJSON {
  /// - Parameter arguments: `indent`, `separators` and `sort_keys`, as `transformers` takes them.
  static func text(
    _ value: TemplateValue, _ arguments: TemplateInterpreter.Arguments, line: Int
  ) throws(ChatTemplateError) -> String {
    // transformers' own filter takes ensure_ascii first.
    let indent = arguments.value(1, "indent")?.asInteger
    var (comma, colon) = (indent == nil ? ", " : ",", ": ")
    if case .list(let separators) = arguments.value(2, "separators"), separators.count == 2 {
      (comma, colon) = (separators[0].text, separators[1].text)
    }
    if arguments.value(0, "ensure_ascii")?.isTrue ?? false {
      throw .unsupported(line: line, construct: "tojson with ensure_ascii")
    }
    let writer = Writer(
      indent: indent.map { max(0, min(64, $0)) }, comma: comma, colon: colon,
      sortsKeys: arguments.value(3, "sort_keys")?.isTrue ?? false, line: line)
    var output = ""
    try writer.write(value, level: 0, to: &output)
    return output
  }

  private struct Writer {
    let indent: Int?
    let comma: String
    let colon: String
    let sortsKeys: Bool
    let line: Int

    func write(
      _ value: TemplateValue, level: Int, to output: inout String
    ) throws(ChatTemplateError) {
      switch value {
      case .none: output += "null"
      case .bool(let value): output += value ? "true" : "false"
      case .integer(let value): output += "\(value)"
      case .float(let value):
        output +=
          value.isFinite ? "\(value)" : value.isNaN ? "NaN" : value < 0 ? "-Infinity" : "Infinity"
      case .string(let text): output += Self.quoted(text)
      case .list(let items):
        try enclose("[", "]", items.count, level: level, to: &output) {
          (place, output) throws(ChatTemplateError) in
          try write(items[place], level: level + 1, to: &output)
        }
      case .dictionary(let dictionary):
        var members = dictionary.members
        if sortsKeys {
          members.sort { $0.name.unicodeScalars.lexicographicallyPrecedes($1.name.unicodeScalars) }
        }
        try enclose("{", "}", members.count, level: level, to: &output) {
          (place, output) throws(ChatTemplateError) in
          output += Self.quoted(members[place].name) + colon
          try write(members[place].value, level: level + 1, to: &output)
        }
      case .undefined, .namespace, .function:
        throw .evaluation(line: line, "expected a value for tojson, found \(value.kind)")
      }
    }

    private func enclose(
      _ open: String, _ close: String, _ count: Int, level: Int, to output: inout String,
      _ item: (Int, inout String) throws(ChatTemplateError) -> Void
    ) throws(ChatTemplateError) {
      output += open
      for place in 0..<count {
        if place > 0 { output += comma }
        if let indent { output += "\n" + String(repeating: " ", count: indent * (level + 1)) }
        try item(place, &output)
      }
      if count > 0, let indent { output += "\n" + String(repeating: " ", count: indent * level) }
      output += close
    }

    private static func quoted(_ text: String) -> String {
      var result = "\""
      for scalar in text.unicodeScalars {
        switch scalar {
        case "\"": result += "\\\""
        case "\\": result += "\\\\"
        case "\n": result += "\\n"
        case "\r": result += "\\r"
        case "\t": result += "\\t"
        case "\u{08}": result += "\\b"
        case "\u{0c}": result += "\\f"
        case "\u{0}"..<" ":
          let digits = String(scalar.value, radix: 16)
          result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
        default: result.unicodeScalars.append(scalar)
        }
      }
      return result + "\""
    }
  }
}
