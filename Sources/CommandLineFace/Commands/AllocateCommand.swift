import ArgumentParser
import Engine
import Quantization
import Wording

/// Bits for each layer under a budget.
struct AllocateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "allocate",
    abstract:
      "Choose bits for each layer under a budget, held against uniform bits of the same size.",
    discussion: """
      Every layer is measured alone at every width; the choice is quantized as it is meant to be used and \
      measured end to end together with uniform bits. The same settings give the same answer. When uniform bits are no \
      worse, it says so.
      """)

  @OptionGroup var model: ModelArgument
  @Option(help: "What the linear layers may take: bits a weight (3.5), or a size (400MB).")
  var budget: String
  @Option(help: "Windows of 256 tokens that the result is measured on.")
  var windows = 32
  @Option(help: "Write the advised recipe to this TOML file.")
  var save: String?
  @OptionGroup var recipe: RecipeOptions
  @OptionGroup var calibration: CalibrationGroup
  @OptionGroup var texts: ChatTextOption
  @OptionGroup var resume: ResumeOption
  @OptionGroup var runtime: RuntimeOptions
  @OptionGroup var output: OutputOptions

  func validate() throws {
    guard (2...100_000).contains(windows) else {
      throw ValidationError("--windows: expected 2 to 100000, found \(windows)")
    }
    guard parsedBudget != nil else {
      throw ValidationError(
        "--budget: expected bits a weight from 2 to 16 or a size such as 400MB, found '\(budget)'")
    }
  }

  private var parsedBudget: WeightBudget? {
    if let bits = Double(budget), bits <= 16 { return bits >= 2 ? .bits(bits) : nil }
    return ByteText.parse(budget).flatMap { Int(exactly: $0.rounded()) }.map { .bytes($0) }
  }

  func run() throws {
    try texts.check(calibration.calibration)
    let session = try CommandSession(runtime)
    let recipe = try recipe.parsed()
    _ = try session.load(model.model)
    guard let budget = parsedBudget else {
      throw CommandFailure(message: "--budget: expected bits or a size, found '\(self.budget)'")
    }
    let report = try session.performLong(
      AllocateJob(
        recipe: recipe, calibration: calibration.options(texts), budget: budget, windows: windows),
      resume: resume.resume,
      line: { "\($0.layer) alone in \($0.bits) bits: KL \(Quantity.significant($0.kl))" },
      ended: { parts in
        if output.json {
          try Output.json(partial: ["alone": parts])
        } else {
          Self.show(parts)
        }
      })
    if let save { try RecipeFile.write(report.advised.recipe, to: save) }
    if output.json { return try Output.json(AllocationDocument(report: report)) }
    Self.show(report)
    if let save { print("Wrote the advised recipe to \(save).") }
  }

  /// What is known of layers alone, where the budget was not spent yet.
  private static func show(_ parts: [AllocateJob.Part]) {
    let widths = Set(parts.map(\.bits)).sorted()
    let alone = Dictionary(grouping: parts, by: \.layer)
    print("KL with one layer alone quantized, as far as measured; nothing was chosen yet")
    Output.table(
      ["layer"] + widths.map { "\($0) bits" },
      alone.sorted { $0.key < $1.key }.map { layer, found in
        ["\(layer)"]
          + widths.map { width in
            found.first { $0.bits == width }.map { Quantity.significant($0.kl) } ?? "-"
          }
      })
  }

  static func show(_ report: AllocationReport) {
    print(
      (report.model.map { "\($0), budget " } ?? "Budget ")
        + "\(Quantity.bytes(report.budgetBytes)), \(Quantity.fixed(report.budgetBits, 2)) bits a "
        + "weight, scales included; KL on \(report.windows) windows")
    let sides = [report.mixed, report.mixedAtUniform, report.uniform].compactMap { $0 }
    Output.table(
      ["", "bytes", "bits a weight", "KL", "+-", "sum of single KLs"],
      sides.map { side in
        [
          side.name, Quantity.bytes(side.bytes), Quantity.fixed(side.bitsPerWeight, 3),
          Quantity.significant(side.kl), Quantity.significant(side.klError, 2),
          side.predictedKL.map { Quantity.significant($0) } ?? "-",
        ]
      })
    var blocks: [Int: [String]] = [:]
    for choice in report.choices {
      blocks[choice.block, default: []].append("\(choice.bits)")
    }
    Output.table(
      ["block", "q", "k", "v", "o", "gate", "up", "down"],
      blocks.sorted { $0.key < $1.key }.map { ["\($0.key)"] + $0.value })
    switch report.mixedWins {
    case true?: print("Mixed bits are better than uniform bits of the same size.")
    case false? where report.restWins:
      print(
        "At the same size uniform bits are no worse; what the budget leaves above them makes mixed bits better."
      )
    case false?:
      print(
        "Uniform bits win: at the same size mixed bits are no better, beyond what chance can tell.")
    case nil: print("No uniform width fits into the budget.")
    }
    print("Advised: \(report.advised.recipe)")
  }
}

/// The JSON document of `allocate`: the report, and what it advises.
private struct AllocationDocument: Encodable {
  let report: AllocationReport

  private enum Key: String, CodingKey {
    case mixedWins, advised
  }

  func encode(to encoder: any Encoder) throws {
    try report.encode(to: encoder)
    var container = encoder.container(keyedBy: Key.self)
    try container.encode(report.mixedWins, forKey: .mixedWins)
    try container.encode(report.advised, forKey: .advised)
  }
}
