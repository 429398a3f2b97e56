import Testing
import Workbench

/// What lessons ask of the state.
@Suite struct LessonExpressionTests {
  private static let figures: [String: Figure] = [
    "a": .number(2), "b.c": .number(10), "kept.kl-4": .number(0.5), "word": .text("kv"),
  ]

  private static func value(_ text: String) throws -> Figure? {
    try LessonExpression(text).value { figures[$0] }
  }

  @Test(arguments: [
    ("1 + 2 * 3", 7.0), ("(1 + 2) * 3", 9), ("b.c / a", 5), ("b.c - a - 3", 5),
    ("kept.kl-4 * 4", 2), ("a < b.c", 1), ("a >= b.c", 0), ("word == 'kv'", 1),
    ("word != 'kv' or a == 2", 1), ("not (a == 2) and nothing > 1", 0), ("a == 2 or nothing", 1),
    ("least(b.c, a, 7)", 1), ("most(b.c, a, 7)", 0), ("max(a, 3)", 3), ("abs(a - b.c)", 8),
  ]) func hasAValue(text: String, expected: Double) throws {
    #expect(try Self.value(text) == .number(expected), "\(text)")
  }

  @Test(arguments: [
    "nothing", "nothing + 1", "a and nothing", "a / 0", "least(a, nothing)", "word < 3",
  ])
  func isUnknown(text: String) throws {
    #expect(try Self.value(text) == nil, "\(text)")
  }

  @Test(arguments: [
    ("", "expected a figure, found the end"), ("a +", "found the end"), ("(a", "expected ')'"),
    ("a b", "expected the end, found b"), ("'open", "expected a closing '"),
    ("run(a)", "expected one of least, most"), ("a ; b", "expected the end"),
    ("= 3", "expected a figure"),
    (String(repeating: "(", count: 500), "fewer brackets"),
    (String(repeating: "not ", count: 500), "fewer brackets"),
    ("a" + String(repeating: " + a", count: 30_000), "expected at most 1000 words and signs"),
  ]) func isRefused(text: String, words: String) {
    let error = #expect(throws: LessonExpressionError.self) { try LessonExpression(text) }
    #expect(error?.description.contains(words) == true, "\(error?.description ?? "")")
  }

  @Test func namesAreFound() throws {
    #expect(
      try LessonExpression("least(a.b, kept.x-y) < 3 and 'c' == d").names == [
        "a.b", "kept.x-y", "d",
      ])
  }
}
