/// A part of a template that does something.
indirect enum TemplateStatement: Sendable {
  case text(String)
  case output(TemplateExpression)
  /// Conditions with their bodies in order, and what happens else.
  case choice(
    [(condition: TemplateExpression, body: [TemplateStatement])], otherwise: [TemplateStatement])
  case loop(TemplateLoop)
  case assignment(TemplateTarget, TemplateExpression)
  /// `{% set x %}...{% endset %}`.
  case capture(String, [TemplateStatement], line: Int)
  case macro(TemplateMacro)
  /// `{% with %}`, and blocks that only mark a part of the text.
  case scope([(TemplateTarget, TemplateExpression)], [TemplateStatement])
  case leaveLoop
  case nextInLoop
}

struct TemplateLoop: Sendable {
  var target: TemplateTarget
  var source: TemplateExpression
  var filter: TemplateExpression?
  var body: [TemplateStatement]
  var otherwise: [TemplateStatement]
}

struct TemplateMacro: Sendable {
  var name: String
  var parameters: [(name: String, standard: TemplateExpression?)]
  var body: [TemplateStatement]
}

/// What a value is given to.
indirect enum TemplateTarget: Sendable {
  case name(String)
  /// `ns.field`, of a namespace.
  case attribute(String, String)
  case several([TemplateTarget])
}

/// An expression and the line it stands in.
struct TemplateExpression: Sendable {
  indirect enum Kind: Sendable {
    case literal(TemplateValue)
    case name(String)
    case list([TemplateExpression])
    case dictionary([(key: TemplateExpression, value: TemplateExpression)])
    case attribute(TemplateExpression, String)
    case item(TemplateExpression, TemplateExpression)
    case slice(TemplateExpression, TemplateExpression?, TemplateExpression?, TemplateExpression?)
    case call(TemplateExpression, TemplateArguments)
    case filter(TemplateExpression, String, TemplateArguments)
    case test(TemplateExpression, String, TemplateArguments, isNegated: Bool)
    case unary(String, TemplateExpression)
    case binary(String, TemplateExpression, TemplateExpression)
    case choice(TemplateExpression, condition: TemplateExpression, otherwise: TemplateExpression?)
  }

  let kind: Kind
  let line: Int
  /// Expressions inside one another, this one counted.
  let depth: Int

  init(kind: Kind, line: Int) {
    self.kind = kind
    self.line = line
    depth = kind.deepest + 1
  }
}

extension TemplateExpression.Kind {
  /// The depth of the deepest part.
  fileprivate var deepest: Int {
    func deepest(_ parts: [TemplateExpression?]) -> Int {
      parts.reduce(0) { max($0, $1?.depth ?? 0) }
    }
    switch self {
    case .literal, .name: return 0
    case .list(let items): return deepest(items)
    case .dictionary(let members): return deepest(members.flatMap { [$0.key, $0.value] })
    case .attribute(let base, _): return base.depth
    case .item(let base, let place): return deepest([base, place])
    case .slice(let base, let lower, let upper, let step):
      return deepest([base, lower, upper, step])
    case .call(let base, let arguments), .filter(let base, _, let arguments),
      .test(let base, _, let arguments, _):
      return max(base.depth, deepest(arguments.positional), deepest(arguments.named.map(\.value)))
    case .unary(_, let operand): return operand.depth
    case .binary(_, let left, let right): return deepest([left, right])
    case .choice(let value, let condition, let otherwise):
      return deepest([value, condition, otherwise])
    }
  }
}

struct TemplateArguments: Sendable {
  var positional: [TemplateExpression] = []
  var named: [(name: String, value: TemplateExpression)] = []
}
