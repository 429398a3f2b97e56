import ArgumentParser
import Checkpoints
import Engine
import FoundationEssentials
import Models
import Operators
import Planning
import Quantization
import Wording

/// Memory, bottleneck and advice for a workload.
struct PlanCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "plan",
    abstract: "Say where memory and time go for a workload, and which target to start with.",
    discussion:
      "MODEL may also be a config.json, or a folder that has one and no weights: sizes are enough for a plan."
  )

  @OptionGroup var model: ModelArgument
  @OptionGroup var workload: WorkloadGroup
  @OptionGroup var recipe: RecipeOptions
  @OptionGroup var runtime: RuntimeOptions
  @OptionGroup var output: OutputOptions

  @Flag(
    help:
      "Fill caches of 1 to 16 sequences and print what they hold next to the plan; in the recipe's formats."
  )
  var measure = false

  @Flag(help: "Print the map of what fits once more for each width of the cache.")
  var layers = false

  /// What `--json` prints: the report's fields, and what was asked for besides it.
  private struct Document: Encodable {
    var report: PlanReport
    var recipeCoverage: [RuntimeCoverage]?
    var measured: CacheMeasurement?

    private enum Key: String, CodingKey { case recipeCoverage, measured }

    func encode(to encoder: any Encoder) throws {
      try report.encode(to: encoder)
      var values = encoder.container(keyedBy: Key.self)
      try values.encodeIfPresent(recipeCoverage, forKey: .recipeCoverage)
      try values.encodeIfPresent(measured, forKey: .measured)
    }
  }

  func run() throws {
    let session = try CommandSession(runtime)
    for problem in session.laboratory.machines.problems { session.note("left out: \(problem)") }
    let wanted = try recipe.parsed()
    var document: Document
    let header = wanted.isBaseline && !measure ? try Self.headerShape(model.model) : nil
    let path = model.model.flatMap(Self.shapeFile)
    if header != nil || path != nil {
      guard wanted.isBaseline, !measure else {
        throw CommandFailure(
          message:
            "\(path ?? "") has no weights next to it: a recipe or --measure needs a model that opens"
        )
      }
      let shape = try header ?? ModelShape(planningFor: ConfigFile(path: path ?? ""))
      document = Document(
        report: try PlanJob(
          workload: workload.workload(context: shape.context), machine: workload.machine
        ).report(for: shape, in: session.laboratory))
    } else {
      let summary = try session.load(model.model)
      let asked = workload.workload(context: summary.shape.context)
      document = Document(
        report: try session.perform(PlanJob(workload: asked, machine: workload.machine)))
      if !wanted.isBaseline {
        let price = try session.perform(
          AssessJob(recipe: wanted, calibration: CalibrationOptions()))
        if let problem = price.problems.first { throw CommandFailure(message: problem) }
        document.recipeCoverage = price.coverage
      }
      if measure {
        document.measured = try session.perform(
          CacheFillingJob(workload: asked, recipe: wanted))
      }
    }
    if output.json { return try Output.json(document) }
    Self.show(document.report, layers: layers)
    if let coverage = document.recipeCoverage {
      print("Who runs \(wanted):")
      Self.show(coverage)
    }
    if let measured = document.measured { Self.show(measured) }
  }

  /// The shape of a model that no weights are needed of: a GGUF file's header, or a config.json; nil for one that is to be
  /// opened.
  static func shapeWithoutWeights(_ path: String?) throws -> ModelShape? {
    if let shape = try headerShape(path) { return shape }
    return try path.flatMap(shapeFile).map { try ModelShape(planningFor: ConfigFile(path: $0)) }
  }

  /// The shape of a GGUF file, from its header alone; nil for what is none.
  private static func headerShape(_ path: String?) throws -> ModelShape? {
    guard let path, FileManager.default.fileExists(atPath: path), !path.hasSuffix(".json"),
      case .gguf(let file) = try StoredModel(path: path)
    else { return nil }
    return try ModelSummary(headerOf: file).shape
  }

  /// The configuration to plan from where there are no weights to open.
  private static func shapeFile(_ path: String) -> String? {
    if path.hasSuffix(".json") { return path }
    // A folder that cannot be listed is opened as a model, which says what is wrong.
    guard let names = try? FileManager.default.contentsOfDirectory(atPath: path),
      names.contains("config.json"),
      !names.contains(where: { $0.hasSuffix(".safetensors") || $0.hasSuffix(".gguf") })
    else { return nil }
    return path + "/config.json"
  }

  static func show(_ report: PlanReport, layers: Bool = false) {
    let memory = report.memory
    print("\(report.machine): \(report.workload.requests) x \(report.workload.context) tokens")
    for warning in report.warnings { print("  ! \(warning)") }
    func part(_ name: String, _ bytes: Double) {
      print(
        "  \(name)  \(Quantity.bytes(bytes))  \(Quantity.percent(bytes / max(memory.total, 1)))")
    }
    let what =
      report.model.storedBits.map {
        "the model as stored (\(Quantity.fixed($0, 2)) bits a weight)"
      } ?? "the FP baseline"
    print(
      "Memory of \(what): \(Quantity.bytes(memory.total)) of \(Quantity.bytes(memory.budget))"
    )
    part("weights    ", memory.weights)
    part("KV cache   ", memory.kvCache)
    part("activations", memory.activations)
    print("KV bytes per token: \(report.kvFormula)")
    for note in report.kvNotes { print("  \(note)") }
    if report.cacheKeptWhole > memory.kvCache {
      print(
        "  This program's own cache gives nothing back of what lies before a window: it holds "
          + "\(Quantity.bytes(report.cacheKeptWhole)).")
    }
    print("Activations: \(report.activationFormula)")
    for (name, phase) in [("prefill", report.prefill), ("decode ", report.decode)] {
      print(
        "\(name) is bound by \(phase.bound.rawValue): arithmetic \(Quantity.seconds(phase.computeSeconds)), "
          + "weights \(Quantity.seconds(phase.weightSeconds)), cache \(Quantity.seconds(phase.cacheSeconds))"
      )
    }
    print(
      "Crossovers: arithmetic binds decode from batch \(Quantity.fixed(report.crossoverBatch, 0)); the "
        + "cache is read as much as the weights from \(crossover(report.crossoverContext)) tokens at batch "
        + "\(report.workload.batch), or from batch \(crossover(report.crossoverBatchByCache)) at "
        + "\(report.workload.context) tokens")
    showMaps(report, layers: layers)
    if let peaks = report.peaks, peaks.isMeasured {
      let limits: [MachineLimit] = [.readBandwidth, .bf16, .int8]
      print("Peaks: \(limits.map(peaks.words).joined(separator: ", ")); \(peaks.provenance)")
    }
    for (index, advice) in report.advice.enumerated() {
      print("\(index + 1). \(advice.target.rawValue): \(advice.reason)")
      for words in report.stability?.words(of: advice.target, isFirst: index == 0) ?? [] {
        print("   ! \(words)")
      }
      print("   \(advice.wouldChange)")
      for (place, method) in advice.ranking.enumerated() {
        print("   \(index + 1).\(place + 1) \(method.name): \(method.why)")
        if !method.wouldChange.isEmpty { print("       would change: \(method.wouldChange)") }
      }
    }
    guard let first = report.advice.first, !first.coverage.isEmpty else { return }
    print("Who runs \(first.setting):")
    show(first.coverage)
  }

  private static func crossover(_ value: Double) -> String {
    guard value.isFinite else { return "no number of" }
    return value >= 10 ? Quantity.grouped(Int(min(value, 1e15))) : Quantity.significant(value, 2)
  }

  private static func showMaps(_ report: PlanReport, layers: Bool) {
    print("Fits, widest KV cache in bits:")
    let contexts = report.fits.first?.map { "\($0.context)" } ?? []
    Output.table(
      ["requests"] + contexts,
      report.fits.map { row in
        ["\(row.first?.requests ?? 0)"]
          + row.map { $0.widestKVBits.map { KVWidth(bits: $0).name } ?? "-" }
      })
    print(
      "Largest that fits by width"
        + (layers ? ", and the cache over the memory there is for it (up to 100 % fits):" : ":"))
    for map in report.maps {
      let longest = map.longestContext.map { Quantity.grouped($0) } ?? "any number of"
      print(
        "  KV \(map.width.name) (\(Quantity.significant(map.width.bits)) bits a value with scales): "
          + "\(Quantity.bytes(map.bytesPerToken)) a token, \(longest) tokens at "
          + "\(report.workload.requests) requests, \(Quantity.grouped(map.mostRequests)) requests at "
          + "\(report.workload.context) tokens")
      guard layers else { continue }
      Output.table(
        ["requests"] + contexts,
        zip(report.fits, map.shares).map { row, shares in
          ["\(row.first?.requests ?? 0)"]
            + shares.map { $0.isFinite ? Quantity.percent($0) : "-" }
        })
    }
  }

  private static func show(_ coverage: [RuntimeCoverage]) {
    let width = coverage.map { ScalarWidth.of($0.runtime) }.max() ?? 0
    for item in coverage {
      let name = PlainTable.padded(item.runtime, to: width)
      var line = "  \(name)  \(item.support.rawValue)"
      if !item.constraint.isEmpty { line += ": \(item.constraint)" }
      if !item.nearest.isEmpty { line += "; native: \(item.nearest)" }
      print(line)
    }
    let dates = Set(coverage.compactMap(\.asOf)).sorted()
    if let first = dates.first, let last = dates.last {
      print("  as of \(first == last ? first : "\(first) to \(last)"); runtimes move")
    }
  }

  private static func show(_ found: CacheMeasurement) {
    print(
      "Caches filled with \(found.context) tokens, \(found.sharedTokens) of them common, \(found.format):"
    )
    Output.table(
      [
        "sequences", "planned", "held", "planned pages", "resident", "from plan", "process grew by",
      ],
      found.rows.map { row in
        [
          "\(row.sequences)", Quantity.bytes(row.planned), Quantity.bytes(row.held),
          Quantity.bytes(found.pages(row)), Quantity.bytes(row.resident),
          Quantity.percent(found.difference(row), 2), Quantity.bytes(row.processGrowth),
        ]
      })
    print(
      "Resident memory is \(found.verdict), in pages of \(Quantity.bytes(found.pageBytes)).")
  }
}
