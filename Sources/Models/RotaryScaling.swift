import Checkpoints
import Glibc
import Platform

/// How rotary position embeddings are stretched for contexts longer than those of training.
package enum RotaryScaling: Hashable, Sendable, Codable {
  /// As in the RoFormer paper (arXiv 2104.09864).
  case none
  /// All frequencies divided by `factor` (arXiv 2306.15595).
  case linear(factor: Double)
  /// Long wavelengths divided by `factor`, short ones kept, those between blended (Llama 3.1).
  case llama3(factor: Double, low: Double, high: Double, originalContext: Int)
  /// The frequency of each pair of channels divided by a factor of its own, as GGUF files store Llama 3.1's scaling.
  case divided(by: [Float])
  /// Short wavelengths kept, long ones divided by `factor`, those between blended by how often they turn within the trained
  /// context; cosines and sines times `magnitude` (arXiv 2309.00071).
  case yarn(
    factor: Double, fast: Double, slow: Double, rounds: Bool, magnitude: Double,
    originalContext: Int)
  /// Each pair's wavelength times a number of its own: one set up to the trained context, another for longer sequences;
  /// cosines and sines times `magnitude` (arXiv 2402.13753).
  case longrope(LongRope)

  /// What longrope multiplies wavelengths by, `[channels / 2]`.
  package struct LongRope: Hashable, Sendable, Codable {
    /// Up to the trained context.
    package var short: [Double]
    /// For longer sequences.
    package var long: [Double]
    package var magnitude: Double
    package var originalContext: Int
  }
}

/// Rotary position embeddings: which angle each pair of channels turns by from token to token.
package struct RotaryEmbedding: Hashable, Sendable, Codable {
  /// `rope_theta`.
  package var base: Double
  package var scaling: RotaryScaling

  package init(base: Double, scaling: RotaryScaling = .none) {
    self.base = base
    self.scaling = scaling
  }

  /// Longer sequences than this turn by a second set of angles; nil where there is one set.
  package var longContext: Int? {
    switch scaling {
    case .longrope(let factors): factors.originalContext
    case .none, .linear, .llama3, .divided, .yarn: nil
    }
  }

  /// What cosines and sines are multiplied by.
  package var magnitude: Float {
    switch scaling {
    case .none, .linear, .llama3, .divided: 1
    case .yarn(_, _, _, _, let magnitude, _): Float(magnitude)
    case .longrope(let factors): Float(factors.magnitude)
    }
  }

  /// Angle per token of each pair of channels, `[headDimension / 2]`, in float32 as transformers
  /// computes it.
  ///
  /// - Parameter isLong: whether those of sequences longer than `longContext`.
  package func frequencies(headDimension: Int, isLong: Bool = false) -> [Float] {
    (0..<headDimension / 2).map { pair -> Float in
      let exponent = Float(2 * pair) / Float(headDimension)
      let plain = 1 / Float(pow(base, Double(exponent)))
      switch scaling {
      case .none:
        return plain
      case .divided(let factors):
        return pair < factors.count ? plain / factors[pair] : plain
      case .linear(let factor):
        return plain / Float(factor)
      case .llama3(let factor, let low, let high, let originalContext):
        let wavelength = 2 * Float.pi / plain
        let context = Float(originalContext)
        if wavelength > context / Float(low) { return plain / Float(factor) }
        if wavelength < context / Float(high) { return plain }
        let smooth = (context / wavelength - Float(low)) / (Float(high) - Float(low))
        return (1 - smooth) * plain / Float(factor) + smooth * plain
      case .yarn(let factor, let fast, let slow, let rounds, _, let originalContext):
        let kept = keptShare(
          of: pair, headDimension, fast: fast, slow: slow, rounds: rounds, originalContext)
        let stretched = 1 / (Float(factor) * (1 / plain))
        return stretched * (1 - kept) + plain * kept
      case .longrope(let scaled):
        let factors = isLong ? scaled.long : scaled.short
        return 1
          / (Float(factors[min(pair, factors.count - 1)]) * Float(pow(base, Double(exponent))))
      }
    }
  }

  /// How much of a pair's own frequency YaRN keeps: 1 for pairs that turn more than `fast` times within the trained context,
  /// 0 for those that turn less than `slow` times.
  private func keptShare(
    of pair: Int, _ headDimension: Int, fast: Double, slow: Double, rounds: Bool, _ context: Int
  ) -> Float {
    func place(_ turns: Double) -> Double {
      Double(headDimension) * log(Double(context) / (turns * 2 * .pi)) / (2 * log(base))
    }
    var (first, last) = (place(fast), place(slow))
    if rounds { (first, last) = (first.rounded(.down), last.rounded(.up)) }
    first = max(first, 0)
    last = min(last, Double(headDimension - 1))
    if first == last { last += 0.001 }
    return 1 - min(max((Float(pair) - Float(first)) / Float(last - first), 0), 1)
  }
}

extension RotaryEmbedding {
  /// Reads `rope_theta` and `rope_scaling`, or the `rope_parameters` of newer files.
  ///
  /// - Throws: `CheckpointError` for a field that makes no sense, `ModelError.unsupported` for a
  ///   scaling that is not built.
  ///
  /// - Parameter partial: whether the architecture reads `partial_rotary_factor` itself; it is refused otherwise.
  init(
    from config: ConfigFile, context: Int, base standard: Double = 10_000, partial: Bool = false
  ) throws {
    let parameters = try config.optionalObject("rope_parameters")
    let field = parameters == nil ? "rope_scaling" : "rope_parameters"
    for owner in [config, parameters].compactMap({ $0 }) {
      let part = try owner.optionalNumber("partial_rotary_factor", in: 0...1) ?? 1
      guard part == 1 || partial else {
        throw ModelError.unsupported(
          file: config.path, field: "partial_rotary_factor", found: "\(part)",
          known: "all channels of a head are rotated")
      }
    }
    var base = try config.optionalNumber("rope_theta", in: Self.bases) ?? standard
    if let parameters, let added = try config.optionalObject("rope_scaling") {
      // Added by hand, as model cards advise; transformers lets it win as well.
      base = try parameters.optionalNumber("rope_theta", in: Self.bases) ?? base
      try self.init(from: added, of: config, field: "rope_scaling", context: context, base: base)
      return
    }
    guard let object = try parameters ?? config.optionalObject("rope_scaling") else {
      self.init(base: base)
      return
    }
    try self.init(from: object, of: config, field: field, context: context, base: base)
  }

  private static let bases = 1.0...1e12

  /// Reads one object that spells a rotary embedding out.
  ///
  /// - Parameters:
  ///   - config: where the trained context stands if not in the object.
  ///   - field: what errors call the object.
  ///   - standard: `rope_theta` of an object that states none.
  init(
    from object: ConfigFile, of config: ConfigFile? = nil, field: String, context: Int,
    base standard: Double
  ) throws {
    let config = config ?? object
    let factors = Self.factors
    base = try object.optionalNumber("rope_theta", in: Self.bases) ?? standard
    // `type` is what files of before 2024 call it.
    let type = try object.optionalText("rope_type") ?? object.optionalText("type") ?? "default"
    switch type {
    case "default":
      scaling = .none
    case "linear":
      scaling = .linear(factor: try object.number("factor", in: factors))
    case "llama3":
      let low = try object.number("low_freq_factor", in: factors)
      let high = try object.number("high_freq_factor", in: factors)
      guard high > low else {
        throw object.mismatch(
          "high_freq_factor", "more than \(low)", object.root["high_freq_factor"])
      }
      scaling = .llama3(
        factor: try object.number("factor", in: factors), low: low, high: high,
        originalContext: try object.optionalInteger(
          "original_max_position_embeddings", in: 1...ModelConfiguration.Bounds.context)
          ?? config.optionalInteger(
            "original_max_position_embeddings", in: 1...ModelConfiguration.Bounds.context)
          ?? context)
    case "dynamic":
      // Changes nothing up to `max_position_embeddings`, which is as far as a cache goes here.
      scaling = .none
    case "yarn":
      scaling = try Self.yarn(object, config, context: context)
    case "longrope", "su":
      scaling = try Self.longrope(object, config, context: context)
    default:
      throw ModelError.unsupported(
        file: config.path, field: "\(field).rope_type", found: "\"\(type.prefix(40))\"",
        known: "known are default, linear, dynamic, llama3, yarn, longrope")
    }
  }

  private static let factors = 1e-3...1e6

  /// The context of training: the file's own word goes before that of the object.
  private static func trained(
    _ object: ConfigFile, _ config: ConfigFile, context: Int
  ) throws -> Int {
    let (field, range) = (
      "original_max_position_embeddings", 1...ModelConfiguration.Bounds.context
    )
    return try config.optionalInteger(field, in: range)
      ?? object.optionalInteger(field, in: range) ?? context
  }

  private static func yarn(
    _ object: ConfigFile, _ config: ConfigFile, context: Int
  ) throws -> RotaryScaling {
    let trained = try trained(object, config, context: context)
    let factor =
      try object.optionalNumber("factor", in: factors) ?? Double(context) / Double(trained)
    func magnitude(_ multiple: Double = 1) -> Double {
      factor <= 1 ? 1 : 0.1 * multiple * log(factor) + 1
    }
    let all = try object.optionalNumber("mscale_all_dim", in: 0...1e3) ?? 0
    let one = try object.optionalNumber("mscale", in: 0...1e3) ?? 0
    return .yarn(
      factor: factor, fast: try object.optionalNumber("beta_fast", in: factors) ?? 32,
      slow: try object.optionalNumber("beta_slow", in: factors) ?? 1,
      rounds: try object.optionalFlag("truncate") ?? true,
      magnitude: try object.optionalNumber("attention_factor", in: factors)
        ?? (one > 0 && all > 0 ? magnitude(one) / magnitude(all) : magnitude()),
      originalContext: trained)
  }

  private static func longrope(
    _ object: ConfigFile, _ config: ConfigFile, context: Int
  ) throws -> RotaryScaling {
    let trained = try trained(object, config, context: context)
    let factor =
      try object.optionalNumber("factor", in: factors) ?? Double(context) / Double(trained)
    let short = try object.numbers("short_factor", in: factors)
    let long = try object.numbers("long_factor", in: factors)
    for (name, list) in [("short_factor", short), ("long_factor", long)]
    where list.isEmpty || list.count != short.count {
      throw object.mismatch(
        name, short.isEmpty ? "a number for each pair of channels" : "\(short.count) numbers",
        object.root[name])
    }
    let usual = factor <= 1 ? 1 : (1 + log(factor) / log(Double(trained))).squareRoot()
    return .longrope(
      RotaryScaling.LongRope(
        short: short, long: long,
        magnitude: try object.optionalNumber("attention_factor", in: factors) ?? usual,
        originalContext: trained))
  }

  /// Checks the length of factors that a file gives for each pair of channels.
  ///
  /// - Throws: `CheckpointError` that says how many were expected.
  func checkPairs(_ pairs: Int, in config: ConfigFile) throws {
    guard case .longrope(let factors) = scaling, factors.short.count != pairs else { return }
    let field = config.has("rope_parameters") ? "rope_parameters" : "rope_scaling"
    throw config.mismatch(
      field,
      "\(pairs) factors, one for each pair of channels that turn (found \(factors.short.count))",
      config.root[field])
  }
}
