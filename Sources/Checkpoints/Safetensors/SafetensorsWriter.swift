import Platform
package import Tensors

/// A safetensors file in the making: the header is fixed first, then tensors come in any order.
///
/// Tensors lie as the reference writer puts them, the widest type first and then by name, so that each
/// starts at a multiple of its own width; the header is padded to a multiple of 8. The file appears
/// whole at `commit` (see `WholeFileWriter`).
package final class SafetensorsWriter {
  /// One tensor to be written.
  package struct Entry: Hashable, Sendable {
    package let name: String
    package let dtype: DType
    package let shape: Shape

    package init(name: String, dtype: DType, shape: Shape) {
      self.name = name
      self.dtype = dtype
      self.shape = shape
    }
  }

  private struct Slot {
    let entry: Entry
    let range: Range<Int>
    var written = 0
  }

  private let path: String
  private let writer: WholeFileWriter
  private var slots: [UTF8Key: Slot]

  /// Opens the file and writes the header.
  ///
  /// - Throws: `CheckpointError.malformed` for a name that appears twice, is reserved or empty, or a
  ///   shape that cannot be stored; `.platform` when the disk is full or the folder cannot be written.
  package init(path: String, entries: [Entry], metadata: [String: String] = [:])
    throws(CheckpointError)
  {
    let ordered = entries.sorted {
      $0.dtype.bits != $1.dtype.bits
        ? $0.dtype.bits > $1.dtype.bits : $0.name.utf8.lexicographicallyPrecedes($1.name.utf8)
    }
    var header = JSONObject()
    if !metadata.isEmpty {
      var members = JSONObject()
      for name in metadata.keys.sorted() { members.append(name, .string(metadata[name] ?? "")) }
      header.append("__metadata__", .object(members))
    }
    var ranges: [Range<Int>] = []
    var end = 0
    for entry in ordered {
      guard let count = entry.shape.byteCount(of: entry.dtype), !entry.name.isEmpty,
        entry.name != "__metadata__"
      else {
        throw .malformed(
          file: path, item: "tensor \(entry.name)",
          expected: "a name that is not reserved, and a shape of whole bytes",
          found: "\(entry.dtype) of shape \(entry.shape)")
      }
      let (next, overflow) = end.addingReportingOverflow(count)
      guard !overflow, header.append(entry.name, Self.description(of: entry, end..<next)) else {
        throw .malformed(
          file: path, item: "tensor \(entry.name)",
          expected: "each name once, and sizes that can be added up",
          found: "\"\(entry.name)\"")
      }
      ranges.append(end..<next)
      end = next
    }
    var text = Array(JSONValue.object(header).text().utf8)
    text += [UInt8](repeating: UInt8(ascii: " "), count: (8 - text.count % 8) % 8)
    guard text.count <= SafetensorsFile.headerLimit, end < Int.max - text.count - 8 else {
      throw .malformed(
        file: path, item: "header", expected: "at most \(SafetensorsFile.headerLimit) bytes",
        found: "\(text.count)")
    }
    let start = 8 + text.count
    let total = start + end
    writer = try CheckpointError.wrapping { () throws(PlatformError) in
      let writer = try WholeFileWriter(path: path, reserving: total)
      try writer.append((0..<8).map { UInt8(truncatingIfNeeded: text.count >> ($0 * 8)) })
      try writer.append(text)
      return writer
    }
    self.path = path
    slots = [:]
    for (entry, range) in zip(ordered, ranges) {
      slots[UTF8Key(entry.name)] = Slot(
        entry: entry, range: start + range.lowerBound..<start + range.upperBound)
    }
  }

  /// Writes the next bytes of the tensor `name`; a large one may come in several pieces.
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

  /// Writes the next numbers of the tensor `name`, as they lie in memory.
  package func write<Element: BitwiseCopyable>(_ name: String, _ elements: [Element])
    throws(CheckpointError)
  {
    let result: Result<Void, CheckpointError> = elements.withUnsafeBytes { bytes in
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
    for slot in slots.values where slot.written != slot.range.count {
      writer.abandon()
      throw .incomplete(
        file: path, item: "tensor \(slot.entry.name)", expected: slot.range.count,
        found: slot.written)
    }
    try CheckpointError.wrapping { () throws(PlatformError) in try writer.commit() }
  }

  private static func description(of entry: Entry, _ range: Range<Int>) -> JSONValue {
    func integers(_ values: [Int]) -> JSONValue { .array(values.map { .number(JSONNumber($0)) }) }
    var object = JSONObject()
    object.append("dtype", .string(entry.dtype.rawValue))
    object.append("shape", integers(entry.shape.dimensions))
    object.append("data_offsets", integers([range.lowerBound, range.upperBound]))
    return .object(object)
  }
}
