import Checkpoints
import Platform
package import Tensors

/// The tensors of one fixture file, read as the manifest describes them.
package struct ConformanceFixture: Sendable {
  private let name: String
  /// Where it lies.
  package let path: String
  private let tensors: [String: StoredTensor]

  /// Opens `directory/file`, and checks its hash against that of the case.
  init(directory: String, _ item: ConformanceCase) throws(ConformanceError) {
    let path = directory + "/" + item.file
    do {
      let file = try MappedFile(path: path)
      let digest = SHA256.hexDigest(file.bytes)
      guard digest == item.sha256 else {
        throw ConformanceError.wrongHash(file: item.file, expected: item.sha256, found: digest)
      }
      let stored = try SafetensorsFile(file: file).tensors
      tensors = Dictionary(stored.map { ($0.name, $0) }) { first, _ in first }
      name = item.file
      self.path = path
    } catch let error as ConformanceError {
      throw error
    } catch {
      throw .unreadable(path: path, reason: "\(error)")
    }
  }

  /// Checks that each tensor of the case is there, with the shape and type of the manifest.
  func check(_ item: ConformanceCase) throws(ConformanceError) {
    for tensor in item.tensors {
      guard let stored = tensors[tensor.name] else {
        throw .missingTensor(file: name, name: tensor.name)
      }
      guard stored.shape.dimensions == tensor.shape, stored.dtype == tensor.dtype else {
        throw .malformed(
          file: name, item: tensor.name,
          expected: "\(tensor.dtype.map { "\($0)" } ?? "a known type") of shape \(tensor.shape)",
          found: "\(stored.dtype) of shape \(stored.shape)")
      }
    }
  }

  /// The tensor `name`, with `in.` or `out.`.
  package func view(_ name: String) throws -> TensorView {
    guard let stored = tensors[name] else {
      throw ConformanceError.missingTensor(file: self.name, name: name)
    }
    return try stored.view()
  }

  /// The numbers of a floating-point tensor.
  package func floats(_ name: String) throws -> [Float] { try view(name).floats() }

  /// The dimensions of a tensor of `rank` dimensions, none of them 0.
  package func dimensions(_ name: String, rank: Int) throws -> [Int] {
    let dimensions = try view(name).shape.dimensions
    guard dimensions.count == rank, !dimensions.contains(0) else {
      throw ConformanceError.malformed(
        file: self.name, item: name, expected: "\(rank) dimensions of 1 and more",
        found: "\(dimensions)")
    }
    return dimensions
  }

  /// The numbers of a tensor of any type as doubles.
  package func numbers(_ name: String) throws -> [Double] {
    let view = try view(name)
    func integers<Element: FixedWidthInteger & BitwiseCopyable>(_: Element.Type) throws -> [Double]
    {
      try view.elements(as: Element.self).map { Double($0) }
    }
    switch view.dtype {
    case .f64: return try view.elements(as: Double.self)
    case .i64: return try integers(Int64.self)
    case .i32: return try integers(Int32.self)
    case .i16: return try integers(Int16.self)
    case .i8: return try integers(Int8.self)
    case .u64: return try integers(UInt64.self)
    case .u32: return try integers(UInt32.self)
    case .u16: return try integers(UInt16.self)
    case .u8, .bool: return try integers(UInt8.self)
    case .f32, .f16, .bf16, .f8e4m3, .f8e5m2, .f8e8m0, .f4:
      return try view.floats().map(Double.init)
    }
  }
}
