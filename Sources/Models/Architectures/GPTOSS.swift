package import Checkpoints
import Operators
import Platform

/// gpt-oss: a mixture of experts with a clamped gate, biases everywhere, a learned sink for each head, windows in every
/// second block, and angles stretched by YaRN.
///
/// OpenAI, arXiv 2508.10925. Its files hold the experts of a block in one tensor, in MXFP4 as published or in BF16.
package enum GPTOSS: Architecture {
  package static let modelTypes = ["gpt_oss"]

  private typealias Bounds = ModelConfiguration.Bounds

  /// What a file means that says nothing of its angles.
  private static let scaling: JSONValue = {
    var object = JSONObject()
    object.append("rope_type", .string("yarn"))
    for (name, value) in [
      ("factor", 32), ("beta_fast", 32), ("beta_slow", 1),
      ("original_max_position_embeddings", 4096),
    ] { object.append(name, .number(JSONNumber(value))) }
    object.append("truncate", .bool(false))
    return .object(object)
  }()

  package static func configuration(from file: ConfigFile) throws -> ModelConfiguration {
    let isScaled = file.has("rope_scaling") || file.has("rope_parameters")
    let config = isScaled ? file : file.read(standards: ["rope_scaling": scaling])
    var configuration = try ModelConfiguration(
      common: config, headDimension: 64, rotaryBase: 150_000, mixes: true)
    if try config.optionalFlag("attention_bias") ?? true {
      configuration.biases.formUnion(BlockHalf.attention.gatedRoles)
    }
    let window = try config.optionalInteger("sliding_window", in: 1...Bounds.context) ?? 128
    let named = config.has("layer_types")
    configuration.windows = (0..<configuration.blocks).map {
      named || $0 % 2 == 0 ? window : 0
    }
    try configuration.applyLayerTypes(config)
    try configuration.readExperts(
      config, count: "num_local_experts", standard: 128, active: 4,
      intermediate: configuration.intermediateSize)
    for (field, standard) in [("swiglu_limit", 7), ("swiglu_alpha", 1.702)] {
      configuration.particulars[field] = [
        try config.optionalNumber(field, in: 1e-3...1e6) ?? standard
      ]
    }
    return configuration
  }

  package static func block(_ configuration: ModelConfiguration, _ index: Int) -> BlockPlan {
    var plan = BlockPlan.gated(configuration, index)
    let prefix = "model.layers.\(index)."
    plan.attention.sinks = prefix + "self_attn.sinks"
    plan.feedForward.activation = nil
    let numbers = ["swiglu_limit", "swiglu_alpha"].map { name in
      Float(configuration.particulars[name]?.first ?? 1)
    }
    plan.feedForward.clampedGate = ClampedGate(limit: numbers[0], alpha: numbers[1])
    let experts = configuration.experts(.softmaxOfChosen)
    let width = configuration.expertWidth
    plan.mix(
      experts, intermediate: width, router: prefix + "mlp.router", hasBias: true
    ) { number, kind in
      "\(prefix)mlp.experts.\(number).\(Projection(kind).rawValue)_proj"
    }
    for place in plan.linears.indices {
      guard case .number(let number)? = plan.linears[place].role.expert else { continue }
      // Gate and up lie row by row next to each other.
      let kind = plan.linears[place].role.kind
      let isDown = kind == .down
      plan.linears[place].storage = .expert(
        LinearPlan.Expert(
          tensor: "\(prefix)mlp.experts.\(isDown ? "down_proj" : "gate_up_proj")", number: number,
          count: experts.count, first: kind == .up ? 1 : 0, step: isDown ? 1 : 2,
          total: isDown ? configuration.hiddenSize : 2 * width))
    }
    return plan
  }
}
