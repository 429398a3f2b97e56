package import Models
package import Platform
import Tensors

/// Outliers planted in a model without changing what it computes: some channels of the norms are multiplied by a power of
/// two, and the columns of the layers after them divided by it.
///
/// The channels are the same in all blocks, as LLM.int8() (Dettmers et al., arXiv 2208.07339) found them in large models.
/// A power of two moves exponents only, so that every product, and with it every logit, stays the same bit for bit.
package struct OutlierPlanting: Hashable, Sendable, Codable {
  package static let factors = 1...4096

  /// Channels of each norm.
  package var channels: Int
  /// A power of two.
  package var factor: Int
  package var seed: UInt64
  /// Every how many blocks; 1 for all.
  package var every: Int

  package init(channels: Int, factor: Int, seed: UInt64 = 0, every: Int = 1) {
    self.channels = channels
    self.factor = factor
    self.seed = seed
    self.every = every
  }

  /// Reads `CHANNELS:FACTOR[:SEED[:EVERY]]`.
  ///
  /// - Throws: `PlantingError.malformed`.
  package init(_ text: String) throws(PlantingError) {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    guard (2...4).contains(parts.count), let channels = Int(parts[0]), let factor = Int(parts[1]),
      let seed = parts.count > 2 ? UInt64(parts[2]) : 0, seed <= UInt64(Int.max),
      let every = parts.count > 3 ? Int(parts[3]) : 1
    else { throw .malformed(text: text) }
    self.init(channels: channels, factor: factor, seed: seed, every: every)
    try check()
  }

  /// Channels whose gain is smaller than this share of the median's are taken last.
  private static let smallestGain: Float = 0.5

  /// - Throws: `PlantingError.badFactor`, `.badCount`.
  package func check() throws(PlantingError) {
    guard Self.factors.contains(factor), factor & (factor - 1) == 0 else {
      throw .badFactor(found: factor)
    }
    guard channels > 0 else { throw .badCount(field: "channels", found: channels, largest: nil) }
    guard every > 0 else { throw .badCount(field: "every", found: every, largest: nil) }
  }

  /// The channels that are planted in `model`, in order.
  ///
  /// - Throws: `PlantingError.badFactor`, `.badCount`.
  package func chosen(in model: Model) throws(PlantingError) -> [Int] {
    try check()
    let hidden = model.configuration.hiddenSize
    guard channels <= hidden else {
      throw .badCount(field: "channels", found: channels, largest: hidden)
    }
    var isSmall = [Bool](repeating: false, count: hidden)
    for index in model.blocks.indices where index % every == 0 {
      let block = model.blocks[index]
      for norm in block.plan.openingNorms {
        let gains = block[norm].values.map(\.magnitude)
        let median = gains.sorted()[hidden / 2]
        for (channel, gain) in gains.enumerated() where gain < Self.smallestGain * median {
          isSmall[channel] = true
        }
      }
    }
    var generator = SeededGenerator(seed: seed)
    let order = (0..<hidden).shuffled(using: &generator)
    return (order.filter { !isSmall[$0] } + order.filter { isSmall[$0] }).prefix(channels).sorted()
  }

  /// The model with the outliers; all else is shared with `model`.
  ///
  /// - Throws: `PlantingError` for a factor, a number of channels or a weight that does not allow it.
  package func planted(in model: Model) throws -> Model {
    let chosen = try chosen(in: model)
    guard factor > 1 else { return model }
    var blocks: [Int: DecoderBlock] = [:]
    for index in model.blocks.indices where index % every == 0 {
      let block = model.blocks[index]
      var norms: [BlockNorm: [Float]] = [:]
      for norm in block.plan.openingNorms {
        norms[norm] = try gains(block[norm], chosen, storedAs: model.storedType)
      }
      var linears: [Projection: Linear] = [:]
      for projection in block.roles where block.plan.norm(readBy: projection) != nil {
        let linear = block[projection]
        linears[projection] = try linear.replacing(
          weight: divided(linear.weight, chosen, layer: linear.name))
      }
      blocks[index] = try block.replacing(linears, norms: norms)
    }
    return try model.replacing(blocks: blocks)
  }

  private func gains(
    _ norm: NormWeight, _ chosen: [Int], storedAs type: DType
  ) throws(PlantingError) -> [Float] {
    var gains = norm.values
    for channel in chosen {
      let gain = gains[channel] * Float(factor)
      guard gain.isFinite, type != .f16 || gain.magnitude <= 65504 else {
        throw .tooLarge(norm: norm.name, channel: channel, value: gains[channel], factor: factor)
      }
      gains[channel] = gain
    }
    return gains
  }

  /// The weight with its chosen columns divided by the factor.
  private func divided(
    _ weight: any LinearWeight, _ chosen: [Int], layer: String
  ) throws -> DenseWeight {
    guard let view = (weight as? DenseWeight)?.view else {
      throw PlantingError.notDense(layer: layer, format: "\(weight.format)")
    }
    switch view.dtype {
    case .bf16: return try divided(view, as: UInt16.self, fraction: 7, chosen, layer)
    case .f16: return try divided(view, as: UInt16.self, fraction: 10, chosen, layer)
    case .f32: return try divided(view, as: UInt32.self, fraction: 23, chosen, layer)
    default: throw PlantingError.notDense(layer: layer, format: "\(weight.format)")
    }
  }

  /// Lowers exponents, which lie above `fraction` bits.
  private func divided<Bits: FixedWidthInteger & UnsignedInteger & BitwiseCopyable>(
    _ view: TensorView, as type: Bits.Type, fraction: Int, _ chosen: [Int], _ layer: String
  ) throws -> DenseWeight {
    let columns = view.shape.dimensions[1]
    let step = Bits(factor.trailingZeroBitCount)
    let magnitude = ~(Bits(1) << (Bits.bitWidth - 1))
    let largest = magnitude >> fraction
    try HeapMemory.expect(2 * view.shape.elementCount, of: MemoryLayout<Bits>.stride)
    var bits = try view.elements(as: type)
    for row in 0..<view.shape.dimensions[0] {
      for column in chosen {
        let place = row * columns + column
        let exponent = (bits[place] & magnitude) >> fraction
        guard bits[place] & magnitude != 0, exponent != largest else { continue }
        guard exponent > step else {
          throw PlantingError.tooSmall(
            layer: layer, row: row, column: column,
            value: try view.floats(rows: row..<row + 1)[column], factor: factor)
        }
        bits[place] -= step << fraction
      }
    }
    return try DenseWeight(TensorView(dtype: view.dtype, shape: view.shape, copying: bits))
  }
}

extension OutlierPlanting: ModelTransform {
  package static let describes = TransformDescription(
    name: "plant",
    summary:
      "Plants outliers: multiplies channels of each norm by a power of two, and divides the layers after it.",
    usage: "CHANNELS:FACTOR[:SEED[:EVERY]]", example: "8:32",
    options: [channelOption.spec, factorOption.spec, seedOption.spec, everyOption.spec])

  private static let channelOption = OptionKey<Int>(
    "channels", "channels of each norm", in: 1...1_000_000, standard: 8)
  private static let factorOption = OptionKey<Int>(
    "factor", "what they are multiplied by, a power of two", in: factors, standard: 32)
  private static let seedOption = OptionKey<Int>(
    "seed", "which channels are chosen", in: 0...Int.max, standard: 0)
  private static let everyOption = OptionKey<Int>(
    "every", "every how many blocks; 1 for all", in: 1...1_000_000, standard: 1)

  package init(text: String) throws { try self.init(text) }

  package init(options: OptionValues) throws {
    self.init(
      channels: options[Self.channelOption], factor: options[Self.factorOption],
      seed: UInt64(options[Self.seedOption]), every: options[Self.everyOption])
    try check()
  }

  package var text: String {
    "\(channels):\(factor)" + (seed != 0 || every != 1 ? ":\(seed)" : "")
      + (every != 1 ? ":\(every)" : "")
  }

  package var settings: [OptionSetting] {
    [Self.channelOption(channels), Self.factorOption(factor)]
      + (seed == 0 ? [] : [Self.seedOption(Int(clamping: seed))])
      + (every == 1 ? [] : [Self.everyOption(every)])
  }

  package var isIdentity: Bool { factor == 1 }

  package func applied(
    to model: Model, pool: WorkerPool?, pause: () throws -> Void
  ) throws -> Model {
    try planted(in: model)
  }
}

extension OutlierPlanting: CustomStringConvertible {
  /// `8 channels x32 planted`, with what is not as usual after it.
  package var description: String {
    var text = "\(channels) channel\(channels == 1 ? "" : "s") x\(factor) planted"
    if every > 1 { text += " in every \(every). block" }
    if seed != 0 { text += ", seed \(seed)" }
    return text
  }
}

/// Why outliers cannot be planted; each case carries its evidence.
package enum PlantingError: Error, Hashable, Sendable {
  case malformed(text: String)
  case badFactor(found: Int)
  case badCount(field: String, found: Int, largest: Int?)
  case notDense(layer: String, format: String)
  case tooSmall(layer: String, row: Int, column: Int, value: Float, factor: Int)
  case tooLarge(norm: String, channel: Int, value: Float, factor: Int)
}

extension PlantingError: CustomStringConvertible {
  package var description: String {
    switch self {
    case .malformed(let text):
      "'\(text)' plants nothing: expected CHANNELS:FACTOR[:SEED[:EVERY]], such as 8:32"
    case .badFactor(let found):
      "planting outliers: expected a factor that is a power of two from 1 to "
        + "\(OutlierPlanting.factors.upperBound), found \(found)"
    case .badCount(let field, let found, let largest):
      "planting outliers: \(field): expected 1 "
        + (largest.map { "to \($0), the channels of a norm" } ?? "or more") + ", found \(found)"
    case .notDense(let layer, let format):
      "planting outliers: \(layer): expected weights in BF16, FP16 or float32, found \(format)"
    case .tooSmall(let layer, let row, let column, let value, let factor):
      "planting outliers: \(layer) holds \(value) at row \(row), column \(column), which divided by "
        + "\(factor) is no normal number: choose a smaller factor or another seed"
    case .tooLarge(let norm, let channel, let value, let factor):
      "planting outliers: \(norm) holds \(value) at channel \(channel), which times \(factor) is too "
        + "large for its type: choose a smaller factor or another seed"
    }
  }
}
