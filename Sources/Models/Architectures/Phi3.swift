package import Checkpoints
import Platform

/// Phi 3, 3.5 and 4: a Llama whose q, k and v lie in one tensor, and gate and up in another; in some of them only the first
/// channels of a head turn with the position.
///
/// M. Abdin et al., arXiv 2404.14219 and 2412.08905.
package enum Phi3: Architecture {
  package static let modelTypes = ["phi3"]

  /// Channels of a head that turn.
  private static let rotated = "partial_rotary_factor"

  package static func configuration(from config: ConfigFile) throws -> ModelConfiguration {
    var configuration = try ModelConfiguration(common: config, rotatesParts: true)
    let window =
      try config.optionalInteger("sliding_window", in: 1...ModelConfiguration.Bounds.context) ?? 0
    configuration.windows = configuration.windows.map { _ in window }
    try configuration.applyLayerTypes(config)
    let nested = try config.optionalObject("rope_parameters")
    let part =
      try config.optionalNumber(rotated, in: 0...1)
      ?? nested?.optionalNumber(rotated, in: 0...1) ?? 1
    // As transformers rounds it.
    let channels = Int(Double(configuration.headDimension) * part)
    guard channels > 0, channels % 2 == 0 else {
      throw config.mismatch(
        rotated,
        "a share that leaves an even number of the \(configuration.headDimension) channels",
        config.root[rotated])
    }
    configuration.particulars[rotated] = [Double(channels)]
    try configuration.rotary.checkPairs(channels / 2, in: config)
    return configuration
  }

  package static func block(_ configuration: ModelConfiguration, _ index: Int) -> BlockPlan {
    var plan = BlockPlan.gated(configuration, index)
    if let channels = configuration.particulars[rotated]?.first {
      plan.attention.rotation?.channels = Int(channels)
    }
    let prefix = "model.layers.\(index)."
    for (tensor, roles) in [
      ("self_attn.qkv_proj", [Projection.q, .k, .v]), ("mlp.gate_up_proj", [.gate, .up]),
    ] {
      let rows = roles.map { plan[$0]?.rows ?? 0 }
      for (place, role) in roles.enumerated() {
        guard let linear = plan.linears.firstIndex(where: { $0.role == role }) else { continue }
        plan.linears[linear].storage = .rows(
          of: prefix + tensor, first: rows[..<place].reduce(0, +), total: rows.reduce(0, +))
      }
    }
    return plan
  }
}
