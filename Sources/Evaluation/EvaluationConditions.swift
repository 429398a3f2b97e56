/// How a report's figures of quality were taken: what reports must have in common for their figures to be ranked together.
package struct EvaluationConditions: Hashable, Sendable {
  /// In which conditions can differ.
  package enum Kind: String, Hashable, Sendable, CaseIterable {
    case procedure = "protocols or texts"
    case windows = "numbers of windows"
    case tail = "full-precision tails of the cache"
    case baseline = "baselines"
    case model = "models or sizes of a model"
  }

  /// By kind, in words.
  package let parts: [Kind: String]

  package init(_ parts: [Kind: String]) { self.parts = parts }

  /// `llama.cpp 512, no BOS, a.txt, 24 windows`; the usual is not told.
  package var words: String {
    Kind.allCases.compactMap { parts[$0] }.filter { !$0.isEmpty }.joined(separator: ", ")
  }

  /// The kinds in which some of them differ from others.
  package static func differences(_ all: [EvaluationConditions]) -> [Kind] {
    Kind.allCases.filter { kind in Set(all.map { $0.parts[kind] ?? "" }).count > 1 }
  }

  /// `different protocols or texts, different baselines`; nil where all are alike.
  package static func differenceWords(_ all: [EvaluationConditions]) -> String? {
    let kinds = differences(all)
    guard !kinds.isEmpty else { return nil }
    return "different " + kinds.map(\.rawValue).joined(separator: ", ")
  }
}

extension EvaluationReport {
  /// How its figures were taken, the model left out.
  package var conditions: EvaluationConditions {
    var procedure = "\(self.protocol.rawValue) \(window)" + (begin.map { ", \($0.short)" } ?? "")
    if prefill == .full { procedure += ", FP prefill" }
    procedure += ", \(text)"
    // A full-precision tail is part of the method and of what it costs: the same tail on both sides, or no ranking.
    return EvaluationConditions([
      .procedure: procedure, .windows: "\(windows) window\(windows == 1 ? "" : "s")",
      .tail: tail.map { "last \($0) tokens FP" } ?? "",
      .baseline: baseline.name == "BF16" ? "" : "against \(baseline.name)",
    ])
  }
}
