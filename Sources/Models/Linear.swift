package import Operators
import Platform
import Synchronization
package import Tensors

/// One linear layer: a weight, a bias, the form its input is turned into, and the copy of the
/// weight packed for the kernel that runs it.
///
/// It never changes; a layer with another weight or activation format is another object with a
/// packed copy of its own, and whoever still uses the old one keeps that one's. `[rows, columns]` =
/// `[output channels, input channels]`.
package final class Linear: Sendable {
  /// The name in the checkpoint, without `.weight`.
  package let name: String
  package let weight: any LinearWeight
  /// `[rows]`.
  package let bias: [Float]?
  package let activation: ActivationFormat

  private struct Packed: Sendable {
    var linear: PreparedLinear
    /// Sets of kernels that are not to be used under which it is what is wanted; the first is that it was packed under.
    var disabled: [Set<String>]
  }

  private let packed = Mutex<Packed?>(nil)

  package init(
    name: String, weight: any LinearWeight, bias: [Float]? = nil, activation: ActivationFormat
  ) {
    self.name = name
    self.weight = weight
    self.bias = bias
    self.activation = activation
  }

  /// The same layer with another weight, bias or activation format; nothing is packed yet.
  ///
  /// - Throws: `ModelError.weightShape` for a weight or bias of another size.
  package func replacing(
    weight: (any LinearWeight)? = nil, bias: [Float]? = nil, activation: ActivationFormat? = nil
  ) throws -> Linear {
    let weight = weight ?? self.weight
    guard weight.rows == rows, weight.columns == columns else {
      throw ModelError.weightShape(
        layer: name, expected: [rows, columns], found: [weight.rows, weight.columns])
    }
    if let bias, bias.count != rows {
      throw ModelError.weightShape(layer: name, expected: [rows], found: [bias.count])
    }
    return Linear(
      name: name, weight: weight, bias: bias ?? self.bias,
      activation: activation ?? self.activation)
  }

  package var rows: Int { weight.rows }
  package var columns: Int { weight.columns }

  /// Bytes of the packed copy; 0 while there is none.
  package var packedBytes: Int { packed.withLock { $0?.linear.packedBytes ?? 0 } }

  /// Bytes of the packed copy that are in memory, as the system tells; 0 while there is none.
  package var residentPackedBytes: Int { packed.withLock { $0?.linear.residentBytes ?? 0 } }

  /// What executes the layer where `disabled` kernels must not be used.
  package func choice(disabling disabled: Set<String>) -> KernelChoice {
    KernelChoice(
      weight: weight.format, columns: columns, activation: activation, disabled: disabled,
      obstacle: weight.kernelObstacle)
  }

  /// Why the layer falls back, nil when it runs as it is or has not run yet.
  package var fallbackReason: String? { packed.withLock { $0?.linear.reason } }

  /// The layer made ready for `context`; packs the weight at the first call.
  ///
  /// - Throws: `OperatorError`, or the platform's error when memory is refused.
  package func prepared(for context: ExecutionContext) throws -> PreparedLinear {
    try packed.withLock { packed in
      if let known = packed {
        if known.disabled.contains(context.disabledKernels) { return known.linear }
        if known.linear.choice == choice(disabling: context.disabledKernels) {
          packed?.disabled.append(context.disabledKernels)
          return known.linear
        }
      }
      packed = nil
      let linear = try PreparedLinear(
        weight, bias: bias, activation: activation,
        label: name.split(separator: ".").last.map(String.init),
        disabledKernels: context.disabledKernels, pool: context.pool)
      packed = Packed(linear: linear, disabled: [context.disabledKernels])
      releasePages()
      return linear
    }
  }

  /// Gives back the packed copy and the mapped pages; both come back when the layer runs again.
  package func release() {
    packed.withLock { $0 = nil }
    releasePages()
  }

  /// The mapped pages of a packed weight are not needed soon; they come back from the file when
  /// they are.
  private func releasePages() {
    switch weight {
    case let integer as IntegerWeight: return integer.codes.releasePages()
    case let scaled as ScaledFloatWeight: return scaled.codes.releasePages()
    case let blocks as BlockWeight: return blocks.bytes.releasePages()
    case let split as SplitWeight: split.codes.codes.releasePages()
    default: break
    }
    let dense = weight as? DenseWeight ?? (weight as? SplitWeight)?.full
    guard let dense, let file = dense.view.owner as? MappedFile,
      let start = dense.view.bytes.baseAddress, let base = file.bytes.baseAddress
    else { return }
    let offset = start - base
    file.release(offset..<offset + dense.view.bytes.count)
  }
}
