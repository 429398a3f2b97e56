import ArgumentParser
import Engine
import Models
import Quantization
import Wording

/// What sets each layer of a file apart from its counterpart in another.
struct LayersCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "layers",
    abstract: "Hold every layer of a candidate against its counterpart in another model.",
    discussion: """
      MODEL is the candidate, such as a GGUF file or a checkpoint that somebody else has quantized. 'weights' is the share \
      of the energy of the weights that is lost, |W - W'|^2 / |W|^2; 'output' that of the layer's output on the inputs that \
      its counterpart sees on a text.
      """)

  @OptionGroup var model: ModelArgument
  @OptionGroup var base: BaseOption
  @Option(help: "Text that layers are shown; the built-in one without it.")
  var text: String?
  @Option(help: "Windows of the text.")
  var samples = 16
  @Option(name: .customLong("sample-length"), help: "Tokens of a window.")
  var sampleLength = 256
  @Option(help: "Seed for choosing windows.")
  var seed: UInt64 = 0
  @Flag(name: .customLong("weights-only"), help: "Compare the weights alone, without a text.")
  var weightsOnly = false
  @OptionGroup var texts: ChatTextOption
  @OptionGroup var runtime: RuntimeOptions
  @OptionGroup var output: OutputOptions

  func validate() throws {
    try texts.check(text)
    guard (1...100_000).contains(samples) else {
      throw ValidationError("--samples: expected 1 to 100000, found \(samples)")
    }
    guard (8...65536).contains(sampleLength) else {
      throw ValidationError("--sample-length: expected 8 to 65536, found \(sampleLength)")
    }
    if weightsOnly, text != nil {
      throw ValidationError("--text: expected none with --weights-only, which shows layers no text")
    }
  }

  func run() throws {
    let session = try CommandSession(runtime)
    let summary = try session.load(model.model, against: base.against)
    guard let reference = summary.against else {
      throw CommandFailure(
        message:
          "\(summary.name) is open by itself: expected --against BASE, the model to hold it against"
      )
    }
    let report = try session.perform(
      LayersJob(
        calibration: CalibrationOptions(
          text: text, samples: samples, length: sampleLength, seed: seed,
          chat: texts.chat ? true : nil),
        weightsOnly: weightsOnly))
    if output.json { return try Output.json(report) }
    print("\(report.words) against \(reference.name) (\(summary.baseline.long))")
    for note in reference.notes { print("  ! \(note)") }
    Self.show(report)
  }

  static func show(_ report: QuantizeReport) {
    let measured = report.comparesWeights != true
    func row(_ name: String, _ layers: [LayerReport], _ type: String) -> [String] {
      let count = Double(max(1, layers.count))
      func mean(_ value: (LayerReport) -> Double) -> String {
        Quantity.significant(layers.reduce(0) { $0 + value($1) } / count)
      }
      return [
        name, type, Quantity.fixed(layers.reduce(0) { $0 + $1.bits } / count, 2),
        mean { $0.weightError ?? $0.relativeError },
      ]
        + (measured
          ? [
            mean(\.relativeError),
            Quantity.fixed(layers.reduce(0) { $0 + $1.sqnr } / count, 1),
          ] : [])
    }
    let header =
      ["layer", "type", "bits", "weights"] + (measured ? ["output", "output SQNR dB"] : [])
    Output.table(
      header,
      report.layers.map { row("\($0.block) \($0.projection)", [$0], $0.method) })
    var order: [String] = []
    for layer in report.layers where !order.contains(layer.projection) {
      order.append(layer.projection)
    }
    print("Means by role:")
    Output.table(
      header,
      order.map { role in
        let layers = report.layers.filter { $0.projection == role }
        let types = Set(layers.map(\.method)).sorted().joined(separator: ", ")
        return row(role, layers, types)
      })
    if let worst = report.layers.max(by: { $0.relativeError < $1.relativeError }) {
      print(
        "Worst: block \(worst.block) \(worst.projection) (\(worst.method)), "
          + "\(measured ? "output" : "weight") error \(Quantity.significant(worst.relativeError))")
    }
    let reasons = report.layers.compactMap(\.fallback)
    for reason in Set(reasons).sorted() {
      print("\(reasons.count { $0 == reason }) of \(report.layers.count) layers: \(reason)")
    }
  }
}
