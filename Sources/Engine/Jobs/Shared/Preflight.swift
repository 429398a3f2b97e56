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
  /// Bytes the job itself holds at the worst moment, pages of mapped files not counted.
  let jobBytes: Int
  /// Bytes of the folder of an unfinished run.
  let keptBytes: Int
  let artifactBytes: Int
  let warnings: [String]

  /// The share of the BF16 and FP32 peaks that passes and calibration algebra reach, measured on SmolLM2-135M.
  private static let passShare = 0.75
  private static let algebraShare = 0.65
  /// Weights that one thread rounds and packs in a second.
  private static let sweepRate = 1.2e8
  /// Bytes a second a disk takes at least.
  private static let diskRate = 4e8

  /// - Parameters:
  ///   - lengths: tokens of each calibration window.
  ///   - bits: bits of a quantized weight, scales included; nil where no method touches the layers.
  ///   - scales: bytes that a weight takes in memory for scales and zero points, which stay there as float32 when codes are on
  ///     disk; nil where no method touches the layers.
  ///   - output: bytes of all weights afterwards.
  ///   - keeps: whether finished blocks go to disk.
  ///   - releases: whether packed copies are given back block by block.
  ///   - compares: whether layers are compared with what they were.
  init(
    _ recipe: Recipe, model: Model, lengths: [Int], bits quantized: Double?, scales: Double? = nil,
    output: Int, keeps: Bool, releases: Bool, compares: Bool = true, peaks: MachinePeaks,
    threads: Int
  ) throws {
    let bits = quantized ?? 16
    let configuration = model.configuration
    let sizes = BlockSizes(configuration.block(0))
    let parameters = Double(sizes.parameters)
    let tokens = lengths.reduce(0, +)
    let compared = compares ? min(tokens, max(Quantizer.comparedTokens, lengths.first ?? 0)) : 0
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
    // Where no text is read no block runs, and nothing is packed.
    let runs = !lengths.isEmpty
    // The block as it was and as it becomes, and of its largest layer numbers before and after; more where it is run.
    let blockBytes = Int(parameters * 2 * bits / 8) + largest * (runs ? 13 : 8)
    let held = Int(parameters * blocks * Self.heldBytes(quantized, scales: scales, keeps: keeps))
    let window = (lengths.max() ?? 0) * (configuration.intermediateSize * 4 + 4096) * 4
    // Blocks run as they are and as they are drafted, each from a packed copy; those that are there need no other.
    let plain = model.linearBytes / (releases ? max(1, configuration.blocks) : 1)
    let packed = !runs ? 0 : releases ? plain : max(0, plain - model.packedLinearBytes)
    // A block that is kept comes back from its file, without a packed copy.
    let drafted =
      !runs || quantized == nil || releases || keeps ? 0 : Int(parameters * (blocks - 1) * bits / 8)
    jobBytes = max(
      Self.headBytes(recipe, configuration),
      streamBytes + blockBytes + held + packed + drafted + window + cost.bytes
        + Self.scratch(configuration, tokens: lengths.max() ?? 0))
    peakBytes = (Machine.residentBytes() ?? 0) + jobBytes
    artifactBytes = output
    keptBytes = keeps ? Int(parameters * blocks * bits / 8) + 2 * streamBytes : 0

    var words = Self.growth(from: model.weightBytes, to: output)
    if calibrates {
      for group in sizes.plan.inputGroups {
        guard let columns = sizes.layers[group.lead]?.columns, tokens < columns else { continue }
        words.append(
          "\(tokens) calibration tokens say little about the \(columns) input channels of "
            + "\(group.names): expected at least as "
            + "many tokens as channels")
      }
    }
    warnings = words + Self.shortage(of: jobBytes)
  }

  /// Bytes a weight of the blocks that are done: all of it, or the scales alone where codes are on disk.
  ///
  /// Scales count 16 of the bits and are 32.
  private static func heldBytes(_ bits: Double?, scales: Double?, keeps: Bool) -> Double {
    guard let bits else { return 0 }
    return keeps ? scales ?? 0 : bits / 8 + (scales ?? 0) / 2
  }

  /// What is said where there is less memory than is needed.
  private static func shortage(of needed: Int) -> [String] {
    guard let free = Machine.memoryAvailable(), needed > free else { return [] }
    return [
      "about \(Quantity.bytes(needed)) of memory are needed, \(Quantity.bytes(free)) are free"
    ]
  }

  /// What is said of a recipe that leaves more than there was.
  private static func growth(from now: Int, to output: Int) -> [String] {
    guard output > now else { return [] }
    return [
      "the recipe makes the model larger: weights grow from \(Quantity.bytes(now)) to "
        + Quantity.bytes(output)
    ]
  }

  /// Bytes of the head where it is rounded, when the blocks are done.
  private static func headBytes(_ recipe: Recipe, _ configuration: ModelConfiguration) -> Int {
    recipe.head == nil ? 0 : configuration.vocabularySize * configuration.hiddenSize * 2
  }

  /// Bytes of the buffers of a forward pass, those that fill a huge page in whole ones.
  private static func scratch(_ configuration: ModelConfiguration, tokens: Int) -> Int {
    let widths = [
      configuration.hiddenSize, configuration.hiddenSize, configuration.hiddenSize,
      configuration.heads * configuration.headDimension,
      configuration.kvHeads * configuration.headDimension,
      configuration.kvHeads * configuration.headDimension,
      configuration.heads * configuration.headDimension, configuration.intermediateSize,
      configuration.intermediateSize, configuration.intermediateSize,
    ]
    let page = HugeBuffer.pageBytes
    return widths.reduce(0) { sum, width in
      let bytes = width * tokens * 4
      return sum + (bytes < page ? bytes : (bytes + page - 1) / page * page)
    }
  }

  /// Time, memory and disk in one line.
  var summary: String {
    var text =
      "about \(Quantity.seconds(seconds)), \(Quantity.bytes(jobBytes)) of memory at the most, "
      + "\(Quantity.bytes(artifactBytes)) of weights"
    if keptBytes > 0 { text += ", \(Quantity.bytes(keptBytes)) on disk while it runs" }
    return text
  }
}
