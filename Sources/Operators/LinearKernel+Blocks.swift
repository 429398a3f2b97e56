internal import CKernels
internal import Tensors

/// The kernels of weights in GGUF blocks, each type with BF16 inputs, and with INT8 and INT16 ones scaled by 32 channels.
extension LinearKernel {
  static let blocks: [LinearKernel] = GGUFTensorType.allCases.flatMap { type in
    let name = "linear_\(type)".lowercased()
    return [
      kernel(name + "_bf16", type, NK_ACTIVATION_BF16),
      kernel(name + "_int8g32", type, NK_ACTIVATION_INT8_BLOCKS),
      kernel(name + "_int16g32", type, NK_ACTIVATION_INT16_BLOCKS),
    ].compactMap(\.self)
  }

  /// Nil for a type that no kernel reads.
  private static func kernel(
    _ name: String, _ type: GGUFTensorType, _ activation: nk_activation_kind
  ) -> LinearKernel? {
    guard let kind = blockKind(type),
      let generic = nk_block_linear(kind, activation, NK_PROVIDER_GENERIC)
    else { return nil }
    return LinearKernel(
      name, kind, activation,
      (
        generic, nk_block_linear(kind, activation, NK_PROVIDER_AVX2),
        nk_block_linear(kind, activation, NK_PROVIDER_AVX512)
      ))
  }

  /// How a block type is packed; nil for a type that no kernel reads.
  static func blockKind(_ type: GGUFTensorType) -> nk_weight_kind? {
    switch type {
    case .q8_0: NK_WEIGHT_Q8_0
    case .q4_0: NK_WEIGHT_Q4_0
    case .q4_1: NK_WEIGHT_Q4_1
    case .q5_0: NK_WEIGHT_Q5_0
    case .q5_1: NK_WEIGHT_Q5_1
    case .q4K: NK_WEIGHT_Q4_K
    case .q5K: NK_WEIGHT_Q5_K
    case .q6K: NK_WEIGHT_Q6_K
    case .iq4NL: NK_WEIGHT_IQ4_NL
    case .mxfp4: NK_WEIGHT_MXFP4
    default: nil
    }
  }

  /// What executes blocks as they are, with inputs as near to what is asked for as a kernel takes them.
  ///
  /// 16 bits are INT16, scaled by 32 channels: nearer to the numbers than BF16, and faster. Nil for a type that no kernel
  /// reads, for float32 inputs, which all would round, for 8-bit floats, which the kernel of BF16 takes as they are,
  /// and where all that would do are disabled.
  static func blockChoice(
    _ type: GGUFTensorType, _ activation: ActivationFormat, disabled: Set<String>
  ) -> Choice? {
    let kinds: [nk_activation_kind]
    var isOwn = true
    switch activation {
    case .float(.f32), .fp8: return nil
    case .float, .int16Blocks: kinds = [NK_ACTIVATION_INT16_BLOCKS, NK_ACTIVATION_BF16]
    case .int8Blocks:
      kinds = [NK_ACTIVATION_INT8_BLOCKS, NK_ACTIVATION_INT16_BLOCKS, NK_ACTIVATION_BF16]
    case .int8, .int8WithOutliers:
      kinds = [NK_ACTIVATION_INT16_BLOCKS, NK_ACTIVATION_BF16]
      isOwn = false
    }
    guard let weight = blockKind(type) else { return nil }
    let kernels = kinds.compactMap { kind in
      blocks.first { $0.weight == weight && $0.activation == kind }
    }
    guard let place = kernels.firstIndex(where: { !disabled.contains($0.name) }) else { return nil }
    let missing: String? =
      isOwn
      ? (place == 0 ? nil : "\(kernels[0].name) is disabled")
      : "no kernel multiplies blocks with \(activation)"
    let inputs: (format: ActivationFormat, words: String) =
      switch kernels[place].activation {
      case NK_ACTIVATION_INT8_BLOCKS: (.int8Blocks, "INT8")
      case NK_ACTIVATION_INT16_BLOCKS: (.int16Blocks, "INT16")
      default: (.float(type: .bf16), "BF16")
      }
    return Choice(
      kernel: kernels[place], weight: weight, activation: inputs.format,
      reason: missing.map { "\($0): inputs in \(inputs.words)" })
  }
}
