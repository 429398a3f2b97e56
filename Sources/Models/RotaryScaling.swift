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

  /// Angle per token of each pair of channels, `[headDimension / 2]`, in float32 as transformers
  /// computes it.
  package func frequencies(headDimension: Int) -> [Float] {
    (0..<headDimension / 2).map { pair in
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
      }
    }
  }
}

extension RotaryEmbedding {
  /// Reads `rope_theta` and `rope_scaling`, or the `rope_parameters` of newer files.
  ///
  /// - Throws: `CheckpointError` for a field that makes no sense, `ModelError.unsupported` for a
  ///   scaling that is not built.
  init(from config: ConfigFile, context: Int, base standard: Double = 10_000) throws {
    let parameters = try config.optionalObject("rope_parameters")
    let field = parameters == nil ? "rope_scaling" : "rope_parameters"
    for owner in [config, parameters].compactMap({ $0 }) {
      let part = try owner.optionalNumber("partial_rotary_factor", in: 0...1) ?? 1
      guard part == 1 else {
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
    base = try object.optionalNumber("rope_theta", in: Self.bases) ?? standard
    // `type` is what files of before 2024 call it.
    let type = try object.optionalText("rope_type") ?? object.optionalText("type") ?? "default"
    let factors = 1e-3...1e6
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
    default:
      throw ModelError.unsupported(
        file: config.path, field: "\(field).rope_type", found: "\"\(type.prefix(40))\"",
        known: "known are default, linear, llama3")
    }
  }
}
