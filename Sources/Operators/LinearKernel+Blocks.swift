internal import CKernels
internal import Tensors

/// The kernels of weights in GGUF blocks, each type with BF16 inputs and with INT8 ones scaled by 32 channels.
extension LinearKernel {
  static let blocks: [LinearKernel] = GGUFTensorType.allCases.flatMap { type in
    let name = "linear_\(type)".lowercased()
    return [
      kernel(name + "_bf16", type, NK_ACTIVATION_BF16),
      kernel(name + "_int8g32", type, NK_ACTIVATION_INT8_BLOCKS),
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

  /// What executes blocks whose own kernel for the inputs is missing or disabled, with the weights as they are: that of
  /// BF16 inputs.
  ///
  /// Nil for other weights, for float32 inputs, which it would round, and where it is disabled, too.
  static func blockChoice(
    _ kind: nk_weight_kind?, _ activation: ActivationFormat, disabled: Set<String>
  ) -> Choice? {
    guard let kind, activation != .float(type: .f32),
      let found = blocks.first(where: { $0.weight == kind && $0.activation == NK_ACTIVATION_BF16 }),
      !disabled.contains(found.name), activation.kernelKind != NK_ACTIVATION_BF16
    else { return nil }
    let own = blocks.first { $0.weight == kind && $0.activation == activation.kernelKind }
    let missing =
      own.map { "\($0.name) is disabled" } ?? "no kernel multiplies blocks with \(activation)"
    return Choice(
      kernel: found, weight: kind, activation: .float(type: .bf16),
      reason: "\(missing): inputs stay BF16")
  }
}
