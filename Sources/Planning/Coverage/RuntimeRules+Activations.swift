import Tensors

extension RuntimeRules {
  /// What a runtime makes of activations beyond INT8 with a scale a token.
  struct ActivationRules: Sendable {
    /// Weights and activations as 8-bit floats; those of E4M3 with a scale a tensor or channel.
    var float8: Finding
    /// LLM.int8(), in bitsandbytes' form.
    var outliers: Finding
    /// INT8 codes about a zero point.
    var asymmetric = Finding(.native)
    /// One INT8 scale for all tokens, found at run time.
    var perTensor = Finding(.native)
    /// An INT8 scale for every 32 channels of a token.
    var perBlock = Finding(
      .refused, "INT8 activations have a scale a token, not one for 32 channels",
      nearest: "A8 per token")
  }

  /// Whether the formats are beyond what rules for weights in integers speak of.
  static func isSpecial(_ demand: RuntimeDemand) -> Bool {
    if case .scaledFloat? = demand.weights?.code { return true }
    return switch demand.activations {
    case .fp8?, .int8WithOutliers?: true
    case .int8?, .int8Blocks?, .int16Blocks?, .float?, nil: false
    }
  }

  /// What the activations of a recipe meet; nil when they stay FP.
  static func finding(
    _ weights: WeightFormat?, _ activations: ActivationFormat?, _ rules: ActivationRules
  ) -> Finding? {
    switch activations {
    case nil, .float?, .int16Blocks?:
      guard case .scaledFloat? = weights?.code else { return nil }
      return rules.float8
    case .int8(let scaling, let isSymmetric)?:
      var worst = isSymmetric ? Finding(.native) : rules.asymmetric
      if scaling == .tensor, rules.perTensor.support.rank > worst.support.rank {
        worst = rules.perTensor
      }
      return worst
    case .int8Blocks?: return rules.perBlock
    case .int8WithOutliers(let split)?:
      guard rules.outliers.support == .native else { return rules.outliers }
      if weights?.bits != 8 {
        return Finding(
          .refused, "bitsandbytes finds its own INT8 weights", nearest: "LLM.int8() alone")
      }
      return split.form == .bitsandbytes
        ? rules.outliers
        : Finding(
          .fallback, "bitsandbytes decodes the weights of outliers from INT8",
          nearest: "form bitsandbytes")
    case .fp8(let type, _)?:
      guard rules.float8.support == .native else { return rules.float8 }
      guard case .scaledFloat? = weights?.code else {
        return Finding(
          .refused, "no kernel known here multiplies \(weights.map { "\($0)" } ?? "FP") with FP8",
          nearest: "FP8 per channel")
      }
      if type != .f8e4m3 {
        return Finding(.refused, "FP8 is E4M3, not \(type)", nearest: "type e4m3")
      }
      if case .block? = weights?.granularity {
        return Finding(
          .refused, "128 x 128 blocks go with activations scaled per 128 channels",
          nearest: "FP8 per channel")
      }
      return rules.float8
    }
  }

  static func refused(_ constraint: String, nearest: String) -> Finding {
    Finding(.refused, constraint, nearest: nearest)
  }

  /// LLM.int8() where there are no kernels for it.
  static let noOutliers = refused(
    "no kernel tells outlier columns apart; bitsandbytes' run on GPUs", nearest: "SmoothQuant W8A8")

  static let vllmCUDAActivations = ActivationRules(
    float8: Finding(.native), outliers: Finding(.native),
    perTensor: refused(
      "INT8 scales found at run time are per token", nearest: "scaling token or static"))

  static let vllmCPUActivations = ActivationRules(
    float8: refused("FP8 needs a GPU", nearest: "W8A8 INT8"), outliers: noOutliers,
    perTensor: vllmCUDAActivations.perTensor)

  static let llamaCppActivations = ActivationRules(
    float8: refused("GGUF has no FP8 weights", nearest: "Q8_0"), outliers: noOutliers,
    asymmetric: Finding(
      .fallback, "activations are symmetric INT8 per 32 channels", nearest: "Q8_0"),
    perBlock: Finding(.native))

  static let onnxActivations = ActivationRules(
    float8: refused("no FP8 matmul on CPUs", nearest: "W8A8 INT8"), outliers: noOutliers)

  static let tensorRTActivations = ActivationRules(
    float8: Finding(.native), outliers: noOutliers,
    asymmetric: refused("INT8 activations are symmetric", nearest: "symmetric W8A8"),
    perTensor: refused(
      "scales are per token at run time or static", nearest: "scaling token or static"))

  static let onnxCUDAActivations = ActivationRules(
    float8: Finding(.fallback, "FP8 matmul in part", nearest: "W4 g128"), outliers: noOutliers)

  static let torchAOActivations = ActivationRules(
    float8: Finding(.native), outliers: noOutliers,
    perTensor: refused(
      "INT8 scales found at run time are per token", nearest: "scaling token or static"))

  static let openVINOActivations = ActivationRules(
    float8: refused("FP8 runs on GPUs only, and in part", nearest: "W8A8 INT8"),
    outliers: noOutliers)
}
