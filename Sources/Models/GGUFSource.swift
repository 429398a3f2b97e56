package import Checkpoints
import Platform
package import Tensors

/// The tensors of a GGUF file under the names, and in the order of rows, that Hugging Face's checkpoints have.
///
/// Blocks stay in the mapped file (`BlockWeight`); plain numbers too, but for queries and keys of files that store their
/// rows in pairs.
package struct GGUFSource: WeightSource {
  /// A tensor, or one expert's part of a tensor of all.
  private struct Entry {
    let tensor: GGUFTensor
    let change: GGUFTensorNames.Change
    /// Of the part.
    let shape: Shape
    /// Where the part begins among the tensor's rows.
    var first = 0

    var rows: Range<Int> { first..<first + shape.elementCount / max(1, tensor.columns) }
    var bytes: UnsafeRawBufferPointer {
      UnsafeRawBufferPointer(
        rebasing: tensor.bytes[
          rows.lowerBound * tensor.rowBytes..<rows.upperBound * tensor.rowBytes])
    }
  }

  package let file: GGUFFile
  private let entries: [String: Entry]
  /// What no layer asks for is named as the file names it.
  package let names: [String]

  /// A tensor of all experts stands for one of each.
  ///
  /// - Throws: `CheckpointError` for metadata that cannot be read, and for experts in a tensor without a dimension that
  ///   counts them.
  package init(_ file: GGUFFile) throws {
    let mapping = try file.tensorNames()
    var entries: [String: Entry] = [:]
    var names: [String] = []
    let factors = [GGUFFile.rotaryFactors, GGUFFile.shortFactors, GGUFFile.longFactors]
    for tensor in file.tensors where !factors.contains(tensor.name) {
      guard let known = mapping.mapping(of: tensor.name) else {
        names.append(tensor.name)
        continue
      }
      guard known.holdsExperts else {
        entries[known.name] = Entry(tensor: tensor, change: known.change, shape: tensor.shape)
        names.append(known.name)
        continue
      }
      for (number, entry) in try Self.experts(tensor, known.change).enumerated() {
        let name = known.name.replacing("#", with: "\(number)")
        entries[name] = entry
        names.append(name)
      }
    }
    self.file = file
    self.entries = entries
    self.names = names
  }

  /// The parts of a tensor `[experts, rows, columns]`, or of biases `[experts, rows]`.
  private static func experts(
    _ tensor: GGUFTensor, _ change: GGUFTensorNames.Change
  ) throws -> [Entry] {
    let dimensions = tensor.shape.dimensions
    let expected = tensor.name.hasSuffix(".bias") ? 2 : 3
    guard dimensions.count == expected, let count = dimensions.first, count > 0 else {
      throw CheckpointError.malformed(
        file: tensor.file.path, item: "tensor \(tensor.name)",
        expected: "\(expected) dimensions, the first of which counts experts",
        found: "\(tensor.shape)")
    }
    let part = try Shape(checking: Array(dimensions.dropFirst()))
    let rows = tensor.rows / count
    return (0..<count).map { number in
      Entry(tensor: tensor, change: change, shape: part, first: number * rows)
    }
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
    return try tensor(name, shape: entry.shape)
  }

  /// Shape and stored bytes of a tensor, or of one expert's part; nil for what is not there.
  package func size(of name: String) -> (shape: Shape, bytes: Int)? {
    entries[name].map { ($0.shape, $0.bytes.count) }
  }

  /// The type of a tensor of plain numbers; nil for blocks, and for what is not there.
  package func type(of name: String) -> DType? { entries[name]?.tensor.type.plain }

  /// What a tensor is stored as, in the format's own words: `Q4_K`; nil for what is not there.
  package func typeName(of name: String) -> String? { entries[name].map { "\($0.tensor.type)" } }

  package func tensor(_ name: String, shape: Shape) throws -> TensorView {
    let entry = try entry(name, shape: shape)
    let order = try rowOrder(entry)
    if order == nil, entry.change != .plusOne, let type = entry.tensor.type.plain, type != .f64 {
      return try view(entry)
    }
    let tensor = entry.tensor
    // A bias is one row in the file, and each of its numbers belongs to a row of the layer.
    let width = shape.dimensions.count > 1 ? tensor.columns : 1
    // What is stored, what is made of it, and the copy that stays.
    try HeapMemory.expect(3 * shape.elementCount, of: MemoryLayout<Float>.stride)
    let stored = try tensor.floats(rows: entry.rows)
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

  /// The bytes of plain numbers where they lie.
  private func view(_ entry: Entry) throws -> TensorView {
    let tensor = entry.tensor
    guard let type = tensor.type.plain else { return try tensor.view() }
    do throws(TensorError) {
      return try TensorView(
        dtype: type, shape: entry.shape, bytes: entry.bytes, owner: tensor.file)
    } catch {
      throw CheckpointError.tensor(file: tensor.file.path, name: tensor.name, error)
    }
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
      rebasing: entry.bytes[part.lowerBound * tensor.rowBytes..<part.upperBound * tensor.rowBytes])
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
    try HeapMemory.expect(2 * part.count, of: tensor.rowBytes)
    bytes.reserveCapacity(part.count * tensor.rowBytes)
    for row in part {
      let start = order(row) * tensor.rowBytes
      bytes += entry.bytes[start..<start + tensor.rowBytes]
    }
    guard let type = tensor.type.plain, type.isFloat else { return try DenseWeight(view(entry)) }
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
    guard entry.shape == shape else {
      throw CheckpointError.tensor(
        file: entry.tensor.file.path, name: entry.tensor.name,
        .shapeMismatch(expected: shape, found: entry.shape))
    }
    return entry
  }

  /// The row of the file that holds a row of the layer; nil where they are the same.
  ///
  /// - Throws: `CheckpointError.tensor` where the rows are no whole heads of pairs.
  private func rowOrder(_ entry: Entry) throws -> (@Sendable (Int) -> Int)? {
    guard case .pairedRows(let heads) = entry.change else { return nil }
    let shape = entry.shape
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
