package import Checkpoints
import Platform
package import Tensors

/// The tensors of a GGUF file under the names, and in the order of rows, that Hugging Face's checkpoints have.
///
/// Blocks stay in the mapped file (`BlockWeight`); plain numbers too, but for queries and keys of files that store their
/// rows in pairs.
package struct GGUFSource: WeightSource {
  private struct Entry {
    let tensor: GGUFTensor
    let change: GGUFTensorNames.Change
  }

  package let file: GGUFFile
  private let entries: [String: Entry]
  /// What no layer asks for is named as the file names it.
  package let names: [String]

  /// - Throws: `CheckpointError` for metadata that cannot be read; `ModelError.unsupported` for experts in one tensor.
  package init(_ file: GGUFFile) throws {
    let mapping = try file.tensorNames()
    var entries: [String: Entry] = [:]
    var names: [String] = []
    for tensor in file.tensors where tensor.name != GGUFFile.rotaryFactors {
      guard let known = mapping.mapping(of: tensor.name) else {
        names.append(tensor.name)
        continue
      }
      guard !known.holdsExperts else {
        throw ModelError.unsupported(
          file: tensor.file.path, field: "tensor \(tensor.name)", found: "a mixture of experts",
          known: "known are dense feed-forward layers")
      }
      entries[known.name] = Entry(tensor: tensor, change: known.change)
      names.append(known.name)
    }
    self.file = file
    self.entries = entries
    self.names = names
  }

  package var path: String { file.file.path }

  package func has(_ name: String) -> Bool { entries[name] != nil }

  /// A tensor in the shape it has; one in blocks in float32.
  ///
  /// - Throws: `CheckpointError.missing` where there is none of this name.
  package func tensor(_ name: String) throws -> TensorView {
    guard let entry = entries[name] else {
      throw CheckpointError.missing(file: path, item: "tensor \(name)", nearest: nil)
    }
    return try tensor(name, shape: entry.tensor.shape)
  }

  /// The type of a tensor of plain numbers; nil for blocks, and for what is not there.
  package func type(of name: String) -> DType? { entries[name]?.tensor.type.plain }

  package func tensor(_ name: String, shape: Shape) throws -> TensorView {
    let entry = try entry(name, shape: shape)
    let order = try rowOrder(entry)
    if order == nil, entry.change != .plusOne, let type = entry.tensor.type.plain, type != .f64 {
      return try entry.tensor.view()
    }
    let tensor = entry.tensor
    // A bias is one row in the file, and each of its numbers belongs to a row of the layer.
    let width = shape.dimensions.count > 1 ? tensor.columns : 1
    let stored = try tensor.floats(rows: 0..<tensor.rows)
    var floats = stored
    if let order {
      for row in 0..<shape.dimensions[0] {
        let place = order(row) * width
        floats.replaceSubrange(row * width..<(row + 1) * width, with: stored[place..<place + width])
      }
    }
    if entry.change == .plusOne { for place in floats.indices { floats[place] -= 1 } }
    return try TensorView(dtype: .f32, shape: shape, copying: floats)
  }

  package func weight(_ name: String, rows: Int, columns: Int) throws -> any LinearWeight {
    try weight(name, total: rows, columns: columns, part: 0..<rows)
  }

  package func weight(
    _ name: String, total: Int, columns: Int, part: Range<Int>
  ) throws -> any LinearWeight {
    let shape = try Shape(checking: [total, columns])
    let entry = try entry(name, shape: shape)
    let tensor = entry.tensor
    guard tensor.type.plain == nil else {
      return try dense(name, entry, shape: shape, part: part)
    }
    guard tensor.type.isReal else {
      throw CheckpointError.tensor(
        file: tensor.file.path, name: tensor.name,
        .invalidWeight("expected floating-point numbers, found \(tensor.type)"))
    }
    let order = try rowOrder(entry)
    let bytes = UnsafeRawBufferPointer(
      rebasing: tensor.bytes[part.lowerBound * tensor.rowBytes..<part.upperBound * tensor.rowBytes])
    do throws(TensorError) {
      return try BlockWeight(
        type: tensor.type, bytes: SharedBytes(bytes, owner: tensor.file), rows: part.count,
        columns: columns, storedRow: part.count == total ? order : nil)
    } catch {
      throw CheckpointError.tensor(file: tensor.file.path, name: tensor.name, error)
    }
  }

  /// A weight of plain numbers: in place, or its rows brought into order.
  private func dense(
    _ name: String, _ entry: Entry, shape: Shape, part: Range<Int>
  ) throws -> any LinearWeight {
    let tensor = entry.tensor
    guard let order = try rowOrder(entry), tensor.type != .f64 else {
      return try DenseWeight(self.tensor(name, shape: shape).rows(part))
    }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(part.count * tensor.rowBytes)
    for row in part {
      let start = order(row) * tensor.rowBytes
      bytes += tensor.bytes[start..<start + tensor.rowBytes]
    }
    guard let type = tensor.type.plain, type.isFloat else { return try DenseWeight(tensor.view()) }
    return try DenseWeight(
      bytes.withUnsafeBytes {
        try TensorView(
          dtype: type, shape: Shape(checking: [part.count, shape.dimensions[1]]), copying: $0)
      })
  }

  private func entry(_ name: String, shape: Shape) throws -> Entry {
    guard let entry = entries[name] else {
      throw CheckpointError.missing(file: path, item: "tensor \(name)", nearest: nil)
    }
    guard entry.tensor.shape == shape else {
      throw CheckpointError.tensor(
        file: entry.tensor.file.path, name: entry.tensor.name,
        .shapeMismatch(expected: shape, found: entry.tensor.shape))
    }
    return entry
  }

  /// The row of the file that holds a row of the layer; nil where they are the same.
  ///
  /// - Throws: `CheckpointError.tensor` where the rows are no whole heads of pairs.
  private func rowOrder(_ entry: Entry) throws -> (@Sendable (Int) -> Int)? {
    guard case .pairedRows(let heads) = entry.change else { return nil }
    let shape = entry.tensor.shape
    let rows = shape.dimensions[0]
    guard heads > 0, rows % (2 * heads) == 0 else {
      throw CheckpointError.tensor(
        file: entry.tensor.file.path, name: entry.tensor.name,
        .invalidWeight("expected an even number of rows for each of \(heads) heads, found \(rows)"))
    }
    let dimension = rows / heads
    return { GGUFRowOrder.stored($0, headDimension: dimension) }
  }
}

extension Model {
  /// Opens a model in a GGUF file; blocks and plain numbers stay mapped.
  ///
  /// Every tensor is checked against the metadata.
  /// - Throws: `CheckpointError`, `ModelError`: what was expected, what was found, and where.
  package static func load(
    gguf file: GGUFFile, precision: BaselinePrecision = .bf16
  ) throws -> Model {
    try load(ModelConfiguration(file), from: GGUFSource(file), precision: precision)
  }
}

extension ModelConfiguration {
  /// Reads the metadata of a GGUF file, and the rotary factors that only a tensor holds.
  ///
  /// - Throws: `CheckpointError` and `ModelError` with file, key, expected and found.
  package init(_ file: GGUFFile) throws {
    try self.init(file.configuration())
    guard let factors = file.tensor(GGUFFile.rotaryFactors) else { return }
    let values = try factors.floats(rows: 0..<factors.rows)
    guard values.count == headDimension / 2, values.allSatisfy({ $0.isFinite && $0 > 0 }) else {
      throw CheckpointError.malformed(
        file: factors.file.path, item: "tensor \(factors.name)",
        expected: "\(headDimension / 2) positive factors, one for each pair of channels",
        found: "\(values.count), from \(values.min() ?? 0) to \(values.max() ?? 0)")
    }
    guard rotary.scaling == .none else {
      throw ModelError.unsupported(
        file: factors.file.path, field: "tensor \(factors.name)",
        found: "rotary factors next to a rope scaling in the metadata", known: "known is either")
    }
    rotary.scaling = .divided(by: values)
  }
}
