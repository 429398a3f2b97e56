import Models
import Tensors

/// The options that methods for activations share.
package enum ActivationOptions {
  /// What shares a scale of the activations, and when it is found.
  package static let scaling = OptionKey<ActivationChoice.Scaling>(
    "scaling", "an activation scale a token or for the tensor at run time, or one from calibration",
    standard: .token,
    aliases: ["act_scaling", "act-scaling", "act_scale", "strategy", "act_strategy", "act_quant"])

  static let symmetry = OptionKey<Bool>(
    "symmetric", "activation codes about 0, else about a zero point", standard: true,
    aliases: ["sym", "act_sym", "act-symmetric"])

  /// What shares a scale of the weights.
  static func weights(
    _ choices: [WeightScales], _ summary: String, standard: WeightScales = .channel
  ) -> OptionKey<WeightScales> {
    OptionKey(
      "weights", summary, among: choices, standard: standard,
      aliases: ["weight_quant", "weight_strategy"])
  }

  /// How many weights share a scale next to activations.
  package enum WeightScales: String, OptionChoice {
    case channel
    case tensor
    /// 128 x 128.
    case block
    /// Blocks of a GGUF file stay as they are and are multiplied with INT8 activations in blocks of 32; all else has one scale
    /// per output channel.
    case auto

    var granularity: WeightFormat.Granularity {
      switch self {
      case .auto, .channel: .channel
      case .tensor: .tensor
      case .block: .block(rows: 128, columns: 128)
      }
    }
  }
}

/// How a method codes the inputs of layers: as INT8 or 8-bit floats, and what shares a scale.
package struct ActivationChoice: Hashable, Sendable {
  enum Code: Hashable, Sendable {
    case int8(isSymmetric: Bool)
    case float8(type: DType)
  }

  package enum Scaling: String, OptionChoice {
    case token
    case tensor
    /// One scale for all tokens, from the calibration text.
    case fixed = "static"
  }

  let code: Code
  let scaling: Scaling

  init(_ code: Code, _ scaling: Scaling) {
    self.code = code
    self.scaling = scaling
  }

  /// What it must see.
  var calibration: MethodDescription.Calibration { scaling == .fixed ? .activations : .none }

  /// The format for inputs in `range`; a scale from calibration needs one, and is found for each token without.
  func format(range: ActivationRange? = nil) -> ActivationFormat {
    let chosen: ActivationScaling
    switch (scaling, range) {
    case (.token, _), (.fixed, nil): chosen = .token
    case (.tensor, _): chosen = .tensor
    case (.fixed, let range?): chosen = .fixed(scale: range.fixedScale(as: fixedCode))
    }
    return switch code {
    case .int8(let isSymmetric): .int8(scaling: chosen, isSymmetric: isSymmetric)
    case .float8(let type): .fp8(type: type, scaling: chosen)
    }
  }

  private var fixedCode: FixedCode {
    switch code {
    case .int8(let isSymmetric): isSymmetric ? .symmetricInt8 : .asymmetricInt8
    case .float8(let type): .float8(type: type)
    }
  }

  /// Sets the formats of all layers that do not stay FP.
  ///
  /// Ranges are those of the inputs of the block as it is drafted.
  ///
  /// - Throws: what running the block throws.
  func apply(to draft: inout BlockDraft) throws {
    let chosen = draft.layers.filter { !$0.staysFloat }.map(\.projection)
    var ranges: [Projection: ActivationRange] = [:]
    if scaling == .fixed, let calibration = draft.calibration, !chosen.isEmpty {
      let found = try calibration.ranges(
        of: draft, groups: Set(chosen.map { draft.lead(of: $0) }))
      ranges = found.mapValues { $0.range() }
    }
    for projection in chosen {
      // What kernels multiply blocks of GGUF files with.
      if draft[projection].weight is BlockWeight, code == .int8(isSymmetric: true) {
        draft[projection].activation = .int8Blocks
        continue
      }
      let range =
        draft.isOutline
        ? ActivationRange(lowest: 0, highest: 0) : ranges[draft.lead(of: projection)]
      let isUsable = range.map { $0.lowest.isFinite && $0.highest.isFinite } ?? false
      draft[projection].activation = format(range: isUsable ? range : nil)
      guard scaling == .fixed, !isUsable else { continue }
      draft[projection].note(
        range == nil
          ? "scales of activations found at run time: no calibration inputs were seen"
          : "scales of activations found at run time: calibration inputs are not finite")
    }
  }

  /// What finding ranges takes.
  var cost: QuantizationCost { QuantizationCost(passes: scaling == .fixed ? 1 : 0) }
}

extension BlockDraft.Layer {
  /// Adds a reason why the layer was not quantized as asked.
  mutating func note(_ reason: String) {
    fallback = fallback.map { $0 + "; " + reason } ?? reason
  }
}
