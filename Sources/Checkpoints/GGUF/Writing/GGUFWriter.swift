import Platform
package import Tensors

/// A GGUF file, version 3, in the making: metadata and tensor list first, then tensors in any order.
///
/// Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md. Tensors lie in the order they are
/// announced, each at a multiple of 32 bytes. The file appears whole at `commit`.
package final class GGUFWriter {
  /// One tensor to be written; shape slowest dimension first, `[rows, columns]`.
  package struct Entry: Equatable, Sendable {
    package let name: String
    package let type: GGUFTensorType
    package let shape: Shape

    package init(name: String, type: GGUFTensorType, shape: Shape) {
      self.name = name
      self.type = type
      self.shape = shape
    }
  }

  /// Tensors start at multiples of this many bytes.
  package static let alignment = 32

  private struct Slot {
    let entry: Entry
    let range: Range<Int>
    var written = 0
  }

  private let path: String
  private let writer: WholeFileWriter
  private var slots: [UTF8Key: Slot] = [:]
  private let order: [UTF8Key]

  /// Opens the file and writes everything that comes before the data.
  ///
  /// - Throws: `CheckpointError.malformed` for names that appear twice or do not fit, shapes the format
  ///   cannot hold, and a `general.alignment` other than 32; `.platform` when the disk is full.
  package init(path: String, metadata: [GGUFFile.Entry], tensors: [Entry]) throws(CheckpointError) {
    var header = try Self.header(path, metadata, tensorCount: tensors.count)
    var ranges: [Range<Int>] = []
    var end = 0
    var names: [UTF8Key] = []
    var seen: Set<UTF8Key> = []
    for tensor in tensors {
      let bytes = tensor.type.byteCount(of: tensor.shape.elementCount)
      let columns = tensor.shape.dimensions.last ?? 0
      guard (1...4).contains(tensor.shape.rank), tensor.shape.elementCount > 0, let bytes,
        columns % tensor.type.blockElements == 0, bytes <= Int.max / 4 - end,
        (1...65_535).contains(tensor.name.utf8.count), seen.insert(UTF8Key(tensor.name)).inserted
      else {
        throw .malformed(
          file: path, item: "tensor \(tensor.name)",
          expected: "each name once, and a shape of whole blocks of \(tensor.type.blockElements)",
          found: "\(tensor.type) of shape \(tensor.shape)")
      }
      Self.append(tensor.name, to: &header)
      Self.append(UInt32(tensor.shape.rank), to: &header)
      for dimension in tensor.shape.dimensions.reversed() {
        Self.append(UInt64(dimension), to: &header)
      }
      Self.append(tensor.type.rawValue, to: &header)
      Self.append(UInt64(end), to: &header)
      ranges.append(end..<end + bytes)
      names.append(UTF8Key(tensor.name))
      end = Self.aligned(end + bytes)
    }
    header += [UInt8](repeating: 0, count: Self.aligned(header.count) - header.count)
    let start = header.count
    for (tensor, range) in zip(tensors, ranges) {
      slots[UTF8Key(tensor.name)] = Slot(
        entry: tensor, range: start + range.lowerBound..<start + range.upperBound)
    }
    order = names
    self.path = path
    let total = start + end
    let padding = [UInt8](repeating: 0, count: Self.alignment)
    writer = try CheckpointError.wrapping { () throws(PlatformError) in
      let writer = try WholeFileWriter(path: path, reserving: total)
      try writer.append(header)
      // The data ends with padding; tensors come in any order, but this is there already.
      if end > 0 { try writer.write(padding, at: total - padding.count) }
      return writer
    }
  }

  /// Writes the next bytes of the tensor `name`, as blocks of its type.
  package func write(_ name: String, _ bytes: UnsafeRawBufferPointer) throws(CheckpointError) {
    guard var slot = slots[UTF8Key(name)] else {
      throw .missing(file: path, item: "tensor \(name) among those announced", nearest: nil)
    }
    guard bytes.count <= slot.range.count - slot.written else {
      throw .incomplete(
        file: path, item: "tensor \(name)", expected: slot.range.count,
        found: slot.written + bytes.count)
    }
    try CheckpointError.wrapping { () throws(PlatformError) in
      try writer.write(bytes, at: slot.range.lowerBound + slot.written)
    }
    slot.written += bytes.count
    slots[UTF8Key(name)] = slot
  }

  /// Writes the next numbers of the tensor `name`, turned into its type; they must be whole blocks.
  ///
  /// - Throws: `CheckpointError.unsupported` for a type that is not written from float32.
  package func write(_ name: String, floats: [Float]) throws(CheckpointError) {
    guard let slot = slots[UTF8Key(name)] else {
      throw .missing(file: path, item: "tensor \(name) among those announced", nearest: nil)
    }
    let type = slot.entry.type
    guard GGUFBlockWriter.types.contains(type), let count = type.byteCount(of: floats.count)
    else {
      throw .unsupported(
        file: path, item: "tensor \(name)", found: "\(floats.count) numbers as \(type)",
        known: "whole blocks of "
          + GGUFBlockWriter.types.map(\.description).joined(separator: ", "))
    }
    let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
      floats.withUnsafeBufferPointer { floats in
        if let base = buffer.baseAddress { GGUFBlockWriter.encode(floats, as: type, into: base) }
      }
      filled = count
    }
    let result: Result<Void, CheckpointError> = bytes.withUnsafeBytes { bytes in
      do throws(CheckpointError) { return .success(try write(name, bytes)) } catch {
        return .failure(error)
      }
    }
    try result.get()
  }

  /// Puts the file in its place.
  ///
  /// - Throws: `CheckpointError.incomplete` when a tensor lacks bytes; nothing is replaced then.
  package func commit() throws(CheckpointError) {
    for name in order {
      guard let slot = slots[name], slot.written != slot.range.count else { continue }
      writer.abandon()
      throw .incomplete(
        file: path, item: "tensor \(slot.entry.name)", expected: slot.range.count,
        found: slot.written)
    }
    try CheckpointError.wrapping { () throws(PlatformError) in try writer.commit() }
  }

  // MARK: Bytes of the header

  /// The head of the file and its metadata.
  private static func header(
    _ path: String, _ metadata: [GGUFFile.Entry], tensorCount: Int
  ) throws(CheckpointError) -> [UInt8] {
    var header = Array("GGUF".utf8)
    append(UInt32(3), to: &header)
    append(UInt64(tensorCount), to: &header)
    append(UInt64(metadata.count), to: &header)
    var keys: Set<UTF8Key> = []
    for entry in metadata {
      guard (1...65_535).contains(entry.key.utf8.count), keys.insert(UTF8Key(entry.key)).inserted,
        entry.key != "general.alignment" || entry.value.integer == alignment
      else {
        throw .malformed(
          file: path, item: "key \(entry.key)", expected: "each key once, and alignment 32",
          found: entry.value.kind)
      }
      append(entry.key, to: &header)
      append(entry.value.type.rawValue, to: &header)
      append(entry.value, to: &header)
    }
    return header
  }

  private static func aligned(_ count: Int) -> Int {
    (count + alignment - 1) / alignment * alignment
  }

  private static func append(_ value: some FixedWidthInteger, to bytes: inout [UInt8]) {
    withUnsafeBytes(of: value.littleEndian) { bytes += $0 }
  }

  private static func append(_ text: String, to bytes: inout [UInt8]) {
    append(Array(text.utf8), to: &bytes)
  }

  private static func append(_ string: [UInt8], to bytes: inout [UInt8]) {
    append(UInt64(string.count), to: &bytes)
    bytes += string
  }

  private static func append(_ value: GGUFValue, to bytes: inout [UInt8]) {
    switch value {
    case .unsigned(let number, let type):
      withUnsafeBytes(of: number.littleEndian) { bytes += $0.prefix(type.byteCount) }
    case .signed(let number, let type):
      withUnsafeBytes(of: number.littleEndian) { bytes += $0.prefix(type.byteCount) }
    case .float(let number, let type):
      if type == .f32 {
        append(Float(number).bitPattern, to: &bytes)
      } else {
        append(number.bitPattern, to: &bytes)
      }
    case .bool(let flag): bytes.append(flag ? 1 : 0)
    case .string(let string): append(string, to: &bytes)
    case .array(let array):
      append(array.type.rawValue, to: &bytes)
      append(UInt64(array.count), to: &bytes)
      guard array.type == .string else {
        bytes += array.bytes
        return
      }
      for index in 0..<array.count { append(Array(array.string(at: index) ?? []), to: &bytes) }
    }
  }
}
