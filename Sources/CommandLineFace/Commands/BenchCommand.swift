import ArgumentParser
import Engine
import Operators
import Profiling
import Wording

/// Speed, memory and kernels of a recipe or a file, its baseline measured next to it.
struct BenchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench",
    abstract:
      "Measure speed, memory and kernels, interleaved with the FP baseline or another model.")

  @OptionGroup var model: ModelArgument
  @OptionGroup var base: BaseOption
  @OptionGroup var recipe: RecipeOptions
  @OptionGroup var calibration: CalibrationGroup
  @OptionGroup var texts: ChatTextOption
  @Option(help: "Tokens of the prompt.")
  var prompt = 256
  @Option(help: "Tokens generated.")
  var generate = 64
  @Option(help: "Tokens in the cache before the prompt.")
  var depth = 0
  @Option(help: "Repetitions; the median is reported.")
  var repetitions = 5
  @Flag(name: .customLong("no-baseline"), help: "Leave the baseline out.")
  var noBaseline = false
  @OptionGroup var planned: PlannedWorkloadGroup
  @Flag(help: "Print what each operator of each block did, against the machine's roofline.")
  var layers = false
  @OptionGroup var witness: WitnessTimeOption
  @OptionGroup var keep: KeepOption
  @OptionGroup var runtime: RuntimeOptions
  @OptionGroup var output: OutputOptions

  func validate() throws {
    for (name, value, lowest) in [
      ("--prompt", prompt, 1), ("--generate", generate, 1), ("--depth", depth, 0),
      ("--repetitions", repetitions, 1),
    ] where value < lowest || value > 10_000_000 {
      throw ValidationError("\(name): expected \(lowest) to 10000000, found \(value)")
    }
  }

  func run() throws {
    try texts.check(calibration.calibration)
    // A program that is not there is told before anything is measured.
    let asked = try witness.asked()
    let session = try CommandSession(runtime)
    try session.open(
      model.model, recipe: recipe.parsed(), calibration.options(texts), against: base.against)
    let options = BenchOptions(
      prompt: prompt, generate: generate, depth: depth, repetitions: repetitions,
      includesBaseline: !noBaseline, witness: asked)
    let report = try session.perform(BenchJob(options: options))
    let workload = try planned.workload(prompt: prompt, generate: generate).map {
      try session.perform(WorkloadJob(workload: $0, machine: planned.machine))
    }
    if output.json {
      try Output.json(BenchDocument(report: report, workload: workload))
      return try keep.save(session, quietly: true)
    }
    Self.show(report)
    if let workload { Self.show(workload) }
    if layers { Self.showLayers(report) }
    try keep.save(session, quietly: false)
  }

  static func show(_ report: BenchReport) {
    let sides = [report.baseline, report.quantized].compactMap { $0 }
    print(
      (report.model.map { "\($0): " } ?? "")
        + "prompt \(report.promptTokens), generate \(report.generatedTokens), depth \(report.depth), "
        + "\(medianWords(report.repetitions)), provider \(report.quantized.provider.rawValue), "
        + "\(report.quantized.threads) threads")
    let base = sides.first
    Output.table(
      ["", "prefill tok/s", "decode tok/s", "first token", "weights", "KV B/token"],
      sides.map { side in
        func ratio(_ value: BenchReport.Rate, _ of: BenchReport.Rate?) -> String {
          guard sides.count > 1, let of, of.tokensPerSecond > 0 else { return value.words }
          return "\(value.words), \(Quantity.times(value.tokensPerSecond / of.tokensPerSecond))"
        }
        return [
          side.recipe, ratio(side.prefill, base?.prefill), ratio(side.decode, base?.decode),
          Quantity.seconds(side.firstTokenSeconds), Quantity.bytes(side.weightBytes),
          "\(side.kvBytesPerToken)",
        ]
      })
    for side in sides {
      for (phase, limit) in [("Prefill", side.prefillLimit), ("Decode", side.decodeLimit)] {
        if let limit { print("\(phase) of \(side.recipe): \(limit.words).") }
      }
    }
    for note in report.notes ?? [] { print(note) }
    for witness in report.witnesses ?? [] { WitnessTimeOption.show(witness) }
    if let open = report.openSeconds, let first = report.quantized.firstPassSeconds {
      print(
        "Opened in \(Quantity.seconds(open)); the first token, weights packed on the way, in "
          + "\(Quantity.seconds(first)).")
    }
    print("Kernels of \(report.quantized.recipe):")
    Output.table(
      ["operator", "kernel", "native", "calls", "time", "bytes/s", "inputs"],
      report.quantized.kernels.map { record in
        [
          record.operator, record.kernel,
          record.native ? "yes" : "no: \(record.reason ?? "")", "\(record.calls)",
          Quantity.seconds(record.seconds),
          Quantity.rate(record.bytes / max(record.seconds, 1e-9), "B/s"),
          Self.inputs(record),
        ]
      })
    showMemory(report)
    if let trace = report.quantized.trace {
      print(
        "\nThe trace, which is off while speed is measured, would take \(Quantity.percent(trace.share, 2)) of a token's "
          + "time: \(Quantity.fixed(trace.recordsPerToken, 0)) records of "
          + "\(Quantity.fixed(trace.secondsPerRecord * 1e9, 0)) ns in "
          + "\(Quantity.seconds(trace.secondsPerToken)).")
    }
  }
}

extension BenchCommand {
  /// What figures of so many repetitions are.
  static func medianWords(_ repetitions: Int) -> String {
    repetitions == 1 ? "one repetition" : "median of \(repetitions) (quartiles)"
  }

  /// What is known of the inputs: columns a call, values clipped.
  private static func inputs(_ record: KernelRecord) -> String {
    var parts: [String] = []
    if let columns = record.inputs?.columns {
      parts.append("\(Quantity.fixed(columns / Double(max(1, record.calls)), 1)) columns")
    }
    if let share = record.inputs?.clipShare {
      parts.append("\(Quantity.percent(share, 3)) clipped")
    }
    return parts.isEmpty ? "-" : parts.joined(separator: ", ")
  }
}

/// The JSON document of `bench`: the quantized side's fields, and `baseline` with the same fields.
struct BenchDocument: Encodable {
  let report: BenchReport
  var workload: WorkloadReport?

  enum Key: String, CodingKey {
    case baseline, promptTokens, generatedTokens, depth, repetitions, peaks, openSeconds, process
    case model, othersCores, notes, workload, witnesses
  }

  func encode(to encoder: any Encoder) throws {
    try report.quantized.encode(to: encoder)
    var container = encoder.container(keyedBy: Key.self)
    try container.encode(report.baseline, forKey: .baseline)
    try container.encode(report.promptTokens, forKey: .promptTokens)
    try container.encode(report.generatedTokens, forKey: .generatedTokens)
    try container.encode(report.depth, forKey: .depth)
    try container.encode(report.repetitions, forKey: .repetitions)
    try container.encode(report.peaks, forKey: .peaks)
    try container.encode(report.openSeconds, forKey: .openSeconds)
    try container.encodeIfPresent(report.memory, forKey: .process)
    try container.encodeIfPresent(report.model, forKey: .model)
    try container.encodeIfPresent(report.othersCores, forKey: .othersCores)
    try container.encodeIfPresent(report.notes, forKey: .notes)
    try container.encodeIfPresent(report.witnesses, forKey: .witnesses)
    try container.encodeIfPresent(workload, forKey: .workload)
  }
}
