import ArgumentParser
import Engine
import Platform
import Quantization

/// Quantizes a model and writes the result.
struct QuantizeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "quantize",
    abstract: "Quantize a model by a recipe and write it to a new directory.")

  @OptionGroup var model: ModelArgument
  @Option(
    name: [.customShort("o"), .customLong("output")],
    help: "The directory to write; it must not exist.")
  var directory: String
  @Option(help: "Format of the artifact.")
  var format = "compressed-tensors"
  @OptionGroup var recipe: RecipeOptions
  @OptionGroup var calibration: CalibrationGroup
  @OptionGroup var runtime: RuntimeOptions
  @OptionGroup var output: OutputOptions

  func run() throws {
    let session = try CommandSession(runtime)
    let recipe = try recipe.parsed()
    _ = try session.load(model.model)
    var report = try session.quantize(recipe, calibration.options)
    guard
      case .exported(_, let bytes) = try session.perform(.export(path: directory, format: format))
    else { throw CommandFailure(message: "exporting gave no result") }
    report.outputBytes = bytes
    if output.json { return try Output.json(report) }
    Self.show(report)
    print("Wrote \(directory): \(Quantity.bytes(bytes)).")
  }

  static func show(_ report: QuantizeReport) {
    print(
      "\(report.recipe): \(report.layers.count) layers in \(Quantity.seconds(report.seconds)), "
        + "weights \(Quantity.bytes(report.baselineBytes)) -> \(Quantity.bytes(report.outputBytes)), "
        + "peak memory \(Quantity.bytes(report.peakResidentBytes))")
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
