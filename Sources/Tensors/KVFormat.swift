/// How one of the two halves of a KV cache (keys or values) is stored.
///
/// The grids of the integer formats are those of llama.cpp's `q8_0` and `q4_0` rows: groups of
/// consecutive channels of one head inside one token, each with a 16-bit scale.
package indirect enum KVFormat: Hashable, Sendable, Codable {
  case float(type: DType)
  /// `bits` is 8 or 4; `group` is cut to the head dimension.
  case integer(bits: Int, group: Int)
  /// 8-bit floats of `type`, E4M3 or E5M2.
  case fp8(type: DType, scale: KVFloat8Scale)
  /// Keys in groups of `tokens` consecutive tokens of one channel, each with a 16-bit scale and
  /// minimum, codes of 2 or 4 bits (KIVI, arXiv 2402.02750, section 3.2).
  case channelGroups(bits: Int, tokens: Int)
  /// Values in groups of channels of one token, each with a 16-bit scale and minimum (KIVI).
  case tokenGroups(bits: Int, group: Int)
  /// A vector's norm, and codes for the coordinates of its rotated direction (TurboQuant).
  case codebook(format: CodebookFormat)
  /// Another format for vectors that are rotated first; queries and outputs are rotated with them.
  case rotated(format: KVFormat, rotation: KVRotation)

  /// Bits of one value with its share of the scales, for heads of `headDimension` channels.
  package func bitsPerValue(headDimension: Int) -> Double {
    guard headDimension > 0 else { return 0 }
    return Double(bitsPerVector(headDimension: headDimension)) / Double(headDimension)
  }

  /// Bytes of one token of one head, rounded up.
  package func bytesPerVector(headDimension: Int) -> Int {
    (bitsPerVector(headDimension: headDimension) + 7) / 8
  }

  private func bitsPerVector(headDimension: Int) -> Int {
    switch self {
    case .float(let type): headDimension * type.bits
    case .integer(let bits, let group):
      headDimension * bits
        + headDimension / Self.effectiveGroup(group, headDimension: headDimension) * 16
    case .fp8(_, let scale): headDimension * 8 + (scale == .token ? 32 : 0)
    case .channelGroups(let bits, let tokens): headDimension * bits + headDimension * 32 / tokens
    case .tokenGroups(let bits, let group):
      headDimension * bits
        + headDimension / Self.effectiveGroup(group, headDimension: headDimension) * 32
    case .codebook(let format):
      format.parts(headDimension: headDimension).reduce(0) { $0 + $1.channels * $1.bits + 16 }
    case .rotated(let format, _): format.bitsPerVector(headDimension: headDimension)
    }
  }

  /// The largest group not above `group` that divides `headDimension`.
  package static func effectiveGroup(_ group: Int, headDimension: Int) -> Int {
    var size = max(1, min(group, headDimension))
    while headDimension % size != 0 { size -= 1 }
    return size
  }

  /// Whether something of the format is found from the first tokens a cache sees: the scale of a
  /// head, or the channels that get more bits.
  package var learnsFromFirstTokens: Bool {
    switch self {
    case .fp8(_, let scale): scale == .firstTokens
    case .codebook(let format): format.extraShare > 0
    case .rotated(let format, _): format.learnsFromFirstTokens
    default: false
    }
  }
}

/// What FP8 values of a cache are multiplied with.
package enum KVFloat8Scale: String, Hashable, Sendable, Codable, CaseIterable {
  /// One a token and head, found as it comes: `max|x| / 448` (57344 for E5M2), in 32 bits.
  case token
  /// One a layer and head, found from the first tokens as vLLM's `calculate_kv_scales` does; later
  /// values beyond its range are clamped.
  case firstTokens = "first"
  /// 1, vLLM's for a model without scales.
  case one
}

/// The vector codes of TurboQuant (Zandieh et al., arXiv 2504.19874).
package struct CodebookFormat: Hashable, Sendable, Codable {
  package enum Form: String, Hashable, Sendable, Codable, CaseIterable {
    /// Codes for the least squared error (algorithm 1).
    case mse
    /// One bit less of these, and the signs of a projection of what they leave, so that inner
    /// products are unbiased (algorithm 2).
    case prod
  }

  /// Bits of a channel.
  package var bits: Int
  /// Share of the channels, the largest ones, that get one bit more, in their own rotation with
  /// their own norm; 0 for none.
  package var extraShare: Double
  package var form: Form
  /// The stored norm is the one that gives the decoded vector the norm of the original; not in the
  /// paper.
  package var keepsNorm: Bool
  package var rotation: KVRotation

  package init(
    bits: Int, extraShare: Double = 0, form: Form = .mse, keepsNorm: Bool = false,
    rotation: KVRotation = .hadamard(seed: 1)
  ) {
    self.bits = bits
    self.extraShare = extraShare
    self.form = form
    self.keepsNorm = keepsNorm
    self.rotation = rotation
  }

  /// Consecutive stored numbers with their own norm.
  package struct Part: Hashable, Sendable {
    package var channels: Int
    package var bits: Int
    /// Signs of a projection of the residual instead of codes.
    package var isSigns = false
  }

  /// The parts a vector of `headDimension` channels becomes.
  package func parts(headDimension: Int) -> [Part] {
    switch form {
    case .prod:
      let signs = Part(channels: headDimension, bits: 1, isSigns: true)
      return bits > 1 ? [Part(channels: headDimension, bits: bits - 1), signs] : [signs]
    case .mse:
      let more = extraChannels(headDimension: headDimension)
      if more == 0 { return [Part(channels: headDimension, bits: bits)] }
      if more == headDimension { return [Part(channels: headDimension, bits: bits + 1)] }
      return [
        Part(channels: more, bits: bits + 1), Part(channels: headDimension - more, bits: bits),
      ]
    }
  }

  /// Channels that get one bit more: the share, in whole vectors of 16 where the head has several.
  package func extraChannels(headDimension: Int) -> Int {
    guard extraShare > 0, headDimension >= 32 else { return 0 }
    return min(headDimension, Int((extraShare * Double(headDimension) / 16).rounded()) * 16)
  }
}

extension CodebookFormat: CustomStringConvertible {
  /// `TurboQuant 3.5`, `TurboQuant 4 prod`.
  package var description: String {
    let width = extraShare > 0 ? "\(Double(bits) + extraShare)" : "\(bits)"
    return "TurboQuant \(width)" + (form == .prod ? " prod" : "") + (keepsNorm ? " nc" : "")
  }
}

extension KVFormat: CustomStringConvertible {
  /// The format as people write it: `FP16`, `INT8 g32`.
  package var description: String {
    switch self {
    case .float(let type): type == .f16 ? "FP16" : type == .f32 ? "FP32" : "\(type)"
    case .integer(let bits, let group): "INT\(bits) g\(group)"
    case .fp8(let type, let scale):
      (type == .f8e5m2 ? "FP8 E5M2" : "FP8 E4M3") + (scale == .token ? "" : " \(scale.rawValue)")
    case .channelGroups(let bits, let tokens): "INT\(bits) of \(tokens) tokens a channel"
    case .tokenGroups(let bits, let group): "INT\(bits) g\(group) asymmetric"
    case .codebook(let format): "\(format)"
    case .rotated(let format, _): "\(format) rotated"
    }
  }
}

/// The formats of keys and values, which are chosen apart.
package struct KVFormatPair: Hashable, Sendable {
  package var keys: KVFormat
  package var values: KVFormat
  /// The latest tokens, which stay in full precision.
  package var window: KVWindow?
  /// The first and the last so many layers stay in FP16.
  package var highLayers: Int

  package init(keys: KVFormat, values: KVFormat, window: KVWindow? = nil, highLayers: Int = 0) {
    self.keys = keys
    self.values = values
    self.window = window
    self.highLayers = highLayers
  }

  /// The cache of the FP baseline.
  package static let fp16 = KVFormatPair(keys: .float(type: .f16), values: .float(type: .f16))
  /// The cache of a float32 run.
  package static let fp32 = KVFormatPair(keys: .float(type: .f32), values: .float(type: .f32))

  /// The formats of one of `count` layers.
  package func inLayer(_ layer: Int, of count: Int) -> KVFormatPair {
    isHigh(layer, of: count)
      ? .fp16 : KVFormatPair(keys: keys, values: values, window: window)
  }

  private func isHigh(_ layer: Int, of count: Int) -> Bool {
    layer < highLayers || layer >= count - highLayers
  }

  /// Bytes one token of one KV head takes in all of `layers` layers, the window not counted.
  package func bytesPerToken(layers: Int, headDimension: Int) -> Int {
    (0..<layers).reduce(0) { sum, layer in
      let pair = inLayer(layer, of: layers)
      return sum + pair.keys.bytesPerVector(headDimension: headDimension)
        + pair.values.bytesPerVector(headDimension: headDimension)
    }
  }
}

/// The latest tokens of a cache that are held in full precision until they are quantized.
package struct KVWindow: Hashable, Sendable {
  /// Values keep the last `tokens` tokens; so do keys where the window slides, else up to one less, since they leave in
  /// whole windows (KIVI).
  package var tokens: Int
  package var type: DType
  /// Whether keys leave one by one, as values do.
  package var slides: Bool

  package init(tokens: Int, type: DType = .f16, slides: Bool = false) {
    self.tokens = tokens
    self.type = type
    self.slides = slides
  }

  /// Keys that are quantized when the cache holds `length` tokens.
  package func quantizedKeys(length: Int) -> Int {
    slides ? quantizedValues(length: length) : length / tokens * tokens
  }

  /// Values that are quantized when the cache holds `length` tokens: all but the last window.
  package func quantizedValues(length: Int) -> Int { max(0, length - tokens) }
}

/// A field that is at rest is left out.
extension KVWindow: Codable {
  private enum CodingKeys: String, CodingKey { case tokens, type, slides }

  package init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: CodingKeys.self)
    self.init(
      tokens: try fields.decode(Int.self, forKey: .tokens),
      type: try fields.decode(DType.self, forKey: .type),
      slides: try fields.decodeIfPresent(Bool.self, forKey: .slides) ?? false)
  }

  package func encode(to encoder: any Encoder) throws {
    var fields = encoder.container(keyedBy: CodingKeys.self)
    try fields.encode(tokens, forKey: .tokens)
    try fields.encode(type, forKey: .type)
    if slides { try fields.encode(slides, forKey: .slides) }
  }
}

/// Fields that are at rest are left out.
extension KVFormatPair: Codable {
  private enum CodingKeys: String, CodingKey { case keys, values, window, highLayers }

  package init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: CodingKeys.self)
    self.init(
      keys: try fields.decode(KVFormat.self, forKey: .keys),
      values: try fields.decode(KVFormat.self, forKey: .values),
      window: try fields.decodeIfPresent(KVWindow.self, forKey: .window),
      highLayers: try fields.decodeIfPresent(Int.self, forKey: .highLayers) ?? 0)
  }

  package func encode(to encoder: any Encoder) throws {
    var fields = encoder.container(keyedBy: CodingKeys.self)
    try fields.encode(keys, forKey: .keys)
    try fields.encode(values, forKey: .values)
    try fields.encodeIfPresent(window, forKey: .window)
    if highLayers > 0 { try fields.encode(highLayers, forKey: .highLayers) }
  }
}

extension KVFormatPair: CustomStringConvertible {
  package var description: String {
    var words = keys == values ? "\(keys)" : "K \(keys), V \(values)"
    if case .channelGroups(let bits, let tokens) = keys,
      values == .tokenGroups(bits: bits, group: tokens)
    {
      words = "KIVI \(bits) g\(tokens)"
    }
    if let window { words += ", last \(window.tokens) FP" }
    if highLayers > 0 { words += ", first and last \(highLayers) layers FP16" }
    return words
  }
}
