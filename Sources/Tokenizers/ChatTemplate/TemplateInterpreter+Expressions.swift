/// The values of expressions.
extension TemplateInterpreter {
  mutating func evaluate(
    _ expression: TemplateExpression
  ) throws(ChatTemplateError) -> TemplateValue {
    try step()
    try descend()
    defer { ascend() }
    let line = expression.line
    switch expression.kind {
    case .literal(let value): return value
    case .name(let name): return value(of: name)
    case .list(let expressions): return try weighed(.list(evaluate(expressions)))
    case .dictionary(let members):
      var dictionary = TemplateDictionary()
      for member in members {
        dictionary[try evaluate(member.key).text] = try evaluate(member.value)
      }
      return try weighed(.dictionary(dictionary))
    case .attribute(let base, let name):
      return try TemplateMembers.attribute(name, of: try evaluate(base), line: line)
    case .item(let base, let place):
      return try TemplateMembers.item(try evaluate(place), of: try evaluate(base), line: line)
    case .slice(let base, let lower, let upper, let step):
      return try TemplateMembers.slice(
        try evaluate(base), try evaluate(optional: lower), try evaluate(optional: upper),
        try evaluate(optional: step), line: line)
    case .call(let callee, let arguments):
      return try weighed(call(evaluate(callee), arguments, line: line))
    case .filter(let base, let name, let arguments):
      let value = try evaluate(base)
      return try weighed(apply(filter: name, to: value, evaluate(arguments), line: line))
    case .test(let base, let name, let arguments, let isNegated):
      let value = try evaluate(base)
      let holds = try TemplateTests.holds(
        name, value, try evaluate(arguments.positional), line: line)
      return .bool(holds != isNegated)
    case .unary(let sign, let operand):
      return try TemplateOperators.unary(sign, try evaluate(operand), line: line)
    case .binary("and", let left, let right):
      let value = try evaluate(left)
      return value.isTrue ? try evaluate(right) : value
    case .binary("or", let left, let right):
      let value = try evaluate(left)
      return value.isTrue ? value : try evaluate(right)
    case .binary(let sign, let left, let right):
      return try weighed(
        TemplateOperators.binary(sign, evaluate(left), evaluate(right), line: line))
    case .choice(let value, let condition, let otherwise):
      if try evaluate(condition).isTrue { return try evaluate(value) }
      return try evaluate(optional: otherwise) ?? .undefined("the other branch of an inline if")
    }
  }

  private mutating func evaluate(
    _ expressions: [TemplateExpression]
  ) throws(ChatTemplateError) -> [TemplateValue] {
    var values: [TemplateValue] = []
    for expression in expressions { values.append(try evaluate(expression)) }
    return values
  }

  /// Arguments with their values.
  struct Arguments {
    var positional: [TemplateValue]
    var named: [(name: String, value: TemplateValue)]

    /// The argument at a place or of a name.
    func value(_ place: Int, _ name: String) -> TemplateValue? {
      place < positional.count ? positional[place] : named.first { $0.name == name }?.value
    }
  }

  private mutating func evaluate(
    _ arguments: TemplateArguments
  ) throws(ChatTemplateError) -> Arguments {
    let positional = try evaluate(arguments.positional)
    var named: [(name: String, value: TemplateValue)] = []
    for argument in arguments.named {
      named.append((argument.name, try evaluate(argument.value)))
    }
    return Arguments(positional: positional, named: named)
  }

  private mutating func call(
    _ callee: TemplateValue, _ arguments: TemplateArguments, line: Int
  ) throws(ChatTemplateError) -> TemplateValue {
    guard case .function(let function) = callee else {
      throw .evaluation(line: line, "expected something to call, found \(callee.kind)")
    }
    let values = try evaluate(arguments)
    switch function {
    case .macro(let macro):
      return try call(macro, values.positional, values.named, line: line)
    case .builtin(let name):
      return try TemplateFunctions.call(name, values, now: now, line: line)
    case .method(let base, let name):
      return try TemplateMethods.call(name, on: base, values, line: line)
    case .cycle(let index):
      guard !values.positional.isEmpty else {
        throw .evaluation(line: line, "loop.cycle goes through its arguments, found none")
      }
      return values.positional[index % values.positional.count]
    }
  }

  /// `map`, `select` and their kin call filters and tests; the others are functions of values.
  private mutating func apply(
    filter name: String, to value: TemplateValue, _ arguments: Arguments, line: Int
  ) throws(ChatTemplateError) -> TemplateValue {
    switch name {
    case "map": return try map(value, arguments, line: line)
    case "select", "reject", "selectattr", "rejectattr":
      return try select(name, value, arguments, line: line)
    default: return try TemplateFilters.apply(name, value, arguments, line: line)
    }
  }

  private mutating func map(
    _ value: TemplateValue, _ arguments: Arguments, line: Int
  ) throws(ChatTemplateError) -> TemplateValue {
    var result: [TemplateValue] = []
    for item in try items(of: value, line: line) {
      try step()
      if let attribute = arguments.named.first(where: { $0.name == "attribute" })?.value {
        var found = try TemplateMembers.path(attribute.text, of: item, line: line)
        if case .undefined = found,
          let standard = arguments.named.first(where: { $0.name == "default" })?.value
        {
          found = standard
        }
        result.append(found)
      } else {
        guard let filter = arguments.positional.first?.asString,
          TemplateFilters.names.contains(filter)
        else {
          throw .evaluation(line: line, "map takes attribute=... or the name of a filter")
        }
        let rest = Arguments(
          positional: Array(arguments.positional.dropFirst()), named: arguments.named)
        result.append(try apply(filter: filter, to: item, rest, line: line))
      }
    }
    return .list(result)
  }

  private mutating func select(
    _ name: String, _ value: TemplateValue, _ arguments: Arguments, line: Int
  ) throws(ChatTemplateError) -> TemplateValue {
    var rest = arguments.positional[...]
    let attribute = name.hasSuffix("attr") ? rest.popFirst()?.text : nil
    let test = rest.popFirst()?.asString
    if let test, !TemplateTests.names.contains(test) {
      throw .unsupported(line: line, construct: "the test \"\(test)\"")
    }
    var result: [TemplateValue] = []
    for item in try items(of: value, line: line) {
      try step()
      var tested = item
      if let attribute {
        tested = try TemplateMembers.path(attribute, of: item, line: line)
      }
      var holds = tested.isTrue
      if let test { holds = try TemplateTests.holds(test, tested, Array(rest), line: line) }
      if holds != name.hasPrefix("reject") { result.append(item) }
    }
    return .list(result)
  }

  private mutating func evaluate(
    optional expression: TemplateExpression?
  ) throws(ChatTemplateError) -> TemplateValue? {
    guard let expression else { return nil }
    return try evaluate(expression)
  }
}
