package import Checkpoints

/// Mixtral: a Mistral in which each token goes through the best of several experts.
///
/// A. Jiang et al., arXiv 2401.04088.
package enum Mixtral: Architecture {
  package static let modelTypes = ["mixtral"]

  package static func configuration(from config: ConfigFile) throws -> ModelConfiguration {
    var configuration = try ModelConfiguration(common: config, rotaryBase: 1_000_000, mixes: true)
    let window =
      try config.optionalInteger("sliding_window", in: 1...ModelConfiguration.Bounds.context) ?? 0
    configuration.windows = configuration.windows.map { _ in window }
    try configuration.readExperts(
      config, count: "num_local_experts", standard: 8, active: 2,
      intermediate: configuration.intermediateSize)
    return configuration
  }

  package static func block(_ configuration: ModelConfiguration, _ index: Int) -> BlockPlan {
    var plan = BlockPlan.gated(configuration, index)
    let prefix = "model.layers.\(index).block_sparse_moe."
    plan.mix(
      configuration.experts(.softmaxOfChosen), intermediate: configuration.intermediateSize,
      router: prefix + "gate"
    ) { number, kind in
      let name = kind == .gate ? "w1" : kind == .up ? "w3" : "w2"
      return "\(prefix)experts.\(number).\(name)"
    }
    return plan
  }
}

extension ModelConfiguration {
  /// Reads how many experts there are, how many a token goes through, and how wide they are.
  ///
  /// - Throws: `CheckpointError` with file, field, expected and found.
  mutating func readExperts(
    _ config: ConfigFile, count field: String, standard: Int, active: Int, intermediate: Int
  ) throws {
    let count = try config.optionalInteger(field, in: 1...1024) ?? standard
    particulars["experts"] = [Double(count)]
    particulars["active_experts"] = [
      Double(try config.optionalInteger("num_experts_per_tok", in: 1...count) ?? min(active, count))
    ]
    particulars["expert_width"] = [Double(intermediate)]
  }

  /// The mixture that was read.
  func experts(_ scores: FeedForwardPlan.Experts.Scores) -> FeedForwardPlan.Experts {
    func number(_ name: String) -> Int { Int(particulars[name]?.first ?? 1) }
    return .init(count: number("experts"), active: number("active_experts"), scores: scores)
  }

  /// Channels between the layers of one expert.
  var expertWidth: Int { Int(particulars["expert_width"]?.first ?? 1) }
}
