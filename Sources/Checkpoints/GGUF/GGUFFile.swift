package import Platform
import Tensors

/// A GGUF file, version 3 (or 2, which has the same layout): metadata and mapped tensors.
///
/// Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md. Counts, lengths, dimensions,
/// offsets and the alignment are checked against the file's size, in checked arithmetic, before
/// anything is allocated or touched.
package struct GGUFFile: Sendable {
  /// One entry of the metadata.
  package struct Entry: Equatable, Sendable {
    package let key: String
    package let value: GGUFValue

    package init(key: String, value: GGUFValue) {
      self.key = key
      self.value = value
    }
  }

  package let file: MappedFile
  /// In the file's order.
  package let entries: [Entry]
  /// In the file's order.
  package let tensors: [GGUFTensor]
  /// Tensors start at multiples of this many bytes.
  package let alignment: Int

  private let keys: [UTF8Key: Int]
  private let names: [UTF8Key: Int]

  /// Opens and checks the file at `path`.
  package init(path: String) throws(CheckpointError) {
    let file = try CheckpointError.wrapping { () throws(PlatformError) in
      try MappedFile(path: path)
    }
    var cursor = GGUFCursor(file)
    let (tensorCount, entryCount) = try Self.head(&cursor)
    var entries: [Entry] = []
    var keys: [UTF8Key: Int] = [:]
    for number in 0..<entryCount {
      let key = try cursor.name("key \(number)")
      guard keys.updateValue(number, forKey: UTF8Key(key)) == nil else {
        throw cursor.malformed("key \(key)", "each key once", "it twice")
      }
      let type = try cursor.valueType(key)
      entries.append(Entry(key: key, value: try cursor.value(type, key)))
    }
    func value(_ key: String) -> GGUFValue? { keys[UTF8Key(key)].map { entries[$0].value } }
    let alignment = try Self.alignment(value("general.alignment"), cursor)
    if let parts = value("split.count")?.integer, parts > 1 {
      throw .unsupported(
        file: path, item: "split.count", found: "a model in \(parts) files",
        known: "merge them with llama-gguf-split --merge")
    }
    var headers: [GGUFTensorHeader] = []
    var names: [UTF8Key: Int] = [:]
    for number in 0..<tensorCount {
      let header = try GGUFTensorHeader(&cursor, number: number)
      guard names.updateValue(number, forKey: UTF8Key(header.name)) == nil else {
        throw cursor.malformed("tensor \(header.name)", "each name once", "it twice")
      }
      headers.append(header)
    }
    tensors = try Self.place(headers, cursor, alignment: alignment)
    self.file = file
    self.entries = entries
    self.alignment = alignment
    self.keys = keys
    self.names = names
  }

  /// The value of `key`.
  package subscript(key: String) -> GGUFValue? { keys[UTF8Key(key)].map { entries[$0].value } }

  /// The tensor called `name`.
  package func tensor(_ name: String) -> GGUFTensor? { names[UTF8Key(name)].map { tensors[$0] } }

  /// Bytes of all tensors.
  package var byteCount: Int { tensors.reduce(0) { $0 + $1.range.count } }

  /// An integer that must be there.
  package func integer(_ key: String, in range: ClosedRange<Int>) throws(CheckpointError) -> Int {
    guard let integer = try optionalInteger(key, in: range) else {
      throw .missing(file: file.path, item: key, nearest: nil)
    }
    return integer
  }

  /// An integer, nil when `key` is absent.
  package func optionalInteger(_ key: String, in range: ClosedRange<Int>) throws(CheckpointError)
    -> Int?
  {
    guard let value = self[key] else { return nil }
    guard let integer = value.integer, range.contains(integer) else {
      throw mismatch(key, "an integer from \(range.lowerBound) to \(range.upperBound)", value)
    }
    return integer
  }

  /// A number, nil when `key` is absent.
  package func optionalNumber(_ key: String, in range: ClosedRange<Double>)
    throws(CheckpointError) -> Double?
  {
    guard let value = self[key] else { return nil }
    guard let number = value.number, range.contains(number) else {
      throw mismatch(key, "a number from \(range.lowerBound) to \(range.upperBound)", value)
    }
    return number
  }

  /// A string that must be there.
  package func text(_ key: String) throws(CheckpointError) -> String {
    guard let value = self[key] else {
      throw .missing(file: file.path, item: key, nearest: nil)
    }
    guard let text = value.text else { throw mismatch(key, "a string in UTF-8", value) }
    return text
  }

  /// An error about `key`, for checks that only the model can make.
  package func mismatch(_ key: String, _ expected: String, _ found: GGUFValue?) -> CheckpointError {
    .malformed(
      file: file.path, item: key, expected: expected, found: found?.kind ?? "none")
  }

  private static func head(_ cursor: inout GGUFCursor) throws(CheckpointError) -> (
    tensors: Int, entries: Int
  ) {
    let magic = try cursor.take(4, "magic")
    guard Array(magic) == Array("GGUF".utf8) else {
      throw cursor.malformed("magic", "\"GGUF\"", "bytes \(Array(magic))")
    }
    let version = try cursor.integer(UInt32.self, "version")
    guard version == 2 || version == 3 else {
      throw .unsupported(
        file: cursor.file.path, item: "version",
        found: version.byteSwapped <= 3 ? "a big-endian file" : "\(version)",
        known: "known are 2 and 3, little-endian")
    }
    // A tensor takes name length, number of dimensions, one dimension, type and offset; an entry takes
    // the length and one byte of its key, and its type.
    let tensors = try cursor.count(least: 24, "number of tensors")
    let entries = try cursor.count(least: 13, "number of entries")
    return (tensors, entries)
  }

  private static func alignment(_ value: GGUFValue?, _ cursor: GGUFCursor) throws(CheckpointError)
    -> Int
  {
    guard let value else { return 32 }
    guard value.type == .u32, let alignment = value.integer, (1...1 << 20).contains(alignment),
      alignment.nonzeroBitCount == 1
    else {
      throw cursor.malformed(
        "general.alignment", "a power of two up to \(1 << 20) (u32)", value.kind)
    }
    return alignment
  }

  /// Gives each tensor its bytes of the file.
  private static func place(
    _ headers: [GGUFTensorHeader], _ cursor: GGUFCursor, alignment: Int
  ) throws(CheckpointError) -> [GGUFTensor] {
    guard !headers.isEmpty else { return [] }
    // The header lies inside the file, and a file's size is far from the limit of an integer.
    let dataStart = (cursor.position + alignment - 1) / alignment * alignment
    let dataCount = max(0, cursor.file.byteCount - dataStart)
    var tensors: [GGUFTensor] = []
    for header in headers {
      guard header.offset % UInt64(alignment) == 0, header.offset <= UInt64(dataCount),
        header.byteCount <= dataCount - Int(header.offset)
      else {
        throw cursor.malformed(
          "tensor \(header.name), offset",
          "a multiple of \(alignment), with \(header.byteCount) bytes inside the data's \(dataCount)",
          "\(header.offset)")
      }
      let start = dataStart + Int(header.offset)
      tensors.append(
        GGUFTensor(
          name: header.name, type: header.type, shape: header.shape, file: cursor.file,
          range: start..<start + header.byteCount))
    }
    var end = dataStart
    for tensor in tensors.sorted(by: { $0.range.lowerBound < $1.range.lowerBound }) {
      guard tensor.range.lowerBound >= end else {
        throw cursor.malformed(
          "tensor \(tensor.name), offset", "at least \(end - dataStart), behind the one before it",
          "\(tensor.range.lowerBound - dataStart)")
      }
      end = tensor.range.upperBound
    }
    return tensors
  }
}

/// What the header says about one tensor, checked but for its place.
private struct GGUFTensorHeader {
  let name: String
  let type: GGUFTensorType
  let shape: Shape
  let byteCount: Int
  let offset: UInt64

  init(_ cursor: inout GGUFCursor, number: Int) throws(CheckpointError) {
    name = try cursor.name("tensor \(number), name")
    let item = "tensor \(name)"
    let rank = try cursor.integer(UInt32.self, item + ", number of dimensions")
    guard (1...4).contains(rank) else {
      throw cursor.malformed(item + ", number of dimensions", "1 to 4", "\(rank)")
    }
    var dimensions: [Int] = []
    for _ in 0..<rank {
      let dimension = try cursor.integer(UInt64.self, item + ", dimensions")
      guard dimension >= 1, let size = Int(exactly: dimension) else {
        throw cursor.malformed(item + ", dimensions", "1 or more", "\(dimension)")
      }
      dimensions.append(size)
    }
    let code = try cursor.integer(UInt32.self, item + ", type")
    guard let type = GGUFTensorType(rawValue: code) else {
      throw .unsupported(
        file: cursor.file.path, item: item + ", type", found: "number \(code)",
        known: "known are " + GGUFTensorType.allCases.map(\.description).joined(separator: ", "))
    }
    offset = try cursor.integer(UInt64.self, item + ", offset")
    guard dimensions[0] % type.blockElements == 0 else {
      throw cursor.malformed(
        item + ", dimensions", "rows of a multiple of \(type.blockElements) for \(type)",
        "\(dimensions[0])")
    }
    do throws(TensorError) {
      // The file names the fastest dimension first.
      shape = try Shape(checking: dimensions.reversed())
    } catch {
      throw .tensor(file: cursor.file.path, name: name, error)
    }
    guard let byteCount = type.byteCount(of: shape.elementCount) else {
      throw cursor.malformed(item + ", dimensions", "a size that can be stored", "\(shape)")
    }
    self.type = type
    self.byteCount = byteCount
  }
}
