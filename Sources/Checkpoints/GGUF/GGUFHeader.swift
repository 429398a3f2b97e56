import Platform
import Tensors

/// The header of one GGUF file: its metadata, and where its tensors lie.
struct GGUFHeader {
  /// Real files have some dozens of entries and some thousands of tensors; each takes memory here.
  private static let mostEntries = 1 << 16
  private static let mostTensors = 1 << 18

  let file: MappedFile
  let entries: [GGUFFile.Entry]
  let tensors: [GGUFTensor]
  let alignment: Int
  let keys: [UTF8Key: Int]

  /// Reads the header of `file`.
  init(_ file: MappedFile) throws(CheckpointError) {
    var cursor = GGUFCursor(file)
    let (tensorCount, entryCount) = try Self.head(&cursor)
    var entries: [GGUFFile.Entry] = []
    var keys: [UTF8Key: Int] = [:]
    for number in 0..<entryCount {
      let key = try cursor.name("key \(number)")
      guard keys.updateValue(number, forKey: UTF8Key(key)) == nil else {
        throw cursor.malformed("key \(key)", "each key once", "it twice")
      }
      let type = try cursor.valueType(key)
      entries.append(GGUFFile.Entry(key: key, value: try cursor.value(type, key)))
    }
    func value(_ key: String) -> GGUFValue? { keys[UTF8Key(key)].map { entries[$0].value } }
    let alignment = try Self.alignment(value("general.alignment"), cursor)
    var headers: [GGUFTensorHeader] = []
    var names: Set<UTF8Key> = []
    for number in 0..<tensorCount {
      let header = try GGUFTensorHeader(&cursor, number: number)
      guard names.insert(UTF8Key(header.name)).inserted else {
        throw cursor.malformed("tensor \(header.name)", "each name once", "it twice")
      }
      headers.append(header)
    }
    tensors = try Self.place(headers, cursor, alignment: alignment)
    self.file = file
    self.entries = entries
    self.alignment = alignment
    self.keys = keys
  }

  /// The value of `key`.
  subscript(key: String) -> GGUFValue? { keys[UTF8Key(key)].map { entries[$0].value } }

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
    let tensors = try cursor.count(least: 24, most: mostTensors, "number of tensors")
    let entries = try cursor.count(least: 13, most: mostEntries, "number of entries")
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
          "tensor \(tensor.name), offset", "at least \(end - dataStart), after the one before it",
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
