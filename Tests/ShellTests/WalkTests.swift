import Tensors
import TerminalUI
import TestSupport
import Testing

/// The walk from Model to Compare, Enter by Enter, on the built-in model with the real engine: keys in, screens out.
@MainActor @Suite(.serialized) struct WalkTests {
  /// Types the walk for a target; yields the screens in the order of the steps.
  private func walk(_ target: String) throws -> LoopRun {
    try LoopRun([
      .on("Model", enter: "choose what to quantize", "enter"),
      .on("Target", enter: "methods for the \(target)", "enter").searching("."),
      .on("Method", enter: "use", "enter"),
      .on("Method", enter: "quantize", "enter"),
      .on("Calibrate", enter: "see the errors", "enter"),
      .on("Heatmap", enter: "look into", "enter"),
      .on("Heatmap", enter: "measure quality", "enter"),
      .on("Quality", enter: "measure quality", "enter"),
      .on("Quality", enter: "measure speed", "enter"),
      .on("Profile", enter: "measure speed", "enter"),
      .on("Profile", enter: "hear the verdict", "enter"),
      .on("Verdict", enter: "save the run", "enter"),
      .on("Verdict", enter: "compare runs", "enter"),
      .on("Compare", seeing: "0001", "q", "y"),
    ])
  }

  /// What every walk must have shown, and that Enter took the method that Target advised first.
  private func check(_ run: LoopRun, compare target: String) throws {
    try #require(run.terminal.failure == nil, "\(run.terminal.failure ?? "")")
    #expect(run.code == 0)
    try #require(run.terminal.met.count == 14)
    let shown: [Int: [String]] = [
      0: ["tales-5M", "parameters"], 1: ["workload", "try "], 3: ["price"], 4: ["log"],
      7: ["how it is measured"], 8: ["perplexity", "top-1"], 10: ["decode/s", "prefill/s"],
    ]
    for (step, words) in shown.sorted(by: { $0.key < $1.key }) {
      let screen = run.terminal.met[step].joined(separator: "\n")
      for word in words {
        #expect(screen.contains(word), "step \(step): expected '\(word)' on\n\(screen)")
      }
    }
    let advised = try #require(Self.advised(run.terminal.met[1]), "no 'try' on Target")
    let compare = run.terminal.met[13].joined(separator: "\n")
    #expect(
      compare.contains("\(target) \(advised)"), "expected \(target) \(advised) on\n\(compare)")
  }

  /// The method that stands first after `try` on Target.
  private static func advised(_ screen: [String]) -> String? {
    for line in screen {
      guard let found = line.firstRange(of: "try ") else { continue }
      return String(line[found.upperBound...].prefix { $0 != "," && $0 != " " })
    }
    return nil
  }

  @Test func weights() throws { try check(walk("weights"), compare: "weights") }
  @Test func activations() throws { try check(walk("activations"), compare: "activations") }
  @Test func cache() throws { try check(walk("KV cache"), compare: "KV") }
}

/// The walk of a candidate: a file that is held against the open model, from Model straight to Heatmap.
@MainActor @Suite(.serialized) struct CandidateWalkTests {
  @Test func goesOnAtTheHeatmap() throws {
    let folder = try TemporaryFolder()
    var parts = #filePath.split(separator: "/", omittingEmptySubsequences: false)
    parts.removeLast(3)
    var copy = try GGUFCopy(of: parts.joined(separator: "/") + "/Sources/DemoModel/tales-5M")
    copy.type = { _ in .q4_0 }
    try copy.write(to: folder.path("candidate.gguf"))
    let run = try LoopRun([
      .on(
        "Model", enter: "choose what to quantize", "+", folder.path("candidate.gguf"), "enter"),
      .on("Model", enter: "compare layer by layer", "enter"),
      .on("Heatmap", enter: "compare layers", "enter"),
      .on("Heatmap", enter: "look into", ".", "enter"),
      .on("Heatmap", enter: "measure quality", "enter"),
      .on("Quality", enter: "measure quality", "enter"),
      .on("Quality", enter: "measure speed", "enter"),
      .on("Profile", enter: "measure speed", "enter"),
      .on("Profile", enter: "hear the verdict", "enter"),
      .on("Verdict", enter: "save the run", "enter"),
      .on("Verdict", enter: "compare runs", "enter"),
      .on("Compare", seeing: "0001", "q", "y"),
    ])
    try #require(run.terminal.failure == nil, "\(run.terminal.failure ?? "")")
    #expect(run.code == 0)
    try #require(run.terminal.met.count == 12)
    let shown: [Int: [String]] = [
      1: ["candidate.gguf", "tales-5M", "FP baseline", "what it is stored as", "Q4_0"],
      3: ["candidate.gguf (Q4_0)"], 6: ["candidate.gguf (Q4_0)", "against BF16"],
      11: ["candidate.gguf (Q4_0)"],
    ]
    for (step, words) in shown.sorted(by: { $0.key < $1.key }) {
      let screen = run.terminal.met[step].joined(separator: "\n")
      for word in words {
        #expect(screen.contains(word), "step \(step): expected '\(word)' on\n\(screen)")
      }
    }
  }
}
