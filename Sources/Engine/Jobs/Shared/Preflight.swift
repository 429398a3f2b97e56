import Models
import Operators
import Platform
import Quantization
import Wording

/// What quantizing will take, before it begins: time, memory and disk.
///
/// Times come from the machine's measured peaks and the share of them that calibration reaches; memory counts what is
/// held at the same moment.
struct Preflight {
  let seconds: Double
  /// Bytes held at the worst moment, this process as it is now included.
  let peakBytes: Int
  /// Bytes of the folder of an unfinished run.
  let keptBytes: Int
  let artifactBytes: Int
  let warnings: [String]

  /// The share of the BF16 and FP32 peaks that passes and calibration algebra reach.
  private static let passShare = 0.5
  private static let algebraShare = 0.45
  /// Weights that one thread rounds and packs in a second.
  private static let sweepRate = 6e7
  /// Bytes a second a disk takes at least.
  private static let diskRate = 4e8

  /// - Parameters:
  ///   - lengths: tokens of each calibration window.
  ///   - bits: bits of a quantized weight, scales included.
  ///   - keeps: whether finished blocks go to disk.
  init(
    _ recipe: Recipe, model: Model, lengths: [Int], bits: Double, keeps: Bool, peaks: MachinePeaks,
    threads: Int
  ) throws {
    let configuration = model.configuration
    let sizes = BlockSizes(configuration.block(0))
    let parameters = Double(sizes.parameters)
    let tokens = lengths.reduce(0, +)
    let compared = min(tokens, max(Quantizer.comparedTokens, lengths.first ?? 0))
    let methods = try recipe.methods()
    let calibrates = try recipe.calibrates()
    let cost = methods.map { $0.cost(of: sizes, tokens: tokens) }.reduce(QuantizationCost(), +)
    let passes = cost.passes * Double(tokens) + (calibrates ? Double(tokens) : 0)
    let pass = 2 * parameters / max(1, peaks.bf16Rate * Self.passShare)
    let streamBytes = (tokens * (calibrates ? 1 : 0) + compared) * configuration.hiddenSize * 4
    var block = pass * (passes + 2 * Double(compared))
    block += cost.float32 / max(1, peaks.fp32Rate * Self.algebraShare)
    block += cost.float64 / max(1, peaks.fp32Rate / 2 * Self.algebraShare)
    block += (cost.sweeps + 2) * parameters / (Self.sweepRate * Double(threads))
    if keeps { block += (Double(streamBytes) + parameters * bits / 8) / Self.diskRate }
    let blocks = Double(configuration.blocks)
    seconds = block * blocks

    let largest = sizes.layers.values.map { $0.rows * $0.columns }.max() ?? 0
    let blockBytes = Int(parameters * (2 + 2 * bits / 8)) + largest * 13
    let held = keeps ? 0 : Int(parameters * blocks * bits / 8)
    let window = (lengths.max() ?? 0) * (configuration.intermediateSize * 4 + 4096) * 4
    peakBytes =
      (Machine.residentBytes() ?? 0) + streamBytes + blockBytes + held + window + cost.bytes
    artifactBytes = Int(parameters * blocks * bits / 8) + model.otherBytes
    keptBytes = keeps ? Int(parameters * blocks * bits / 8) + 2 * streamBytes : 0

    var words: [String] = []
    if calibrates {
      for group in sizes.plan.inputGroups {
        guard let columns = sizes.layers[group.lead]?.columns, tokens < columns else { continue }
        words.append(
          "\(tokens) calibration tokens say little about the \(columns) input channels of "
            + "\(group.names): expected at least as "
            + "many tokens as channels")
      }
    }
    if let free = Machine.memoryAvailable(), peakBytes - (Machine.residentBytes() ?? 0) > free {
      words.append(
        "about \(Quantity.bytes(peakBytes)) of memory are needed, \(Quantity.bytes(free)) are free")
    }
    warnings = words
  }

  /// Time, memory and disk in one line.
  var summary: String {
    var text =
      "about \(Quantity.seconds(seconds)), \(Quantity.bytes(peakBytes)) of memory at the most, "
      + "\(Quantity.bytes(artifactBytes)) of weights"
    if keptBytes > 0 { text += ", \(Quantity.bytes(keptBytes)) on disk while it runs" }
    return text
  }
}
