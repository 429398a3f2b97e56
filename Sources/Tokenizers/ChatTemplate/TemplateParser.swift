/// Reads the statements of a template; expressions are in `TemplateParser+Expressions`.
///
/// What Jinja has and this has not is refused with its line before anything is filled in.
struct TemplateParser {
  var items: [TemplateLexer.Item]
  var position = 0
  var depth = 0

  static let deepest = 64
  /// Operations in a row, each on what the one before gives.
  static let longestRow = 400

  static func parse(_ template: String) throws(ChatTemplateError) -> [TemplateStatement] {
    var parser = TemplateParser(items: try TemplateLexer.items(of: template))
    let statements = try parser.body(until: [])
    guard parser.position == parser.items.count else {
      throw parser.wrong("a statement that begins something")
    }
    return statements
  }

  var line: Int { position < items.count ? items[position].line : items.last?.line ?? 1 }

  func peek(_ offset: Int = 0) -> TemplateToken? {
    position + offset < items.count ? items[position + offset].token : nil
  }

  func wrong(_ expected: String) -> ChatTemplateError {
    .syntax(line: line, expected: expected, found: peek()?.words ?? "the end")
  }

  mutating func accept(_ token: TemplateToken) -> Bool {
    guard peek() == token else { return false }
    position += 1
    return true
  }

  mutating func expect(_ token: TemplateToken) throws(ChatTemplateError) {
    guard accept(token) else { throw wrong(token.words) }
  }

  mutating func name() throws(ChatTemplateError) -> String {
    guard case .name(let name) = peek() else { throw wrong("a name") }
    position += 1
    return name
  }

  mutating func deeper<Result>(
    _ body: (inout TemplateParser) throws(ChatTemplateError) -> Result
  ) throws(ChatTemplateError) -> Result {
    depth += 1
    defer { depth -= 1 }
    guard depth <= Self.deepest else { throw .limit("\(Self.deepest) levels of nesting") }
    return try body(&self)
  }

  /// Statements up to a block that begins with one of `ends`, which is not read.
  private mutating func body(until ends: [String]) throws(ChatTemplateError) -> [TemplateStatement]
  {
    try deeper { (parser: inout TemplateParser) throws(ChatTemplateError) in
      var statements: [TemplateStatement] = []
      while let token = parser.peek() {
        switch token {
        case .text(let text):
          parser.position += 1
          statements.append(.text(text))
        case .beginOutput:
          parser.position += 1
          statements.append(.output(try parser.expressionOrTuple()))
          try parser.expect(.endOutput)
        case .beginBlock:
          guard case .name(let word) = parser.peek(1) else {
            parser.position += 1
            throw parser.wrong("the name of a block")
          }
          if ends.contains(word) { return statements }
          if word.hasPrefix("end") || ["else", "elif"].contains(word) { return statements }
          parser.position += 2
          statements.append(try parser.block(word))
        default: throw parser.wrong("text or a tag")
        }
      }
      return statements
    }
  }

  /// `{% end... %}`.
  private mutating func end(_ word: String) throws(ChatTemplateError) {
    try expect(.beginBlock)
    try expect(.name(word))
    try expect(.endBlock)
  }

  private mutating func block(_ word: String) throws(ChatTemplateError) -> TemplateStatement {
    switch word {
    case "if": return try choice()
    case "for": return try loop()
    case "set": return try set()
    case "macro": return try macro()
    case "with": return try with()
    case "generation":
      // Marks what an assistant said; the text is the same.
      try expect(.endBlock)
      let inner = try body(until: ["endgeneration"])
      try end("endgeneration")
      return .scope([], inner)
    case "break", "continue":
      try expect(.endBlock)
      return word == "break" ? .leaveLoop : .nextInLoop
    default:
      throw .unsupported(line: line, construct: "{% \(word) %}")
    }
  }

  private mutating func choice() throws(ChatTemplateError) -> TemplateStatement {
    var branches: [(condition: TemplateExpression, body: [TemplateStatement])] = []
    var otherwise: [TemplateStatement] = []
    var condition = try expressionOrTuple()
    try expect(.endBlock)
    while true {
      let inner = try body(until: ["elif", "else", "endif"])
      branches.append((condition, inner))
      try expect(.beginBlock)
      let word = try name()
      switch word {
      case "elif":
        condition = try expressionOrTuple()
        try expect(.endBlock)
        continue
      case "else":
        try expect(.endBlock)
        otherwise = try body(until: ["endif"])
        try end("endif")
      case "endif": try expect(.endBlock)
      default:
        position -= 1
        throw wrong("elif, else or endif")
      }
      return .choice(branches, otherwise: otherwise)
    }
  }

  private mutating func loop() throws(ChatTemplateError) -> TemplateStatement {
    let target = try target()
    try expect(.name("in"))
    let source = try expressionOrTuple(isLoopSource: true)
    var filter: TemplateExpression?
    if accept(.name("if")) { filter = try expression() }
    if peek() == .name("recursive") {
      throw .unsupported(line: line, construct: "a recursive loop")
    }
    try expect(.endBlock)
    let inner = try body(until: ["else", "endfor"])
    var otherwise: [TemplateStatement] = []
    if peek(1) == .name("else") {
      try end("else")
      otherwise = try body(until: ["endfor"])
    }
    try end("endfor")
    return .loop(
      TemplateLoop(
        target: target, source: source, filter: filter, body: inner, otherwise: otherwise))
  }

  private mutating func target() throws(ChatTemplateError) -> TemplateTarget {
    var targets = [try singleTarget()]
    while accept(.sign(",")) {
      guard peek() != .sign("="), peek() != .name("in"), peek() != .sign(")") else { break }
      targets.append(try singleTarget())
    }
    return targets.count == 1 ? targets[0] : .several(targets)
  }

  private mutating func singleTarget() throws(ChatTemplateError) -> TemplateTarget {
    if accept(.sign("(")) {
      let inner = try target()
      try expect(.sign(")"))
      return inner
    }
    let first = try name()
    if accept(.sign(".")) { return .attribute(first, try name()) }
    return .name(first)
  }

  private mutating func set() throws(ChatTemplateError) -> TemplateStatement {
    let start = line
    let target = try target()
    if accept(.sign("=")) {
      let value = try expressionOrTuple()
      try expect(.endBlock)
      return .assignment(target, value)
    }
    guard case .name(let name) = target else { throw wrong("\"=\"") }
    guard peek() != .sign("|") else {
      throw .unsupported(line: line, construct: "{% set %} with a filter around its text")
    }
    try expect(.endBlock)
    let inner = try body(until: ["endset"])
    try end("endset")
    return .capture(name, inner, line: start)
  }

  private mutating func macro() throws(ChatTemplateError) -> TemplateStatement {
    let name = try name()
    try expect(.sign("("))
    var parameters: [(name: String, standard: TemplateExpression?)] = []
    while !accept(.sign(")")) {
      if !parameters.isEmpty { try expect(.sign(",")) }
      if accept(.sign(")")) { break }
      let parameter = try self.name()
      parameters.append((parameter, accept(.sign("=")) ? try expression() : nil))
    }
    try expect(.endBlock)
    let inner = try body(until: ["endmacro"])
    try end("endmacro")
    return .macro(TemplateMacro(name: name, parameters: parameters, body: inner))
  }

  private mutating func with() throws(ChatTemplateError) -> TemplateStatement {
    var assignments: [(TemplateTarget, TemplateExpression)] = []
    while peek() != .endBlock {
      if !assignments.isEmpty { try expect(.sign(",")) }
      let target = try singleTarget()
      try expect(.sign("="))
      assignments.append((target, try expression()))
    }
    try expect(.endBlock)
    let inner = try body(until: ["endwith"])
    try end("endwith")
    return .scope(assignments, inner)
  }
}
