import TerminalUI
import Testing

/// People who begin with another assumption each, at a terminal in memory with the real engine: all end at the same decision.
@MainActor @Suite(.serialized) struct PeopleTests {
  private typealias Step = ScriptedTerminal.Step

  /// From Target to the verdict by Enter.
  private static let fromTarget: [Step] =
    [
      .on("Target", enter: "methods for", "enter")
    ] + fromMethod

  private static let fromMethod: [Step] = [
    .on("Method", enter: "use", "enter"), .on("Method", enter: "quantize", "enter"),
    .on("Calibrate", enter: "see the errors", "6"),
    .on("Quality", enter: "measure quality", "enter"),
    .on("Quality", enter: "measure speed", "enter"),
    .on("Profile", enter: "measure speed", "enter"),
    .on("Profile", enter: "hear the verdict", "enter"),
    .on("Verdict", enter: "save the run", "q", "y"),
  ]

  private static let model = Step.on("Model", enter: "choose what to quantize", "enter")

  /// To a screen whose question cannot be answered yet, and back from there.
  private static func tooEarly(_ key: String, _ title: String) -> [Step] {
    [
      .on("Model", enter: "choose what to quantize", key),
      .on(title, enter: "quantize first", "enter"),
      .on("Calibrate", enter: "choose a method first", "enter"),
    ] + fromMethod
  }

  private static let people: [(who: String, steps: [Step])] = [
    ("follows the walk", [model] + fromTarget),
    ("wants the verdict at once", tooEarly("8", "Verdict")),
    ("wants quality at once", tooEarly("6", "Quality")),
    ("wants speed at once", tooEarly("7", "Profile")),
    (
      "compares before there is anything",
      [
        .on("Model", enter: "choose what to quantize", "9"),
        .on("Compare", enter: "make a first run", "enter"), model,
      ] + fromTarget
    ),
    (
      "names a file that is not there",
      [
        .on("Model", enter: "choose what to quantize", "o", "/no/such/model", "enter"),
        .on("Model", seeing: "/no/such/model", "esc", "home"), model,
      ] + fromTarget
    ),
    (
      "is sure that the cache is it, and takes it out again",
      [
        .on("Model", enter: "choose what to quantize", "3"),
        .on("Method", enter: "use", "tab", "tab", "home", "down", "down", "tab", "enter"),
        .on("Method", seeing: "in the recipe", "tab", "tab", "f", "2"),
      ] + fromTarget
    ),
    (
      "thinks of a thousand requests, then of the one there is",
      [
        .on("Model", enter: "choose what to quantize", "2"),
        .on("Target", enter: "methods for", "home", "down", "e", "ctrl+u", "1000", "enter"),
        .on("Target", enter: "methods for", "e", "ctrl+u", "1", "enter"),
      ] + fromTarget
    ),
    (
      "looks for the answer under Choose, and has no time for it",
      [
        .on("Model", enter: "choose what to quantize", "D"),
        .on("Choose", enter: "choose", "u", "2"),
      ] + fromTarget
    ),
    (
      "reads everything first",
      [
        .on("Model", enter: "choose what to quantize", "?"),
        .on("Model", seeing: "Esc", "esc", "O"),
        .on("Outliers", enter: "survey the activations", "K"),
        .on("Caches", enter: "compare caches", "2"),
      ] + fromTarget
    ),
  ]

  /// What is decided for, between the marks of a recipe, and the figures of the second check, which no clock moves.
  private static func decision(_ screen: [String]) -> [String] {
    let text = screen.joined(separator: " ").split { $0 == " " || $0 == "│" }.joined(separator: " ")
    let recipe = text.split(separator: "`").dropFirst().first.map(String.init) ?? ""
    let quality = text.firstRange(of: "KL ").map { String(text[$0.lowerBound...].prefix(20)) } ?? ""
    return [recipe, quality]
  }

  @Test func allEndAtTheSameDecision() throws {
    var decisions: [[String]] = []
    for (who, steps) in Self.people {
      let run = try LoopRun(steps)
      try #require(run.terminal.failure == nil, "\(who): \(run.terminal.failure ?? "")")
      let verdict = try #require(run.terminal.met.last)
      let decision = Self.decision(verdict)
      #expect(decision[0].contains(" ") && decision[1].count > 6, "\(who): \(decision)\n\(verdict)")
      decisions.append(decision)
    }
    for (index, decision) in decisions.enumerated() {
      #expect(decision == decisions[0], "\(Self.people[index].who)")
    }
  }
}
