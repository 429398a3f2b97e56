import ArgumentParser
import Engine
import Evaluation
import Profiling
import Wording

/// Tables of finished runs.
struct CompareCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "compare", abstract: "Put finished runs of the workspace side by side.")

  @Argument(help: "Runs, by id or path; all runs of the workspace without any.")
  var runs: [String] = []
  @Option(help: "Where finished runs are kept; the XDG data directory without it.")
  var workspace: String?
  @OptionGroup var output: OutputOptions

  func run() throws {
    let workspace = Workspace(directory: workspace)
    let records =
      runs.isEmpty ? workspace.runs().runs : try runs.map { try workspace.run(named: $0) }
    if output.json { return try Output.json(records) }
    guard !records.isEmpty else {
      print("No runs in \(workspace.directory) yet: save one from the workbench's verdict.")
      return
    }
    Output.table(
      [
        "run", "model", "recipe", "KL", "KL 99.9 %", "perplexity", "ln ratio", "top-1", "weights",
        "KV B/token", "decode tok/s", "protocol",
      ],
      records.map { run in
        let quality = run.evaluation
        return [
          run.id, run.model, run.words,
          quality.map { Quantity.significant($0.kl.mean) } ?? "-",
          quality?.kl.p999.map { Quantity.significant($0) } ?? "-",
          quality.map { Quantity.fixed($0.perplexity, 4) } ?? "-",
          quality?.figures.map { Quantity.signed($0.lnRatio.mean, 4) } ?? "-",
          quality.map { Quantity.percent($0.topOneAgreement, 1) } ?? "-",
          run.quantize.map { Quantity.bytes($0.outputBytes) } ?? "-",
          run.quantize.map { "\($0.kvBytesPerToken)" } ?? "-",
          run.bench.map { Quantity.significant($0.quantized.decode.tokensPerSecond) } ?? "-",
          quality?.conditions.words ?? "-",
        ]
      })
    let conditions = records.compactMap(\.conditions)
    if let differ = EvaluationConditions.differenceWords(conditions) {
      let found = Set(conditions.map(\.words)).sorted().joined(separator: "; ")
      print(
        "Measured by \(differ) (\(found)): perplexity, KL and top-1 do not compare between them.")
    }
  }
}
