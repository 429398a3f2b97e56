import ArgumentParser
import Engine
import Planning
import Wording

/// A workload to measure besides: its prompt and generated tokens are those of `bench`.
struct PlannedWorkloadGroup: ParsableArguments {
  @Option(help: "Measure a planned workload too: tokens one request may hold.")
  var context: Int?

  @Option(help: "Requests in flight at a time, with --context.")
  var requests: Int?

  @Option(help: "Sequences decoded in one step, with --context.")
  var batch: Int?

  @Option(
    name: .customLong("prefix-share"),
    help: "Share of the context all requests have in common, 0 to 1, with --context.")
  var prefixShare: Double?

  @Option(help: "Memory that may be used: 24GB, 512MB, or bytes, with --context.")
  var memory: String?

  @Option(
    help: "A described machine to model the workload for, with --context; 'this' measures it.")
  var machine: String?

  func validate() throws {
    for (name, value) in [
      ("--context", context), ("--requests", requests), ("--batch", batch),
    ] {
      guard let value, !(1...100_000_000).contains(value) else { continue }
      throw ValidationError("\(name): expected 1 to 100000000, found \(value)")
    }
    if let prefixShare, !(0...1).contains(prefixShare) {
      throw ValidationError("--prefix-share: expected 0 to 1, found \(prefixShare)")
    }
    if let memory, ByteText.parse(memory) == nil {
      throw ValidationError("--memory: expected a size such as 24GB or 512MB, found '\(memory)'")
    }
    let given = [
      ("--requests", requests != nil), ("--batch", batch != nil),
      ("--prefix-share", prefixShare != nil), ("--memory", memory != nil),
      ("--machine", machine != nil),
    ].filter(\.1)
    if context == nil, let first = given.first {
      throw ValidationError("\(first.0): expected --context next to it, the tokens of a request")
    }
  }

  /// The workload; nil where none was asked for.
  func workload(prompt: Int, generate: Int) -> Workload? {
    context.map {
      Workload(
        context: $0, requests: requests ?? 1, sharedPrefix: prefixShare ?? 0,
        promptTokens: prompt, generatedTokens: generate, batch: batch ?? 1,
        memoryBudget: memory.flatMap(ByteText.parse))
    }
  }
}

extension BenchCommand {
  static func show(_ report: WorkloadReport) {
    print("Under \(report.workload.words) on \(report.machine), \(report.source):")
    func spread(_ value: WorkloadTimes.Spread) -> String {
      report.isModelled
        ? "\(Quantity.times(value.median)) modelled"
        : "\(Quantity.times(value.median)) (\(Quantity.fixed(value.low, 2)) to \(Quantity.fixed(value.high, 2)))"
    }
    Output.table(
      [
        "", "prompt", "as fast", "a step", "as fast", "a request", "as fast", "weights", "cache",
        "requests that fit",
      ],
      [report.baseline, report.quantized].map { side in
        [
          side.recipe, Quantity.seconds(side.times.promptSeconds),
          spread(side.times.promptSpeedup), Quantity.seconds(side.times.stepSeconds),
          spread(side.times.stepSpeedup), Quantity.seconds(side.times.request),
          spread(side.times.speedup), Quantity.bytes(side.weightBytes),
          Quantity.bytes(side.cacheBytes),
          side.fittingRequests >= 1_000_000
            ? "any number" : Quantity.grouped(side.fittingRequests),
        ]
      })
    print(
      report.resource == .capacity
        ? "Memory binds: it does not fit as it is."
        : "\(report.phase.words) binds: \(Quantity.percent(report.phaseShare)) of a request of the baseline."
    )
  }
}
