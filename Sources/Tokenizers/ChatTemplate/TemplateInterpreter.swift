/// Fills in a template: walks its statements with the values of names.
struct TemplateInterpreter {
  /// What leaves the statements of a loop's body early.
  private enum Flow { case onward, leave, next }

  let now: ChatTemplate.Moment
  private var frames: [TemplateDictionary] = [TemplateDictionary()]
  private var output = ""
  private var stepsLeft = 5_000_000
  private var depth = 0
  /// Statements and values that are being found, each for the one before.
  private var levels = 0

  private static let longestOutput = 64 << 20
  private static let deepest = 128
  private static let heaviest = 1 << 20
  private static let mostLevels = 2000

  init(now: ChatTemplate.Moment) { self.now = now }

  mutating func run(_ statements: [TemplateStatement]) throws(ChatTemplateError) -> String {
    _ = try execute(statements)
    return output
  }

  // MARK: Names

  mutating func assign(_ name: String, _ value: TemplateValue) {
    frames[frames.count - 1][name] = value
  }

  func value(of name: String) -> TemplateValue {
    for frame in frames.reversed() {
      if let value = frame[name] { return value }
    }
    return TemplateFunctions.names.contains(name) ? .function(.builtin(name)) : .undefined(name)
  }

  private mutating func assign(
    _ target: TemplateTarget, _ value: TemplateValue, line: Int
  ) throws(ChatTemplateError) {
    switch target {
    case .name(let name): assign(name, value)
    case .attribute(let name, let field):
      guard case .namespace(let namespace) = self.value(of: name) else {
        throw .evaluation(line: line, "only fields of a namespace can be set, not of \(name)")
      }
      namespace.fields[field] = value
      _ = try weighed(self.value(of: name))
    case .several(let targets):
      let items = try items(of: value, line: line)
      guard items.count == targets.count else {
        throw .evaluation(
          line: line, "expected \(targets.count) values to take apart, found \(items.count)")
      }
      for (target, item) in zip(targets, items) { try assign(target, item, line: line) }
    }
  }

  /// Counts work, so that no template runs for ever.
  mutating func step(_ count: Int = 1) throws(ChatTemplateError) {
    stepsLeft -= count
    guard stepsLeft > 0 else { throw .limit("5000000 steps") }
  }

  /// The same value, unless it has become too large; its weight counts as work.
  mutating func weighed(_ value: TemplateValue) throws(ChatTemplateError) -> TemplateValue {
    guard let weight = value.weight(limit: Self.heaviest) else {
      throw .limit("\(Self.heaviest) parts of one value, and 72 inside one another")
    }
    stepsLeft -= weight / 16
    return value
  }

  mutating func nested<Result>(
    _ body: (inout TemplateInterpreter) throws(ChatTemplateError) -> Result
  ) throws(ChatTemplateError) -> Result {
    depth += 1
    defer { depth -= 1 }
    guard depth <= Self.deepest else { throw .limit("\(Self.deepest) calls inside one another") }
    return try body(&self)
  }

  /// Goes down to a part; `ascend` comes up again.
  mutating func descend() throws(ChatTemplateError) {
    guard levels < Self.mostLevels else {
      throw .limit("\(Self.mostLevels) statements and values inside one another")
    }
    levels += 1
  }

  mutating func ascend() { levels -= 1 }

  // MARK: Statements

  private mutating func write(_ text: String) throws(ChatTemplateError) {
    output += text
    guard output.utf8.count <= Self.longestOutput else {
      throw .limit("\(Self.longestOutput) bytes of text")
    }
  }

  private mutating func execute(
    _ statements: [TemplateStatement]
  ) throws(ChatTemplateError) -> Flow {
    try descend()
    defer { ascend() }
    for statement in statements {
      try step()
      let flow = try execute(statement)
      if flow != .onward { return flow }
    }
    return .onward
  }

  private mutating func execute(
    _ statement: TemplateStatement
  ) throws(ChatTemplateError) -> Flow {
    switch statement {
    case .text(let text): try write(text)
    case .output(let expression): try write(try evaluate(expression).text)
    case .choice(let branches, let otherwise):
      for branch in branches where try evaluate(branch.condition).isTrue {
        return try execute(branch.body)
      }
      return try execute(otherwise)
    case .loop(let loop): try execute(loop)
    case .assignment(let target, let expression):
      try assign(target, try evaluate(expression), line: expression.line)
    case .capture(let name, let body, _):
      assign(name, .string(try captured(body)))
    case .macro(let macro): assign(macro.name, .function(.macro(macro)))
    case .scope(let assignments, let body):
      let saved = frames
      frames.append(TemplateDictionary())
      for (target, expression) in assignments {
        try assign(target, try evaluate(expression), line: expression.line)
      }
      let flow = try execute(body)
      frames = saved
      return flow
    case .leaveLoop: return .leave
    case .nextInLoop: return .next
    }
    return .onward
  }

  /// The text that statements put out.
  private mutating func captured(
    _ body: [TemplateStatement]
  ) throws(ChatTemplateError) -> String {
    let before = output
    output = ""
    _ = try execute(body)
    let text = output
    output = before
    return text
  }

  private mutating func execute(_ loop: TemplateLoop) throws(ChatTemplateError) {
    let line = loop.source.line
    var items = try items(of: try evaluate(loop.source), line: line)
    if let filter = loop.filter {
      var kept: [TemplateValue] = []
      for item in items {
        try step()
        frames.append(TemplateDictionary())
        try assign(loop.target, item, line: line)
        if try evaluate(filter).isTrue { kept.append(item) }
        frames.removeLast()
      }
      items = kept
    }
    guard !items.isEmpty else {
      _ = try execute(loop.otherwise)
      return
    }
    for (index, item) in items.enumerated() {
      // What `loop` knows is made anew each time.
      try step(10)
      frames.append(TemplateDictionary())
      assign("loop", Self.state(index, items))
      try assign(loop.target, item, line: line)
      let flow = try execute(loop.body)
      frames.removeLast()
      if flow == .leave { return }
    }
  }

  /// What `loop` knows at a place.
  private static func state(_ index: Int, _ items: [TemplateValue]) -> TemplateValue {
    var loop = TemplateDictionary()
    loop["index"] = .integer(index + 1)
    loop["index0"] = .integer(index)
    loop["revindex"] = .integer(items.count - index)
    loop["revindex0"] = .integer(items.count - index - 1)
    loop["first"] = .bool(index == 0)
    loop["last"] = .bool(index == items.count - 1)
    loop["length"] = .integer(items.count)
    loop["depth"] = .integer(1)
    loop["previtem"] = index > 0 ? items[index - 1] : .undefined("loop.previtem")
    loop["nextitem"] = index + 1 < items.count ? items[index + 1] : .undefined("loop.nextitem")
    loop["cycle"] = .function(.cycle(index))
    return .dictionary(loop)
  }

  /// The text that a macro makes; it sees the names of the whole template and its own parameters.
  mutating func call(
    _ macro: TemplateMacro, _ positional: [TemplateValue],
    _ named: [(name: String, value: TemplateValue)], line: Int
  ) throws(ChatTemplateError) -> TemplateValue {
    guard positional.count <= macro.parameters.count else {
      throw .evaluation(
        line: line,
        "\(macro.name) takes \(macro.parameters.count) arguments, found \(positional.count)")
    }
    return try nested { (inner: inout TemplateInterpreter) throws(ChatTemplateError) in
      let saved = inner.frames
      inner.frames = [inner.frames[0], TemplateDictionary()]
      for (place, parameter) in macro.parameters.enumerated() {
        if place < positional.count {
          inner.assign(parameter.name, positional[place])
        } else if let argument = named.first(where: { $0.name == parameter.name }) {
          inner.assign(parameter.name, argument.value)
        } else if let standard = parameter.standard {
          inner.assign(parameter.name, try inner.evaluate(standard))
        } else {
          inner.assign(parameter.name, .undefined(parameter.name))
        }
      }
      let text = try inner.captured(macro.body)
      inner.frames = saved
      return .string(text)
    }
  }

  /// What a loop goes over: items, names of members, characters.
  func items(of value: TemplateValue, line: Int) throws(ChatTemplateError) -> [TemplateValue] {
    switch value {
    case .list(let items): return items
    case .dictionary(let dictionary): return dictionary.members.map { .string($0.name) }
    case .string(let text):
      return text.unicodeScalars.map { .string(String(Character($0))) }
    case .undefined: return []
    default: throw .evaluation(line: line, "expected something to go through, found \(value.kind)")
    }
  }
}
