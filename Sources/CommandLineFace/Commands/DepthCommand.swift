import ArgumentParser
import Engine
import Models
import Platform
import Profiling
import Quantization
import Wording

/// Speed and memory of KV caches at depth.
struct DepthCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "depth",
    abstract: "Measure decode speed and resident bytes of KV caches at depth, FP16 alongside.",
    discussion: """
      Caches are filled with random vectors through their own append path, so that any depth costs little; what is decoded \
      means nothing, how long it takes does. Caches take turns.
      """)

  @OptionGroup var model: ModelArgument
  @Option(
    help:
      "A cache, as often as wanted: METHOD[:BITS[:GROUP]], or KEYS/VALUES (int8/int4, fp16/int4); INT8, INT4 and TurboQuant 4 without it."
  )
  var kv: [String] = []
  @Option(help: "Weights meanwhile: METHOD[:BITS[:GROUP]]; the checkpoint's own without it.")
  var weights: String?
  @Option(help: "Tokens in the cache, as often as wanted; 1024 and 4096 without it.")
  var depth: [Int] = []
  @Option(help: "Tokens decoded in a repetition.")
  var steps = 16
  @Option(help: "Repetitions; the median is reported.")
  var repetitions = 3
  @OptionGroup var runtime: RuntimeOptions
  @OptionGroup var output: OutputOptions

  func validate() throws {
    for (name, value, lowest) in [("--steps", steps, 1), ("--repetitions", repetitions, 1)]
      + depth.map({ ("--depth", $0, 1) })
    where !(lowest...10_000_000).contains(value) {
      throw ValidationError("\(name): expected \(lowest) to 10000000, found \(value)")
    }
    do { for text in kv { _ = try RecipeText.cache(text) } } catch {
      throw ValidationError("--kv: \(error)")
    }
  }

  func run() throws {
    let session = try CommandSession(runtime)
    var recipe = Recipe()
    if let weights { try RecipeText.put(weights, for: Slot.weights.key, into: &recipe) }
    try session.open(model.model, recipe: recipe, CalibrationOptions())
    let caches = kv.isEmpty ? ["int8", "int4", "turboquant:4"] : kv
    let options = CacheSpeedOptions(
      caches: try caches.map(RecipeText.cache), depths: depth.isEmpty ? [1024, 4096] : depth,
      steps: steps, repetitions: repetitions)
    let report = try session.perform(CacheSpeedJob(options: options))
    if output.json { return try Output.json(report) }
    Self.show(report)
  }

  static func show(_ report: CacheSpeedReport) {
    print(
      "\(report.model), weights \(report.weights): \(report.steps) tokens decoded at each depth, "
        + "\(BenchCommand.medianWords(report.repetitions)), \(report.threads) threads")
    Output.table(
      [
        "depth", "cache", "decode tok/s", "of FP16", "of limit", "in the cache", "of FP16",
        "cache bytes",
        "resident", "kernel",
      ],
      report.rows.map { row in
        let plain = report.rows.first { $0.depth == row.depth }
        func ratio(_ value: Double, _ base: Double?) -> String {
          guard let base, base > 0 else { return "-" }
          return Quantity.times(value / base)
        }
        return [
          Quantity.grouped(row.depth), row.cache, row.decode.words,
          ratio(row.decode.tokensPerSecond, plain?.decode.tokensPerSecond),
          row.decodeLimit.map { Quantity.percent($0.share) } ?? "-",
          Quantity.seconds(row.cacheSeconds), ratio(row.cacheSeconds, plain?.cacheSeconds),
          Quantity.bytes(Double(row.cacheBytes)), Quantity.bytes(Double(row.residentBytes)),
          row.kernel,
        ]
      })
    print(
      "of limit: of what reading and multiplying take at least, measured in slices next to each repetition. in the cache: "
        + "time of attention and appending in one token. resident: what the process grew by while the cache was filled."
    )
    if let note = MachineShare.note(report.othersCores) { print(note) }
  }
}
