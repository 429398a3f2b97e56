/// The gains of a norm in float32, converted once, at an address that stays while this object lives.
///
/// A gain is the stored weight plus the offset of its plan, so that whoever scales, folds or rotates a norm sees what it
/// multiplies by; only what is written to a file takes the offset out again.
package final class NormWeight: @unchecked Sendable {
  // Unchecked: written in `init` only.

  /// The name of the tensor it came from.
  package let name: String
  package let kind: NormPlan.Kind
  /// What was added to the stored weight.
  package let offset: Float
  /// `[count]`; nil for none.
  package let bias: [Float]?
  package let count: Int
  package let pointer: UnsafePointer<Float>
  /// Of the bias, after the gains.
  let biasPointer: UnsafePointer<Float>?
  private let storage: UnsafeMutablePointer<Float>

  /// - Parameter values: the gains, offset included.
  package init(
    name: String, values: [Float], kind: NormPlan.Kind = .rms, offset: Float = 0,
    bias: [Float]? = nil
  ) {
    self.name = name
    self.kind = kind
    self.offset = offset
    self.bias = bias
    count = values.count
    let numbers = values + (bias ?? [])
    storage = .allocate(capacity: max(1, numbers.count))
    storage.initialize(repeating: 0, count: max(1, numbers.count))
    for (index, value) in numbers.enumerated() { storage[index] = value }
    pointer = UnsafePointer(storage)
    biasPointer = bias == nil ? nil : UnsafePointer(storage) + values.count
  }

  /// The norm of a plan from what the checkpoint stores.
  ///
  /// - Parameter stored: the weight without the offset.
  package convenience init(_ plan: NormPlan, stored: [Float], bias: [Float]? = nil) {
    self.init(
      name: plan.name, values: plan.offset == 0 ? stored : stored.map { plan.offset + $0 },
      kind: plan.kind, offset: plan.offset, bias: bias)
  }

  deinit { storage.deallocate() }

  /// A copy of the gains.
  package var values: [Float] { Array(UnsafeBufferPointer(start: pointer, count: count)) }

  /// What a checkpoint stores: the gains without the offset.
  package var stored: [Float] { offset == 0 ? values : values.map { $0 - offset } }

  /// The same norm with other gains.
  ///
  /// - Throws: `ModelError.weightShape` for another number of them.
  package func replacing(_ gains: [Float]) throws(ModelError) -> NormWeight {
    guard gains.count == count else {
      throw .weightShape(layer: name, expected: [count], found: [gains.count])
    }
    return NormWeight(name: name, values: gains, kind: kind, offset: offset, bias: bias)
  }
}
