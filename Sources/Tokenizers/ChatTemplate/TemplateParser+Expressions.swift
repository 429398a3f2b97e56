/// Expressions, by Jinja's own precedence.
extension TemplateParser {
  /// An expression, or several with commas between them, which make a list.
  mutating func expressionOrTuple(
    isLoopSource: Bool = false
  ) throws(ChatTemplateError) -> TemplateExpression {
    let start = line
    // After a loop's source `if` begins its filter.
    let first = isLoopSource ? try either() : try expression()
    guard peek() == .sign(",") else { return first }
    var items = [first]
    while accept(.sign(",")) {
      if peek() == .endOutput || peek() == .endBlock || peek() == .sign(")") { break }
      items.append(try expression())
    }
    return TemplateExpression(kind: .list(items), line: start)
  }

  /// An expression that holds what stands before it; a row of them nests without any bracket.
  private func chained(
    _ kind: TemplateExpression.Kind, line: Int
  ) throws(ChatTemplateError) -> TemplateExpression {
    let made = TemplateExpression(kind: kind, line: line)
    guard made.depth <= Self.longestRow else {
      throw .limit("\(Self.longestRow) operations inside one another")
    }
    return made
  }

  mutating func expression() throws(ChatTemplateError) -> TemplateExpression {
    try deeper { (parser: inout TemplateParser) throws(ChatTemplateError) in
      var value = try parser.either()
      while parser.peek() == .name("if") {
        let line = parser.line
        parser.position += 1
        let condition = try parser.either()
        let otherwise = parser.accept(.name("else")) ? try parser.expression() : nil
        value = try parser.chained(
          .choice(value, condition: condition, otherwise: otherwise), line: line)
      }
      return value
    }
  }

  private mutating func either() throws(ChatTemplateError) -> TemplateExpression {
    var left = try both()
    while peek() == .name("or") {
      let line = line
      position += 1
      left = try chained(.binary("or", left, try both()), line: line)
    }
    return left
  }

  private mutating func both() throws(ChatTemplateError) -> TemplateExpression {
    var left = try negation()
    while peek() == .name("and") {
      let line = line
      position += 1
      left = try chained(.binary("and", left, try negation()), line: line)
    }
    return left
  }

  private mutating func negation() throws(ChatTemplateError) -> TemplateExpression {
    guard peek() == .name("not") else { return try comparison() }
    let line = line
    position += 1
    return try deeper { (parser: inout TemplateParser) throws(ChatTemplateError) in
      TemplateExpression(kind: .unary("not", try parser.negation()), line: line)
    }
  }

  /// Comparisons in a row hold each of their neighbours: `a < b < c`.
  private mutating func comparison() throws(ChatTemplateError) -> TemplateExpression {
    let first = try operation(level: 0)
    var right = first
    var result: TemplateExpression?
    while true {
      let line = line
      let word: String
      if case .sign(let sign) = peek(), ["==", "!=", "<", "<=", ">", ">="].contains(sign) {
        word = sign
        position += 1
      } else if accept(.name("in")) {
        word = "in"
      } else if peek() == .name("not"), peek(1) == .name("in") {
        position += 2
        word = "not in"
      } else {
        return result ?? first
      }
      let left = right
      right = try operation(level: 0)
      let step = TemplateExpression(kind: .binary(word, left, right), line: line)
      if let before = result {
        result = try chained(.binary("and", before, step), line: line)
      } else {
        result = step
      }
    }
  }

  private static let operators = [["+", "-"], ["~"], ["*", "/", "//", "%"]]

  private mutating func operation(level: Int) throws(ChatTemplateError) -> TemplateExpression {
    guard level < Self.operators.count else { return try power() }
    var left = try operation(level: level + 1)
    while case .sign(let sign) = peek(), Self.operators[level].contains(sign) {
      let line = line
      position += 1
      left = try chained(.binary(sign, left, try operation(level: level + 1)), line: line)
    }
    return left
  }

  private mutating func power() throws(ChatTemplateError) -> TemplateExpression {
    let left = try signed(takesFilters: true)
    if peek() == .sign("**") { throw .unsupported(line: line, construct: "\"**\"") }
    return left
  }

  private mutating func signed(takesFilters: Bool) throws(ChatTemplateError) -> TemplateExpression {
    let line = line
    var value: TemplateExpression
    if case .sign(let sign) = peek(), sign == "-" || sign == "+" {
      position += 1
      let operand = try deeper { (parser: inout TemplateParser) throws(ChatTemplateError) in
        try parser.signed(takesFilters: false)
      }
      value = TemplateExpression(kind: .unary(sign, operand), line: line)
    } else {
      value = try postfix(try primary())
    }
    return takesFilters ? try filtered(value) : value
  }

  private mutating func primary() throws(ChatTemplateError) -> TemplateExpression {
    let line = line
    func literal(_ value: TemplateValue) -> TemplateExpression {
      TemplateExpression(kind: .literal(value), line: line)
    }
    guard let token = peek() else { throw wrong("an expression") }
    switch token {
    case .name(let name):
      position += 1
      switch name {
      case "true", "True": return literal(.bool(true))
      case "false", "False": return literal(.bool(false))
      case "none", "None": return literal(.none)
      case "and", "or", "not", "in", "is", "if", "else":
        position -= 1
        throw wrong("an expression")
      default: return TemplateExpression(kind: .name(name), line: line)
      }
    case .string(var text):
      position += 1
      while case .string(let more) = peek() {
        text += more
        position += 1
      }
      return literal(.string(text))
    case .integer(let value):
      position += 1
      return literal(.integer(value))
    case .float(let value):
      position += 1
      return literal(.float(value))
    case .sign("("):
      position += 1
      if accept(.sign(")")) { return TemplateExpression(kind: .list([]), line: line) }
      let inner = try expressionOrTuple()
      try expect(.sign(")"))
      return inner
    case .sign("["):
      position += 1
      return TemplateExpression(kind: .list(try list(until: "]")), line: line)
    case .sign("{"):
      position += 1
      return try dictionary(line)
    default: throw wrong("an expression")
    }
  }

  private mutating func list(until end: String) throws(ChatTemplateError) -> [TemplateExpression] {
    var items: [TemplateExpression] = []
    while !accept(.sign(end)) {
      if !items.isEmpty { try expect(.sign(",")) }
      if accept(.sign(end)) { break }
      items.append(try expression())
    }
    return items
  }

  private mutating func dictionary(_ line: Int) throws(ChatTemplateError) -> TemplateExpression {
    var members: [(key: TemplateExpression, value: TemplateExpression)] = []
    while !accept(.sign("}")) {
      if !members.isEmpty { try expect(.sign(",")) }
      if accept(.sign("}")) { break }
      let key = try expression()
      try expect(.sign(":"))
      members.append((key, try expression()))
    }
    return TemplateExpression(kind: .dictionary(members), line: line)
  }

  private mutating func postfix(
    _ value: TemplateExpression
  ) throws(ChatTemplateError) -> TemplateExpression {
    var value = value
    while true {
      let line = line
      if accept(.sign(".")) {
        if case .integer(let index) = peek() {
          position += 1
          let place = TemplateExpression(kind: .literal(.integer(index)), line: line)
          value = try chained(.item(value, place), line: line)
        } else {
          value = try chained(.attribute(value, try name()), line: line)
        }
      } else if accept(.sign("[")) {
        value = try subscripted(value, line)
      } else if accept(.sign("(")) {
        value = try chained(.call(value, try arguments()), line: line)
      } else {
        return value
      }
    }
  }

  private mutating func subscripted(
    _ value: TemplateExpression, _ line: Int
  ) throws(ChatTemplateError) -> TemplateExpression {
    var bounds: [TemplateExpression?] = [nil]
    while !accept(.sign("]")) {
      if accept(.sign(":")) {
        bounds.append(nil)
      } else {
        bounds[bounds.count - 1] = try expression()
        guard peek() == .sign(":") || peek() == .sign("]") else { throw wrong("\"]\"") }
      }
    }
    switch (bounds.count, bounds[0]) {
    case (1, let index?): return try chained(.item(value, index), line: line)
    case (2, let lower): return try chained(.slice(value, lower, bounds[1], nil), line: line)
    case (3, let lower):
      return try chained(.slice(value, lower, bounds[1], bounds[2]), line: line)
    default: throw .syntax(line: line, expected: "an index or a slice", found: "none")
    }
  }

  /// What stands between brackets, the first of which is read.
  private mutating func arguments() throws(ChatTemplateError) -> TemplateArguments {
    var arguments = TemplateArguments()
    var isFirst = true
    while !accept(.sign(")")) {
      if !isFirst { try expect(.sign(",")) }
      isFirst = false
      if accept(.sign(")")) { break }
      if peek() == .sign("*") || peek() == .sign("**") {
        throw .unsupported(line: line, construct: "arguments from a list")
      }
      if case .name(let name) = peek(), peek(1) == .sign("=") {
        position += 2
        arguments.named.append((name, try expression()))
      } else {
        arguments.positional.append(try expression())
      }
    }
    return arguments
  }

  /// Filters and tests after a value.
  private mutating func filtered(
    _ value: TemplateExpression
  ) throws(ChatTemplateError) -> TemplateExpression {
    var value = value
    while true {
      let line = line
      if accept(.sign("|")) {
        let name = try name()
        guard TemplateFilters.names.contains(name) else {
          throw .unsupported(line: line, construct: "the filter \"\(name)\"")
        }
        let arguments = accept(.sign("(")) ? try arguments() : TemplateArguments()
        value = try chained(.filter(value, name, arguments), line: line)
      } else if accept(.name("is")) {
        value = try test(value, line)
      } else if peek() == .sign("("), case .filter = value.kind {
        throw .unsupported(line: line, construct: "a call of what a filter gives")
      } else {
        return value
      }
    }
  }

  private mutating func test(
    _ value: TemplateExpression, _ line: Int
  ) throws(ChatTemplateError) -> TemplateExpression {
    let isNegated = accept(.name("not"))
    let name = try name()
    guard TemplateTests.names.contains(name) else {
      throw .unsupported(line: line, construct: "the test \"\(name)\"")
    }
    var arguments = TemplateArguments()
    switch peek() {
    case .sign("("):
      position += 1
      arguments = try self.arguments()
    case .name(let next) where !["else", "or", "and", "is", "if", "in", "not"].contains(next):
      arguments.positional = [try postfix(try primary())]
    case .string, .integer, .float, .sign("["), .sign("{"):
      arguments.positional = [try postfix(try primary())]
    default: break
    }
    return try chained(.test(value, name, arguments, isNegated: isNegated), line: line)
  }
}
