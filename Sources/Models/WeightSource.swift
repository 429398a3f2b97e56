package import Checkpoints
import Platform
package import Tensors

/// Where a model's tensors come from when it is loaded.
package protocol WeightSource {
  /// What errors call it.
  var path: String { get }

  /// Whether there is a tensor of this name.
  func has(_ name: String) -> Bool

  /// A dense tensor of known shape.
  ///
  /// - Throws: an error that names the tensor when it is missing or has another shape.
  func tensor(_ name: String, shape: Shape) throws -> TensorView

  /// The weight of a linear layer, in whatever form it is stored; `name` ends in `.weight`.
  ///
  /// - Throws: an error that names the tensor when it is missing or has another shape.
  func weight(_ name: String, rows: Int, columns: Int) throws -> any LinearWeight

  /// Some rows of the weight of several layers that lie in one tensor of `total` rows.
  ///
  /// - Throws: an error that names the tensor when it is missing or has another shape.
  func weight(
    _ name: String, total: Int, columns: Int, part: Range<Int>
  ) throws -> any LinearWeight

  /// Rows of a layer that is stored quantized, outputs first whatever the layer's own order; nil where it is not.
  ///
  /// - Throws: an error that names the tensor when it has another shape.
  func quantized(
    _ name: String, total: Int, columns: Int, part: Range<Int>
  ) throws -> (any LinearWeight)?

  /// The names of all tensors that loading a model should have asked for.
  var names: [String] { get }
}

extension WeightSource {
  package func quantized(
    _ name: String, total: Int, columns: Int, part: Range<Int>
  ) throws -> (any LinearWeight)? { nil }

  package func weight(_ name: String, rows: Int, columns: Int) throws -> any LinearWeight {
    try DenseWeight(tensor(name, shape: Shape(checking: [rows, columns])))
  }

  package func weight(
    _ name: String, total: Int, columns: Int, part: Range<Int>
  ) throws -> any LinearWeight {
    try DenseWeight(tensor(name, shape: Shape(checking: [total, columns])).rows(part))
  }
}

/// The tensors of a checkpoint in safetensors.
package struct CheckpointSource: WeightSource {
  package let checkpoint: Checkpoint

  package init(_ checkpoint: Checkpoint) { self.checkpoint = checkpoint }

  package var path: String { checkpoint.path }
  package var names: [String] { checkpoint.tensors.map(\.name) }

  package func has(_ name: String) -> Bool { checkpoint[name] != nil }

  package func tensor(_ name: String, shape: Shape) throws -> TensorView {
    let view = try checkpoint.view(name, shape: shape)
    guard [.f32, .f16, .bf16].contains(view.dtype) else {
      throw ModelError.unsupportedType(
        file: checkpoint[name]?.file.path ?? path, tensor: name, found: view.dtype)
    }
    return view
  }
}

/// The tensors of a quantized checkpoint, its layers as the layout gives them.
package struct LayoutSource: WeightSource {
  package let layout: any QuantizedLayout
  private let dense: CheckpointSource

  package init(_ checkpoint: Checkpoint, layout: any QuantizedLayout) {
    self.layout = layout
    dense = CheckpointSource(checkpoint)
  }

  package var path: String { dense.path }
  package var names: [String] { layout.names }

  package func has(_ name: String) -> Bool { layout.has(name) }

  package func tensor(_ name: String, shape: Shape) throws -> TensorView {
    try dense.tensor(name, shape: shape)
  }

  package func weight(_ name: String, rows: Int, columns: Int) throws -> any LinearWeight {
    try layout.weight(name, rows: rows, columns: columns)
      ?? DenseWeight(dense.tensor(name, shape: Shape(checking: [rows, columns])))
  }

  package func weight(
    _ name: String, total: Int, columns: Int, part: Range<Int>
  ) throws -> any LinearWeight {
    try quantized(name, total: total, columns: columns, part: part)
      ?? DenseWeight(dense.tensor(name, shape: Shape(checking: [total, columns])).rows(part))
  }

  package func quantized(
    _ name: String, total: Int, columns: Int, part: Range<Int>
  ) throws -> (any LinearWeight)? {
    let whole = try layout.weight(name, rows: total, columns: columns)
    do {
      return try whole?.part(part)
    } catch let error as TensorError {
      throw CheckpointError.tensor(file: path, name: name, error)
    }
  }
}
