/// What a lesson asks of the state: `plan.memory.kvCache > plan.memory.weights and workload.requests <= 8`.
///
/// Figures have names with dots; texts stand in single quotes. There are `+ - * /`, the comparisons, `and`, `or`, `not`, and
/// `least(a, b, …)` and `most(…)`, which tell the place, from 0, of the least and the greatest, `max`, `min`, `abs`. What is not
/// known yet makes the whole unknown.
package indirect enum LessonExpression: Hashable, Sendable {
  case value(Figure)
  case name(String)
  case binary(String, LessonExpression, LessonExpression)
  case not(LessonExpression)
  case call(String, [LessonExpression])

  static let functions = ["least", "most", "max", "min", "abs"]

  /// Reads an expression.
  ///
  /// - Throws: `LessonExpressionError` that says what was expected and found.
  package init(_ text: String) throws(LessonExpressionError) {
    var parser = LessonExpressionParser(text)
    self = try parser.whole()
  }

  /// Its value; nil while a figure in it is not known.
  package func value(_ figure: (String) -> Figure?) -> Figure? {
    switch self {
    case .value(let value): return value
    case .name(let name): return figure(name)
    case .not(let inner): return inner.value(figure).map { .number($0.holds ? 0 : 1) }
    case .binary(let sign, let left, let right):
      // Half of a choice is enough to know it.
      if sign == "or" || sign == "and" {
        let sides = [left.value(figure), right.value(figure)]
        let settles = sides.contains { $0.map { $0.holds == (sign == "or") } ?? false }
        if settles { return .number(sign == "or" ? 1 : 0) }
        return sides.contains(nil) ? nil : .number(sign == "or" ? 0 : 1)
      }
      guard let one = left.value(figure), let other = right.value(figure) else { return nil }
      return Self.combined(sign, one, other)
    case .call(let function, let arguments):
      let values = arguments.compactMap { $0.value(figure)?.number }
      guard values.count == arguments.count else { return nil }
      return Self.called(function, values)
    }
  }

  /// The names of figures in it.
  package var names: [String] {
    switch self {
    case .value: []
    case .name(let name): [name]
    case .not(let inner): inner.names
    case .binary(_, let left, let right): left.names + right.names
    case .call(_, let arguments): arguments.flatMap(\.names)
    }
  }

  private static func combined(_ sign: String, _ one: Figure, _ other: Figure) -> Figure? {
    func truth(_ value: Bool) -> Figure { .number(value ? 1 : 0) }
    guard let left = one.number, let right = other.number else {
      switch sign {
      case "==": return truth(one.words() == other.words())
      case "!=": return truth(one.words() != other.words())
      default: return nil
      }
    }
    switch sign {
    case "==": return truth(left == right)
    case "!=": return truth(left != right)
    case "<": return truth(left < right)
    case "<=": return truth(left <= right)
    case ">": return truth(left > right)
    case ">=": return truth(left >= right)
    case "+": return .number(left + right)
    case "-": return .number(left - right)
    case "*": return .number(left * right)
    case "/": return right == 0 ? nil : .number(left / right)
    default: return nil
    }
  }

  private static func called(_ function: String, _ values: [Double]) -> Figure? {
    guard let least = values.min(), let most = values.max() else { return nil }
    switch function {
    case "least": return values.firstIndex(of: least).map { .number(Double($0)) }
    case "most": return values.firstIndex(of: most).map { .number(Double($0)) }
    case "max": return .number(most)
    case "min": return .number(least)
    case "abs": return .number(abs(values[0]))
    default: return nil
    }
  }
}

/// What is wrong with an expression.
package struct LessonExpressionError: Error, Hashable, Sendable, CustomStringConvertible {
  package var text: String
  package var expected: String
  package var found: String

  package var description: String { "'\(text)': expected \(expected), found \(found)" }
}

/// Reads an expression from left to right, what binds more first.
private struct LessonExpressionParser {
  private let text: String
  private var tokens: [String]
  private var depth = 0

  init(_ text: String) {
    self.text = text
    tokens = Self.split(text).reversed()
  }

  /// Words and signs: a row of them nests without any bracket.
  private static let most = 1000

  mutating func whole() throws(LessonExpressionError) -> LessonExpression {
    guard tokens.count <= Self.most else {
      throw error("at most \(Self.most) words and signs", "\(tokens.count)")
    }
    let found = try either()
    if let rest = tokens.last { throw error("the end", rest) }
    return found
  }

  private mutating func either() throws(LessonExpressionError) -> LessonExpression {
    try chain(["or"]) { parser throws(LessonExpressionError) in try parser.both() }
  }

  private mutating func both() throws(LessonExpressionError) -> LessonExpression {
    try chain(["and"]) { parser throws(LessonExpressionError) in try parser.comparison() }
  }

  private mutating func comparison() throws(LessonExpressionError) -> LessonExpression {
    let left = try sum()
    guard let sign = take(["==", "!=", "<=", ">=", "<", ">"]) else { return left }
    return .binary(sign, left, try sum())
  }

  private mutating func sum() throws(LessonExpressionError) -> LessonExpression {
    try chain(["+", "-"]) { parser throws(LessonExpressionError) in try parser.product() }
  }

  private mutating func product() throws(LessonExpressionError) -> LessonExpression {
    try chain(["*", "/"]) { parser throws(LessonExpressionError) in try parser.atom() }
  }

  private mutating func chain(
    _ signs: [String],
    _ part: (inout Self) throws(LessonExpressionError) -> LessonExpression
  ) throws(LessonExpressionError) -> LessonExpression {
    var found = try part(&self)
    while let sign = take(signs) { found = .binary(sign, found, try part(&self)) }
    return found
  }

  private mutating func atom() throws(LessonExpressionError) -> LessonExpression {
    depth += 1
    defer { depth -= 1 }
    guard depth < 60 else { throw error("fewer brackets", "60 in one another") }
    guard let token = tokens.popLast() else { throw error("a figure", "the end") }
    if token == "not" { return .not(try atom()) }
    if token == "(" {
      let inner = try either()
      try close()
      return inner
    }
    if token.hasPrefix("'") {
      guard token.count > 1, token.hasSuffix("'") else { throw error("a closing '", token) }
      return .value(.text(String(token.dropFirst().dropLast())))
    }
    if let number = Double(token) { return .value(.number(number)) }
    guard let first = token.first, first.isLetter else { throw error("a figure", "'\(token)'") }
    guard tokens.last == "(" else { return .name(token) }
    guard LessonExpression.functions.contains(token) else {
      throw error("one of " + LessonExpression.functions.joined(separator: ", "), "'\(token)('")
    }
    tokens.removeLast()
    var arguments = [try either()]
    while take([","]) != nil { arguments.append(try either()) }
    try close()
    return .call(token, arguments)
  }

  private mutating func close() throws(LessonExpressionError) {
    guard take([")"]) != nil else { throw error("')'", tokens.last ?? "the end") }
  }

  private mutating func take(_ signs: [String]) -> String? {
    guard let next = tokens.last, signs.contains(next) else { return nil }
    return tokens.removeLast()
  }

  private func error(_ expected: String, _ found: String) -> LessonExpressionError {
    LessonExpressionError(text: text, expected: expected, found: found)
  }

  /// Texts in quotes, names and numbers, signs.
  private static func split(_ text: String) -> [String] {
    let letters = Array(text)
    var tokens: [String] = []
    var index = 0
    func isName(_ character: Character) -> Bool {
      character.isLetter || character.isNumber || character == "." || character == "_"
    }
    while index < letters.count {
      let start = index
      if letters[index] == " " {
        index += 1
        continue
      }
      if letters[index] == "'" {
        index += 1
        while index < letters.count, letters[index] != "'" { index += 1 }
        index = min(index + 1, letters.count)
      } else if isName(letters[index]) {
        // A hyphen belongs to a name where letters or digits stand on both sides of it.
        while index < letters.count,
          isName(letters[index])
            || letters[index] == "-" && index + 1 < letters.count && isName(letters[index + 1])
              && letters[start].isLetter
        {
          index += 1
        }
      } else {
        let two = String(letters[index..<min(index + 2, letters.count)])
        index += ["==", "!=", "<=", ">="].contains(two) ? 2 : 1
      }
      tokens.append(String(letters[start..<index]))
    }
    return tokens
  }
}
