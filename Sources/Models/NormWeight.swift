package import Tensors

/// The weight of a norm in float32, converted once, at an address that stays while this object
/// lives.
package final class NormWeight: @unchecked Sendable {
  // Unchecked: written in `init` only.

  /// The name of the tensor it came from.
  package let name: String
  package let count: Int
  package let pointer: UnsafePointer<Float>
  private let storage: UnsafeMutablePointer<Float>

  package init(name: String, values: [Float]) {
    self.name = name
    count = values.count
    storage = .allocate(capacity: max(1, values.count))
    storage.initialize(repeating: 0, count: max(1, values.count))
    for (index, value) in values.enumerated() { storage[index] = value }
    pointer = UnsafePointer(storage)
  }

  package convenience init(name: String, _ view: TensorView) throws {
    self.init(name: name, values: try view.floats())
  }

  deinit { storage.deallocate() }

  /// A copy of the weights.
  package var values: [Float] { Array(UnsafeBufferPointer(start: pointer, count: count)) }
}
