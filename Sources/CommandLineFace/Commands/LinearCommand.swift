import ArgumentParser
import Engine
import Operators
import Platform
import Wording

/// One linear layer timed in several forms.
struct LinearCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "linear",
    abstract: "Time one linear layer in several forms, interleaved.",
    discussion: """
      Weights and inputs are random; the conversion of the inputs counts. Speed-ups and distances are against the first \
      form. Forms: \(LinearForm.names.joined(separator: ", ")). LLM.int8() shows its two paths: how many columns each \
      multiplied, and how long it took. 'of limit' holds a form against what bounds it, measured in slices between the \
      rounds: reading its weights for one token, the multiplying unit for more.
      """)

  @Option(help: "Output channels.")
  var rows = 2048
  @Option(help: "Input channels.")
  var columns = 2048
  @Option(help: "Tokens.")
  var tokens = 512
  @Option(help: "A form; may be given several times. BF16 against W8A8 without it.")
  var form: [String] = []
  @Option(help: "How much input channels differ in size: factors of e^(SPREAD * normal).")
  var spread = 0.0
  @Option(help: "Rounds of all forms; medians are reported.")
  var rounds = 10
  @Option(help: "Seed of the random numbers.")
  var seed: UInt64 = 0
  @Flag(help: "Run copies of a layer in turn, 256 MB of them, so that weights come from memory.")
  var cold = false
  @OptionGroup var runtime: RuntimeOptions
  @OptionGroup var output: OutputOptions

  func validate() throws {
    for name in form where LinearForm(name) == nil {
      throw ValidationError(
        "--form: expected one of \(LinearForm.names.joined(separator: ", ")), found '\(name)'")
    }
    guard (1...10_000).contains(rounds) else {
      throw ValidationError("--rounds: expected 1 to 10000, found \(rounds)")
    }
    guard (0...8).contains(spread) else {
      throw ValidationError("--spread: expected 0 to 8, found \(spread)")
    }
  }

  func run() throws {
    let forms = (form.isEmpty ? ["bf16", "w8a8"] : form).compactMap(LinearForm.init)
    let bench = try LinearBench(
      rows: rows, columns: columns, tokens: tokens, forms: forms, spread: spread, seed: seed,
      copyBytes: cold ? 256 << 20 : 0,
      pool: WorkerPool(threads: runtime.threads ?? Machine.usableCores),
      provider: runtime.provider.flatMap(ExecutionProvider.init(rawValue:)) ?? .best,
      disabledKernels: Set(runtime.disabledKernels))
    let report = try bench.run(rounds: rounds) { try Interrupt.control.checkpoint() }
    if output.json { return try Output.json(report) }
    print(
      "\(report.rows) x \(report.columns), \(report.tokens) tokens, \(report.threads) threads, "
        + "provider \(report.provider.rawValue), median of \(report.rounds)")
    Output.table(
      ["form", "time", "speed-up", "operations/s", "of limit", "distance", "bytes", "kernel"],
      report.forms.map { row in
        [
          row.form, Quantity.seconds(row.seconds), Quantity.times(row.speedup),
          Quantity.rate(row.rate, "op/s"),
          Quantity.percent(row.limitShare, 0) + " " + row.limit.label,
          Quantity.significant(row.distance, 3),
          Quantity.bytes(row.packedBytes), row.kernel + (row.reason.map { ": \($0)" } ?? ""),
        ]
      })
    let split = report.forms.filter { $0.paths != nil }
    guard !split.isEmpty else { return }
    print("The two paths of LLM.int8():")
    Output.table(
      ["form", "path", "columns", "share of columns", "time", "share of time", "weights read"],
      split.flatMap { row in
        let paths = row.paths ?? []
        let total = paths.reduce(0) { $0 + $1.seconds }
        return paths.map { path in
          [
            row.form, path.kernel, Quantity.fixed(path.columns, 0),
            Quantity.percent(path.columns / Double(report.columns), 1),
            Quantity.seconds(path.seconds), Quantity.percent(path.seconds / max(total, 1e-12), 0),
            Quantity.bytes(path.bytes),
          ]
        }
      })
  }
}
