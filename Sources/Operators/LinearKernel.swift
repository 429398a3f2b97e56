internal import CKernels
package import Tensors

/// One row of the kernel table for linear layers: the code for one pair of weight and activation
/// kinds.
package struct LinearKernel: Sendable {
  typealias Function =
    @convention(c) (
      UnsafePointer<nk_linear_weight>?, Int, Int, UnsafePointer<nk_activations>?,
      UnsafeMutablePointer<Float>?, Int, UnsafeMutableRawPointer?
    ) -> Void

  /// The name without the provider: `linear_int4_bf16`.
  package let name: String
  let weight: nk_weight_kind
  let activation: nk_activation_kind
  private let generic: Function
  private let avx2: Function?
  private let avx512: Function?

  /// The providers that have it.
  package var providers: [ExecutionProvider] {
    [.generic] + (avx2 == nil ? [] : [.avx2]) + (avx512 == nil ? [] : [.avx512])
  }

  /// The name the trace shows: `linear_int4_bf16_avx512`.
  package func fullName(_ provider: ExecutionProvider) -> String { "\(name)_\(provider.rawValue)" }

  init(
    _ name: String, _ weight: nk_weight_kind, _ activation: nk_activation_kind,
    _ functions: Versions
  ) {
    self.name = name
    self.weight = weight
    self.activation = activation
    generic = functions.generic
    avx2 = functions.avx2
    avx512 = functions.avx512
  }

  /// The code of one provider.
  func function(_ provider: ExecutionProvider) -> Function {
    switch provider {
    case .generic: generic
    case .avx2: avx2 ?? generic
    case .avx512: avx512 ?? generic
    }
  }

  /// Every kernel of linear layers.
  package static let all: [LinearKernel] = plain + blocks

  /// Those of weights in the project's own layouts.
  private static let plain: [LinearKernel] = [
    LinearKernel(
      "linear_f32_f32", NK_WEIGHT_F32, NK_ACTIVATION_F32,
      versions(nk_linear_f32_f32_generic, nk_linear_f32_f32_avx2, nk_linear_f32_f32_avx512)),
    LinearKernel(
      "linear_bf16_bf16", NK_WEIGHT_BF16, NK_ACTIVATION_BF16,
      versions(nk_linear_bf16_bf16_generic, nk_linear_bf16_bf16_avx2, nk_linear_bf16_bf16_avx512)),
    LinearKernel(
      "linear_int8_bf16", NK_WEIGHT_INT8, NK_ACTIVATION_BF16,
      versions(nk_linear_int8_bf16_generic, nk_linear_int8_bf16_avx2, nk_linear_int8_bf16_avx512)),
    LinearKernel(
      "linear_int4_bf16", NK_WEIGHT_INT4, NK_ACTIVATION_BF16,
      versions(nk_linear_int4_bf16_generic, nk_linear_int4_bf16_avx2, nk_linear_int4_bf16_avx512)),
    LinearKernel(
      "linear_int3_bf16", NK_WEIGHT_INT3, NK_ACTIVATION_BF16,
      versions(nk_linear_int3_bf16_generic, nk_linear_int3_bf16_avx2, nk_linear_int3_bf16_avx512)),
    LinearKernel(
      "linear_int2_bf16", NK_WEIGHT_INT2, NK_ACTIVATION_BF16,
      versions(nk_linear_int2_bf16_generic, nk_linear_int2_bf16_avx2, nk_linear_int2_bf16_avx512)),
    LinearKernel(
      "linear_e4m3_bf16", NK_WEIGHT_E4M3, NK_ACTIVATION_BF16,
      versions(nk_linear_e4m3_bf16_generic, nk_linear_e4m3_bf16_avx2, nk_linear_e4m3_bf16_avx512)),
    LinearKernel(
      "linear_e5m2_bf16", NK_WEIGHT_E5M2, NK_ACTIVATION_BF16,
      versions(nk_linear_e5m2_bf16_generic, nk_linear_e5m2_bf16_avx2, nk_linear_e5m2_bf16_avx512)),
    LinearKernel(
      "linear_int8_int8", NK_WEIGHT_INT8, NK_ACTIVATION_INT8,
      versions(nk_linear_int8_int8_generic, nk_linear_int8_int8_avx2, nk_linear_int8_int8_avx512)),
    LinearKernel(
      "linear_int4_int8", NK_WEIGHT_INT4, NK_ACTIVATION_INT8,
      versions(nk_linear_int4_int8_generic, nk_linear_int4_int8_avx2, nk_linear_int4_int8_avx512)),
    LinearKernel(
      "linear_int3_int8", NK_WEIGHT_INT3, NK_ACTIVATION_INT8,
      versions(nk_linear_int3_int8_generic, nk_linear_int3_int8_avx2, nk_linear_int3_int8_avx512)),
    LinearKernel(
      "linear_int2_int8", NK_WEIGHT_INT2, NK_ACTIVATION_INT8,
      versions(nk_linear_int2_int8_generic, nk_linear_int2_int8_avx2, nk_linear_int2_int8_avx512)),
  ]

  typealias Versions = (generic: Function, avx2: Function?, avx512: Function?)

  #if arch(x86_64)
    private static func versions(
      _ generic: Function, _ avx2: Function, _ avx512: Function
    ) -> Versions { (generic, avx2, avx512) }
  #else
    private static func versions(
      _ generic: Function, _: @autoclosure () -> Void, _: @autoclosure () -> Void
    ) -> Versions { (generic, nil, nil) }
  #endif

  /// What will execute one linear layer.
  struct Choice {
    var kernel: LinearKernel
    /// How the weight is packed for it.
    var weight: nk_weight_kind
    /// What the input is really turned into.
    var activation: ActivationFormat
    /// Why the operator is not executed as it is, if so.
    var reason: String?
    /// What this CPU lacks for the operator, although its kernel takes it as it is.
    var remark: String?
  }

  /// The name of the kernel that runs where every other one is disabled.
  package static var lastResort: String { float32.name }

  /// The kernel that multiplies float32 with float32.
  static var float32: LinearKernel { all[0] }

  /// The kernel for a weight and activation format.
  ///
  /// What no kernel executes as it is falls back to the floating-point kernel of the activations, or to that of float32
  /// where it is disabled, on weights expanded when they are packed; the choice then carries the reason.
  ///
  /// - Parameter obstacle: why the numbers of this weight do not fit the kernel of its format, if so.
  static func choose(
    format: WeightFormat, columns: Int, activation: ActivationFormat, disabled: Set<String>,
    obstacle: String? = nil
  ) -> Choice {
    func kernel(_ weight: nk_weight_kind, _ activation: nk_activation_kind) -> LinearKernel? {
      all.first { $0.weight == weight && $0.activation == activation }
    }
    let activationKind = activation.kernelKind
    let wanted: (kind: nk_weight_kind?, obstacle: String?) =
      switch format.code {
      case .float:
        (activation == .float(type: .f32) ? NK_WEIGHT_F32 : NK_WEIGHT_BF16, nil)
      case .integer(let bits):
        (
          integerKind(bits),
          obstacle ?? groupObstacle(format, columns: columns)
            ?? (integerKind(bits) == nil ? "no kernel reads \(bits)-bit weights" : nil)
        )
      case .scaledFloat(let type):
        (
          type == .f8e5m2 ? NK_WEIGHT_E5M2 : NK_WEIGHT_E4M3,
          groupObstacle(format, columns: columns)
        )
      case .block(let type):
        (blockKind(type), blockKind(type) == nil ? "no kernel reads \(type) blocks" : nil)
      case .decoded(let form): (nil, "no kernel reads \(form)")
      }
    if case .block(let type) = format.code,
      let choice = blockChoice(type, activation, disabled: disabled)
    {
      return choice
    }
    if let kind = wanted.kind, wanted.obstacle == nil, let found = kernel(kind, activationKind) {
      guard disabled.contains(found.name) else {
        return Choice(
          kernel: found, weight: kind, activation: activation,
          remark: remark(format, activation))
      }
    }
    // Dequantize + FP matmul; in F32 where BF16 is not to be used either.
    let expanded: [(weight: nk_weight_kind, kernel: LinearKernel?, type: DType, words: String)] = [
      (NK_WEIGHT_BF16, kernel(NK_WEIGHT_BF16, NK_ACTIVATION_BF16), .bf16, "BF16"),
      (NK_WEIGHT_F32, float32, .f32, "F32"),
    ]
    let isFloat32 = activation == .float(type: .f32)
    let fallback =
      expanded.first { candidate in
        guard let found = candidate.kernel else { return false }
        return !disabled.contains(found.name) && (candidate.type == .f32 || !isFloat32)
      } ?? expanded[1]
    let missing =
      wanted.obstacle
      ?? wanted.kind.flatMap { kernel($0, activationKind) }.map { "\($0.name) is disabled" }
      ?? "no kernel multiplies \(format) with \(activation)"
    return Choice(
      kernel: fallback.kernel ?? float32, weight: fallback.weight,
      activation: .float(type: fallback.type),
      reason: "\(missing): weights expanded to \(fallback.words)")
  }

  /// 8-bit floats are numbers no provider multiplies.
  private static func remark(_ format: WeightFormat, _ activation: ActivationFormat) -> String? {
    let weights = if case .scaledFloat = format.code { true } else { false }
    let inputs = if case .fp8 = activation { true } else { false }
    switch (weights, inputs) {
    case (true, _): return "no FP8 unit here: the kernel decodes weights to BF16 as it reads them"
    case (false, true): return "no FP8 unit here: inputs are rounded to FP8 and multiplied as BF16"
    case (false, false): return nil
    }
  }

  private static func integerKind(_ bits: Int) -> nk_weight_kind? {
    switch bits {
    case 2: NK_WEIGHT_INT2
    case 3: NK_WEIGHT_INT3
    case 4: NK_WEIGHT_INT4
    case 8: NK_WEIGHT_INT8
    default: nil
    }
  }

  private static func groupObstacle(_ format: WeightFormat, columns: Int) -> String? {
    let size = format.groupSize(columns: columns)
    guard size < columns, size % Int(NK_COLUMN_BLOCK) != 0 else { return nil }
    return "group \(size) is no multiple of \(NK_COLUMN_BLOCK)"
  }
}

/// The kernel that one linear layer is executed by, and why when it is not its own.
package struct KernelChoice: Hashable, Sendable {
  /// Without provider.
  package var kernel: String
  /// Why the layer falls back, nil when it runs as it is.
  package var reason: String?

  /// - Parameters:
  ///   - disabled: kernels, named without provider, that must not be used.
  ///   - obstacle: why a weight's numbers do not fit the kernel of its format (see `LinearWeight.kernelObstacle`).
  package init(
    weight: WeightFormat, columns: Int, activation: ActivationFormat, disabled: Set<String>,
    obstacle: String? = nil
  ) {
    let choice = LinearKernel.choose(
      format: weight, columns: columns, activation: activation, disabled: disabled,
      obstacle: obstacle)
    self.init(kernel: choice.kernel.name, reason: choice.reason)
  }

  init(kernel: String, reason: String?) {
    self.kernel = kernel
    self.reason = reason
  }
}

extension ActivationFormat {
  var kernelKind: nk_activation_kind {
    switch self {
    case .float(let type): type == .f32 ? NK_ACTIVATION_F32 : NK_ACTIVATION_BF16
    case .int8, .int8WithOutliers: NK_ACTIVATION_INT8
    case .int8Blocks: NK_ACTIVATION_INT8_BLOCKS
    case .int16Blocks: NK_ACTIVATION_INT16_BLOCKS
    case .fp8: NK_ACTIVATION_BF16
    }
  }
}
