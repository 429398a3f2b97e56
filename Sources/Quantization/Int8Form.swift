import Models
import Tensors

/// W8A8: symmetric INT8 weights, and INT8 activations in one of their forms.
///
/// Weights are rounded as SmoothQuant and vLLM do, `scale = max|w| / 127`; those that another method has shaped keep
/// their form and are multiplied with INT8 activations all the same.
struct Int8Form: Hashable, Sendable {
  static let weightScales = ActivationOptions.weights(
    [.auto, .channel, .tensor],
    "a weight scale per output channel, or for the tensor; auto: by channel, but blocks of a GGUF file stay as they are",
    standard: .auto)

  /// The options of the form.
  static let options: [OptionSpec] = [
    weightScales.spec, ActivationOptions.scaling.spec, ActivationOptions.symmetry.spec,
  ]

  let weights: WeightFormat
  /// Whether blocks of a file stay as they are.
  let keepsBlocks: Bool
  let activations: ActivationChoice

  init(_ options: OptionValues) {
    weights = WeightFormat(
      code: .integer(bits: 8), granularity: options[Self.weightScales].granularity)
    keepsBlocks = options[Self.weightScales] == .auto
    activations = ActivationChoice(
      .int8(isSymmetric: options[ActivationOptions.symmetry]), options[ActivationOptions.scaling])
  }

  /// Rounds a weight.
  ///
  /// - Throws: `QuantizationError.notFinite`.
  func rounded(_ layer: BlockDraft.Layer, _ draft: BlockDraft) throws -> IntegerWeight {
    try RoundToNearest.quantize(
      layer.weight, as: layer.format(weights), .init(grid: .absmax, scaleType: .f32),
      layer: layer.name, pool: draft.pool
    ).weight
  }

  /// Puts all layers that do not stay FP into the form.
  ///
  /// - Throws: `QuantizationError.notFinite`, and what calibration throws.
  func apply(to draft: inout BlockDraft, method: String) throws {
    for index in draft.layers.indices where !draft.layers[index].staysFloat {
      let layer = draft.layers[index]
      guard !layer.isQuantized else { continue }
      // What a method has moved scale into is no longer what the file holds.
      if keepsBlocks, let blocks = layer.blocks, layer.weight === layer.original {
        draft.layers[index].weight = blocks
        draft.layers[index].method = method
        continue
      }
      draft.layers[index].weight = try rounded(layer, draft)
      draft.layers[index].method = method
    }
    try activations.apply(to: &draft)
  }
}
