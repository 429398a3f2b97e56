import ArgumentParser
import Checkpoints
import Engine
import FoundationEssentials
import Platform
import Quantization
import Wording

/// Quantizes a model and writes the result.
struct QuantizeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "quantize",
    abstract: "Quantize a model by a recipe and write it to a new directory.",
    discussion: """
      Time, memory and disk are priced first. Finished blocks are kept next to the output, in \
      OUTPUT.unfinished, until it is written: a run that ended early goes on with --resume and writes \
      the same bytes as one that was never interrupted.
      """)

  @OptionGroup var model: ModelArgument
  @Option(
    name: [.customShort("o"), .customLong("output")],
    help: "The directory to write; it must not exist, or be empty.")
  var directory: String
  @Option(
    help: ArgumentHelp(
      "Format of the artifact, FORMAT or FORMAT:TYPE: \(ExportFormats.names.joined(separator: ", ")).",
      valueName: "format"))
  var format = "compressed-tensors"
  @Option(
    help:
      "An importance matrix (GGUF, of llama-imatrix or 'nibble calibration --imatrix') that weighs errors where blocks are searched: gguf:Q4_K and its like."
  )
  var imatrix: String?
  @Flag(help: "Go on with a run of the same settings that ended early.")
  var resume = false
  @Option(
    help: ArgumentHelp(
      "Only these blocks, counted from 0, the last included: a run that is split over several tasks, one after the other, each going on from what the one before has kept; the task with the last block writes OUTPUT.",
      valueName: "A..B"))
  var blocks: String?
  @Flag(name: .customLong("dry-run"), help: "Only say what it would take.")
  var dryRun = false
  @Flag(
    help:
      "Compare each layer's output on the calibration text even where no method looks at one; --calibration asks for it too."
  )
  var compare = false
  @OptionGroup var recipe: RecipeOptions
  @OptionGroup var calibration: CalibrationGroup
  @OptionGroup var texts: ChatTextOption
  @OptionGroup var runtime: RuntimeOptions
  @OptionGroup var output: OutputOptions

  /// Whether layers are compared by what they make of a text, which costs passes through the model.
  private func compares(_ recipe: Recipe) throws -> Bool {
    try compare || calibration.calibration != nil || recipe.calibrates()
  }

  func validate() throws {
    guard let blocks else { return }
    guard BlockRange(blocks) != nil else {
      throw ValidationError("--blocks: expected A..B such as 0..7, found '\(blocks)'")
    }
    if dryRun { throw ValidationError("--blocks: expected none with --dry-run") }
    if resume { throw ValidationError("--blocks: expected none with --resume, which it implies") }
  }

  func run() throws {
    try texts.check(calibration.calibration)
    let session = try CommandSession(runtime)
    let recipe = try recipe.parsed()
    // Hours of work are not begun for a place that cannot be written to, nor for what the format does not hold.
    let folder = Self.trimmed(directory) + ".unfinished"
    try Laboratory.checkOutput(format: format, path: directory, unfinished: folder)
    _ = try session.load(model.model, as: recipe)
    try session.laboratory.checkExport(
      format: format, recipe: recipe, path: directory, importance: imatrix)
    let rounding = try session.laboratory.exportRounding(
      format: format, recipe: recipe, isWeighed: imatrix != nil)
    guard !dryRun else { return try price(recipe, rounding, session) }
    for note in rounding.notes { session.note("Note: \(note).") }
    if rounding.seconds > Self.toldSeconds {
      session.note(
        "Rounding as it is written: about \(Quantity.seconds(rounding.seconds)) besides.")
    }
    // What is there but damaged is told by the run itself.
    if resume, !FileManager.default.fileExists(atPath: folder + "/state.json") {
      throw CommandFailure(
        message: "there is nothing to resume: expected an unfinished run in \(folder), found none")
    }
    let part = try blocks.flatMap(BlockRange.init)?.part(in: folder, of: session.laboratory)
    let job = QuantizeJob(
      recipe: recipe, calibration: calibration.options(texts),
      keeping: .folder(
        path: folder, resumes: resume || part != nil,
        writes: try session.laboratory.expectedBytes(format: format, recipe: recipe)),
      compares: try compares(recipe))
    if let part, !part.isLast { return try quantize(part, job, session) }
    var report = try session.perform(job)
    let artifact = try session.perform(
      ExportJob(
        path: directory, format: format, importance: imatrix,
        calibration: calibration.options(texts)))
    // The model is written; what could be continued is of no more use.
    try QuantizationCheckpoint.remove(folder)
    report.outputBytes = artifact.bytes
    if output.json { return try Output.json(report) }
    Self.show(report)
    print("Wrote \(directory): \(Quantity.bytes(artifact.bytes)).")
  }

  /// Quantizes some blocks and leaves the others to who comes next.
  private func quantize(
    _ part: BlockRange.Part, _ job: QuantizeJob, _ session: CommandSession
  ) throws {
    let kept =
      part.isDone ? nil : try session.perform(QuantizeBlocksJob(quantize: job, end: part.end))
    if output.json {
      return try Output.json(
        kept ?? QuantizedBlocks(folder: part.folder, done: part.done, blocks: part.blocks))
    }
    print(
      "\(kept?.done ?? part.done) of \(part.blocks) blocks are kept in \(part.folder)"
        + (kept == nil ? ": nothing was to do." : "."))
  }

  private static func trimmed(_ path: String) -> String {
    var path = path
    while path.count > 1, path.last == "/" { path.removeLast() }
    return path
  }

  /// What rounding as a file is written may take without a word.
  private static let toldSeconds = 2.0

  private func price(
    _ recipe: Recipe, _ rounding: (seconds: Double, notes: [String]), _ session: CommandSession
  ) throws {
    var report = try session.perform(
      AssessJob(
        recipe: recipe, calibration: calibration.options(texts),
        keeping: .folder(path: directory, resumes: false), compares: compares(recipe)))
    // The format decides what the result takes.
    let written = try session.laboratory.expectedBytes(format: format, recipe: recipe)
    report.diskBytes = report.diskBytes.map { $0 - report.outputBytes + written }
    report.seconds = report.seconds.map { $0 + rounding.seconds }
    report.warnings = (report.warnings ?? []) + rounding.notes
    if let needed = report.diskBytes, let free = Machine.diskAvailable(at: directory), free < needed
    {
      throw EngineError.diskTooSmall(path: directory, needed: needed, free: free)
    }
    if output.json { return try Output.json(report) }
    if let problem = report.problems.first { throw CommandFailure(message: problem) }
    print(
      "\(report.recipe): about \(report.seconds.map(Quantity.seconds) ?? "unknown time"), memory "
        + "\(Quantity.bytes(report.jobBytes ?? report.peakResidentBytes)), disk "
        + "\(Quantity.bytes(report.diskBytes ?? 0)), weights "
        + "\(Quantity.bytes(report.baselineBytes)) -> \(Quantity.bytes(report.outputBytes))")
    for warning in report.warnings ?? [] { print("Note: \(warning).") }
    for outlook in report.exports ?? [] {
      print("\(outlook.format): " + (outlook.words.map { "no, \($0)." } ?? "can hold it."))
    }
  }

  static func show(_ report: QuantizeReport) {
    print(
      "\(report.recipe): \(report.layers.count) layers in \(Quantity.seconds(report.seconds)), "
        + "weights \(Quantity.bytes(report.baselineBytes)) -> \(Quantity.bytes(report.outputBytes)), "
        + (report.jobBytes.map { "memory of the job \(Quantity.bytes($0)), " } ?? "")
        + "peak of the process \(Quantity.bytes(report.peakResidentBytes))")
    if let blocks = report.resumedBlocks { print("Continued after block \(blocks).") }
    for note in report.notes ?? [] { print("Note: \(note).") }
    let isByWeights = report.comparesWeights == true
    let worst = report.layers.sorted { $0.relativeError > $1.relativeError }.prefix(5)
    if !worst.isEmpty {
      print("Layers with the largest \(isByWeights ? "error of their weights" : "output error"):")
      Output.table(
        ["layer", "bits", "relative error", "SQNR dB", "cosine"],
        worst.map {
          [
            "\($0.block) \($0.projection)", Quantity.fixed($0.bits, 2),
            Quantity.significant($0.relativeError), Quantity.fixed($0.sqnr, 1),
            Quantity.fixed($0.cosine, 6),
          ]
        })
    }
    for layer in report.layers {
      if let reason = layer.fallback { print("\(layer.block) \(layer.projection): \(reason)") }
    }
  }
}
