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

  /// The names of all tensors that loading a model should have asked for.
  var names: [String] { get }
}

extension WeightSource {
  package func weight(_ name: String, rows: Int, columns: Int) throws -> any LinearWeight {
    try DenseWeight(tensor(name, shape: Shape(checking: [rows, columns])))
  }

  package func weight(
    _ name: String, total: Int, columns: Int, part: Range<Int>
  ) throws -> any LinearWeight {
    try DenseWeight(tensor(name, shape: Shape(checking: [total, columns])).rows(part))
  }
}

/// A source whose names lack what those of the whole model begin with, under the whole names.
struct UnprefixedSource<Source: WeightSource>: WeightSource {
  let source: Source
  let prefix: String

  var path: String { source.path }
  var names: [String] { source.names.map { prefix + $0 } }

  /// A name without the prefix; one that never has it names nothing here.
  private func stored(_ name: String) -> String {
    name.hasPrefix(prefix) ? String(name.dropFirst(prefix.count)) : name
  }

  func has(_ name: String) -> Bool { name.hasPrefix(prefix) && source.has(stored(name)) }

  func tensor(_ name: String, shape: Shape) throws -> TensorView {
    try source.tensor(stored(name), shape: shape)
  }

  func weight(_ name: String, rows: Int, columns: Int) throws -> any LinearWeight {
    try source.weight(stored(name), rows: rows, columns: columns)
  }

  func weight(
    _ name: String, total: Int, columns: Int, part: Range<Int>
  ) throws -> any LinearWeight {
    try source.weight(stored(name), total: total, columns: columns, part: part)
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
