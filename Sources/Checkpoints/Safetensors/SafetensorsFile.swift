package import Platform
package import Tensors

/// One safetensors file, mapped: a JSON header and the bytes of its tensors.
///
/// Format: https://huggingface.co/docs/safetensors. Everything the header claims is checked against the
/// file's size before a byte of data is touched; files with holes, overlaps or bytes left over are
/// refused, since loaders disagree about them.
package struct SafetensorsFile: Sendable {
  /// The longest header the reference reader takes, in bytes.
  package static let headerLimit = 100_000_000

  package let file: MappedFile
  /// In the order of their data.
  package let tensors: [StoredTensor]
  package let metadata: [String: String]

  /// Opens and checks the file at `path`.
  package init(path: String) throws(CheckpointError) {
    let file = try CheckpointError.wrapping { () throws(PlatformError) in
      try MappedFile(path: path)
    }
    try self.init(file: file)
  }

  /// Checks a file that is mapped already.
  package init(file: MappedFile) throws(CheckpointError) {
    let path = file.path
    let header = try Self.header(of: file)
    let dataStart = 8 + header.count
    let json = try CheckpointError.json(
      header, file: path, item: "header", limits: StrictJSON.Limits(depth: 8))
    guard let object = json.object else {
      throw .malformed(file: path, item: "header", expected: "an object", found: json.kind)
    }
    var tensors: [StoredTensor] = []
    var metadata: [String: String] = [:]
    for member in object.members {
      if member.name == "__metadata__" {
        metadata = try Self.metadata(member.value, file: path)
      } else {
        tensors.append(
          try Self.tensor(member.name, member.value, file: file, dataStart: dataStart))
      }
    }
    tensors.sort {
      ($0.range.lowerBound, $0.range.upperBound) < ($1.range.lowerBound, $1.range.upperBound)
    }
    try Self.checkContiguous(tensors, file: file, dataStart: dataStart)
    self.file = file
    self.tensors = tensors
    self.metadata = metadata
  }

  private static func header(of file: MappedFile) throws(CheckpointError) -> [UInt8] {
    guard file.byteCount >= 8 else {
      throw .malformed(
        file: file.path, item: "file", expected: "8 bytes of header length and more",
        found: "\(file.byteCount) bytes")
    }
    let prefix = try CheckpointError.wrapping { () throws(PlatformError) in
      try file.read(at: 0, count: 8)
    }
    let length = prefix.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    let limit = min(file.byteCount - 8, headerLimit)
    guard length >= 2, length <= UInt64(limit) else {
      throw .malformed(
        file: file.path, item: "header length", expected: "2 to \(limit)", found: "\(length)")
    }
    let header = try CheckpointError.wrapping { () throws(PlatformError) in
      try file.read(at: 8, count: Int(length))
    }
    guard header.first == UInt8(ascii: "{") else {
      throw .malformed(
        file: file.path, item: "header", expected: "an opening brace first",
        found: "byte \(header.first ?? 0)")
    }
    return header
  }

  private static func metadata(_ value: JSONValue, file: String) throws(CheckpointError)
    -> [String: String]
  {
    guard let object = value.object else {
      throw .malformed(
        file: file, item: "__metadata__", expected: "an object of strings", found: value.kind)
    }
    var metadata: [String: String] = [:]
    for member in object.members {
      guard let text = member.value.string else {
        throw .malformed(
          file: file, item: "__metadata__.\(member.name)", expected: "a string",
          found: member.value.kind)
      }
      metadata[member.name] = text
    }
    return metadata
  }

  private static func tensor(
    _ name: String, _ value: JSONValue, file: MappedFile, dataStart: Int
  ) throws(CheckpointError) -> StoredTensor {
    let item = "tensor \(name)"
    func malformed(_ field: String, _ expected: String, _ found: JSONValue?) -> CheckpointError {
      .malformed(
        file: file.path, item: item + field, expected: expected, found: found?.kind ?? "none")
    }
    guard let object = value.object else { throw malformed("", "an object", value) }
    guard let typeName = object["dtype"]?.string else {
      throw malformed(", dtype", "a string", object["dtype"])
    }
    guard let list = object["shape"]?.array else {
      throw malformed(", shape", "an array of integers", object["shape"])
    }
    var dimensions: [Int] = []
    for dimension in list {
      guard let size = dimension.integer, size >= 0 else {
        throw malformed(", shape", "integers of 0 and more", dimension)
      }
      dimensions.append(size)
    }
    let dataCount = file.byteCount - dataStart
    guard let offsets = object["data_offsets"]?.array, offsets.count == 2 else {
      throw malformed(", data_offsets", "an array of 2 integers", object["data_offsets"])
    }
    guard let begin = offsets[0].integer, let end = offsets[1].integer, begin >= 0, begin <= end,
      end <= dataCount
    else {
      throw .malformed(
        file: file.path, item: item + ", data_offsets",
        expected: "0 <= begin <= end <= \(dataCount)",
        found: "\(offsets[0].kind) and \(offsets[1].kind)")
    }
    guard let dtype = DType(rawValue: typeName) else {
      throw .unsupported(
        file: file.path, item: item + ", dtype", found: "\"\(typeName.prefix(40))\"",
        known: "known are " + DType.allCases.map(\.rawValue).joined(separator: ", "))
    }
    do throws(TensorError) {
      let shape = try Shape(checking: dimensions)
      guard shape.byteCount(of: dtype) == end - begin else {
        throw .byteCountMismatch(
          dtype: dtype, shape: shape, expected: shape.byteCount(of: dtype), found: end - begin)
      }
      return StoredTensor(
        name: name, dtype: dtype, shape: shape, file: file,
        range: dataStart + begin..<dataStart + end)
    } catch {
      throw .tensor(file: file.path, name: name, error)
    }
  }

  /// Tensors lie one after the other and fill the file.
  private static func checkContiguous(
    _ tensors: [StoredTensor], file: MappedFile, dataStart: Int
  ) throws(CheckpointError) {
    var end = dataStart
    for tensor in tensors {
      guard tensor.range.lowerBound == end else {
        throw .malformed(
          file: file.path, item: "tensor \(tensor.name), data_offsets",
          expected: "begin \(end - dataStart), where the data before it ends",
          found: "\(tensor.range.lowerBound - dataStart)")
      }
      end = tensor.range.upperBound
    }
    guard end == file.byteCount else {
      throw .malformed(
        file: file.path, item: "data",
        expected: "\(end - dataStart) bytes, the end of the last tensor",
        found: "\(file.byteCount - dataStart)")
    }
  }
}

/// Where a tensor of a mapped file lies.
package struct StoredTensor: Sendable {
  package let name: String
  package let dtype: DType
  package let shape: Shape
  package let file: MappedFile
  /// Bytes of the file.
  package let range: Range<Int>

  /// A view of the mapped bytes; nothing is read yet.
  package func view() throws(CheckpointError) -> TensorView {
    let bytes = UnsafeRawBufferPointer(rebasing: file.bytes[range])
    do throws(TensorError) {
      return try TensorView(dtype: dtype, shape: shape, bytes: bytes, owner: file)
    } catch {
      throw .tensor(file: file.path, name: name, error)
    }
  }

  /// Tells the system that the tensor's pages will not be needed soon.
  package func release() { file.release(range) }
}
