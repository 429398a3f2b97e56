import Platform

/// A place in the header of a GGUF file, which every read checks against the file's end.
///
/// Reads through `pread` in windows, so that a file that shrinks is an error and not a signal.
struct GGUFCursor {
  /// The longest string that is read: texts such as chat templates, not data.
  static let stringLimit = 16 << 20
  /// The most bytes that strings and arrays may take in all.
  static let arrayLimit = 512 << 20

  private static let windowBytes = 1 << 20

  let file: MappedFile
  private(set) var position = 0
  private var window: [UInt8] = []
  private var windowStart = 0
  private var arrayBytesLeft = GGUFCursor.arrayLimit

  init(_ file: MappedFile) { self.file = file }

  /// Bytes between the place and the end of the file.
  var bytesLeft: Int { file.byteCount - position }

  /// The next `count` bytes, for the field `item`.
  mutating func take(
    _ count: Int, _ item: @autoclosure () -> String
  ) throws(CheckpointError) -> ArraySlice<UInt8> {
    let lower = try reach(count, item())
    position += count
    return window[lower..<lower + count]
  }

  /// Where in the window the next `count` bytes begin.
  private mutating func reach(
    _ count: Int, _ item: @autoclosure () -> String
  ) throws(CheckpointError) -> Int {
    guard count <= bytesLeft else {
      throw malformed(item(), "\(count) bytes at byte \(position)", "\(bytesLeft) before the end")
    }
    if position < windowStart || count > windowStart + window.count - position {
      let size = min(max(count, Self.windowBytes), bytesLeft)
      let start = position
      window = try CheckpointError.wrapping { () throws(PlatformError) in
        try file.read(at: start, count: size)
      }
      windowStart = position
    }
    return position - windowStart
  }

  /// The next little-endian integer.
  mutating func integer<Integer: FixedWidthInteger & BitwiseCopyable>(
    _ type: Integer.Type, _ item: @autoclosure () -> String
  ) throws(CheckpointError) -> Integer {
    let lower = try reach(MemoryLayout<Integer>.size, item())
    position += MemoryLayout<Integer>.size
    return Integer(
      littleEndian: window.withUnsafeBytes {
        $0.loadUnaligned(fromByteOffset: lower, as: Integer.self)
      })
  }

  /// The next count of things of which each takes `least` bytes or more.
  mutating func count(
    least: Int, most: Int = .max, _ item: String
  ) throws(CheckpointError) -> Int {
    let found = try integer(UInt64.self, item)
    let limit = min(bytesLeft / least, most)
    guard found <= UInt64(limit) else {
      throw malformed(item, "at most \(limit) in what is left of the file", "\(found)")
    }
    return Int(found)
  }

  /// The next string: its length, then its bytes.
  mutating func string(
    _ item: @autoclosure () -> String, limit: Int = GGUFCursor.stringLimit
  ) throws(CheckpointError) -> ArraySlice<UInt8> {
    let length = try integer(UInt64.self, item() + ", length")
    guard length <= UInt64(min(limit, bytesLeft)) else {
      throw malformed(item() + ", length", "at most \(min(limit, bytesLeft))", "\(length)")
    }
    return try take(Int(length), item())
  }

  /// The next name of a key or tensor: UTF-8, 1 to 65535 bytes.
  mutating func name(_ item: String) throws(CheckpointError) -> String {
    let bytes = try string(item, limit: 65_535)
    guard !bytes.isEmpty, let name = String(validating: bytes, as: UTF8.self) else {
      throw malformed(
        item, "a name in UTF-8", bytes.isEmpty ? "an empty one" : "bytes that are not")
    }
    return name
  }

  /// The next value of type `type`.
  mutating func value(_ type: GGUFValueType, _ item: String) throws(CheckpointError) -> GGUFValue {
    switch type {
    case .u8: return .unsigned(UInt64(try integer(UInt8.self, item)), type: type)
    case .u16: return .unsigned(UInt64(try integer(UInt16.self, item)), type: type)
    case .u32: return .unsigned(UInt64(try integer(UInt32.self, item)), type: type)
    case .u64: return .unsigned(try integer(UInt64.self, item), type: type)
    case .i8: return .signed(Int64(try integer(Int8.self, item)), type: type)
    case .i16: return .signed(Int64(try integer(Int16.self, item)), type: type)
    case .i32: return .signed(Int64(try integer(Int32.self, item)), type: type)
    case .i64: return .signed(try integer(Int64.self, item), type: type)
    case .f32:
      return .float(
        Double(Float(bitPattern: try integer(UInt32.self, item))), type: type)
    case .f64: return .float(Double(bitPattern: try integer(UInt64.self, item)), type: type)
    case .bool:
      let byte = try integer(UInt8.self, item)
      guard byte <= 1 else { throw malformed(item, "0 or 1", "\(byte)") }
      return .bool(byte == 1)
    case .string:
      let bytes = try string(item)
      try spend(bytes.count, item)
      return .string(Array(bytes))
    case .array: return .array(try array(item))
    }
  }

  /// The next type of a value.
  mutating func valueType(_ item: String) throws(CheckpointError) -> GGUFValueType {
    let code = try integer(UInt32.self, item + ", type")
    guard let type = GGUFValueType(rawValue: code) else {
      throw malformed(item + ", type", "0 to \(GGUFValueType.allCases.count - 1)", "\(code)")
    }
    return type
  }

  private mutating func array(_ item: String) throws(CheckpointError) -> GGUFArray {
    let type = try valueType(item)
    guard type != .array else {
      throw .unsupported(
        file: file.path, item: item, found: "an array of arrays",
        known: "arrays hold numbers or strings")
    }
    let count = try count(least: type.byteCount, item + ", count")
    // Bounded by the file's size just now, so the product fits; the end of each string is kept too.
    let cost = count * type.byteCount
    try spend(cost, item)
    guard type == .string else {
      return GGUFArray(type: type, count: count, bytes: Array(try take(cost, item)))
    }
    var bytes: [UInt8] = []
    var ends: [Int] = []
    ends.reserveCapacity(count)
    for _ in 0..<count {
      let string = try string(item)
      try spend(string.count, item)
      bytes += string
      ends.append(bytes.count)
    }
    return GGUFArray(type: type, count: count, bytes: bytes, ends: ends)
  }

  /// Takes from what strings and arrays may cost in all.
  private mutating func spend(_ count: Int, _ item: String) throws(CheckpointError) {
    guard count <= arrayBytesLeft else {
      throw malformed(item, "at most \(Self.arrayLimit) bytes of strings and arrays", "more")
    }
    arrayBytesLeft -= count
  }

  func malformed(_ item: String, _ expected: String, _ found: String) -> CheckpointError {
    .malformed(file: file.path, item: item, expected: expected, found: found)
  }
}
