import ArgumentParser
import Engine
import FoundationEssentials
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
    help: "The directory to write; it must not exist.")
  var directory: String
  @Option(help: "Format of the artifact.")
  var format = "compressed-tensors"
  @Flag(help: "Go on with a run of the same settings that ended early.")
  var resume = false
  @Flag(name: .customLong("dry-run"), help: "Only say what it would take.")
  var dryRun = false
  @OptionGroup var recipe: RecipeOptions
  @OptionGroup var calibration: CalibrationGroup
  @OptionGroup var texts: ChatTextOption
  @OptionGroup var runtime: RuntimeOptions
  @OptionGroup var output: OutputOptions

  func run() throws {
    try texts.check(calibration.calibration)
    let session = try CommandSession(runtime)
    let recipe = try recipe.parsed()
    _ = try session.load(model.model, as: recipe)
    guard !dryRun else { return try price(recipe, session) }
    // Hours of work are not begun for a place that cannot be written to, nor for what no format holds.
    guard !FileManager.default.fileExists(atPath: directory) else {
      throw CommandFailure(
        message: "\(directory) exists already: choose another name, nothing was overwritten")
    }
    try session.laboratory.checkExport(format: format)
    let folder = Self.trimmed(directory) + ".unfinished"
    // What is there but damaged is told by the run itself.
    if resume, !FileManager.default.fileExists(atPath: folder + "/state.json") {
      throw CommandFailure(
        message: "there is nothing to resume: expected an unfinished run in \(folder), found none")
    }
    var report = try session.quantize(
      recipe, calibration.options(texts), keeping: .folder(path: folder, resumes: resume))
    let artifact = try session.perform(ExportJob(path: directory, format: format))
    // The model is written; what could be continued is of no more use.
    try FileManager.default.removeItem(atPath: folder)
    report.outputBytes = artifact.bytes
    if output.json { return try Output.json(report) }
    Self.show(report)
    print("Wrote \(directory): \(Quantity.bytes(artifact.bytes)).")
  }

  private static func trimmed(_ path: String) -> String {
    var path = path
    while path.count > 1, path.last == "/" { path.removeLast() }
    return path
  }

  private func price(_ recipe: Recipe, _ session: CommandSession) throws {
    let report = try session.perform(
      AssessJob(
        recipe: recipe, calibration: calibration.options(texts),
        keeping: .folder(path: directory, resumes: false)))
    if output.json { return try Output.json(report) }
    if let problem = report.problems.first { throw CommandFailure(message: problem) }
    print(
      "\(recipe): about \(report.seconds.map(Quantity.seconds) ?? "unknown time"), memory "
        + "\(Quantity.bytes(report.jobBytes ?? report.peakResidentBytes)), disk "
        + "\(Quantity.bytes(report.diskBytes ?? 0)), weights "
        + "\(Quantity.bytes(report.baselineBytes)) -> \(Quantity.bytes(report.outputBytes))")
    for warning in report.warnings ?? [] { print("Note: \(warning).") }
  }

  static func show(_ report: QuantizeReport) {
    print(
      "\(report.recipe): \(report.layers.count) layers in \(Quantity.seconds(report.seconds)), "
        + "weights \(Quantity.bytes(report.baselineBytes)) -> \(Quantity.bytes(report.outputBytes)), "
        + (report.jobBytes.map { "memory of the job \(Quantity.bytes($0)), " } ?? "")
        + "peak of the process \(Quantity.bytes(report.peakResidentBytes))")
    if let blocks = report.resumedBlocks { print("Continued after block \(blocks).") }
    let worst = report.layers.sorted { $0.relativeError > $1.relativeError }.prefix(5)
    if !worst.isEmpty {
      print("Layers with the largest output error:")
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
