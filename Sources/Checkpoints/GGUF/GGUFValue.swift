/// A value of GGUF metadata, as it is stored.
package enum GGUFValue: Equatable, Sendable {
  case unsigned(UInt64, type: GGUFValueType)
  case signed(Int64, type: GGUFValueType)
  case float(Double, type: GGUFValueType)
  case bool(Bool)
  /// Bytes, which should be UTF-8 but may be anything.
  case string([UInt8])
  case array(GGUFArray)

  /// The type as it is stored.
  package var type: GGUFValueType {
    switch self {
    case .unsigned(_, let type), .signed(_, let type), .float(_, let type): type
    case .bool: .bool
    case .string: .string
    case .array: .array
    }
  }

  /// An integer of either sign that fits.
  package var integer: Int? {
    switch self {
    case .unsigned(let value, _): Int(exactly: value)
    case .signed(let value, _): Int(exactly: value)
    default: nil
    }
  }

  /// A number, integers included.
  package var number: Double? {
    switch self {
    case .float(let value, _): value
    default: integer.map(Double.init)
    }
  }

  package var bool: Bool? { if case .bool(let value) = self { value } else { nil } }

  /// A string of valid UTF-8.
  package var text: String? {
    if case .string(let bytes) = self { String(validating: bytes, as: UTF8.self) } else { nil }
  }

  package var array: GGUFArray? { if case .array(let array) = self { array } else { nil } }

  /// What it is, in words, for messages.
  package var kind: String {
    switch self {
    case .unsigned(let value, let type): "\(value) (\(type))"
    case .signed(let value, let type): "\(value) (\(type))"
    case .float(let value, let type): "\(value) (\(type))"
    case .bool(let value): "\(value)"
    case .string(let bytes): "a string of \(bytes.count) bytes"
    case .array(let array): "an array of \(array.count) \(array.type)"
    }
  }
}

/// The types of GGUF metadata; raw values are those of the format.
package enum GGUFValueType: UInt32, Hashable, Sendable, CaseIterable {
  case u8 = 0
  case i8
  case u16
  case i16
  case u32
  case i32
  case f32
  case bool
  case string
  case array
  case u64
  case i64
  case f64

  /// Bytes of one value, or the least a value takes: a string has its length, an array type and count.
  package var byteCount: Int {
    switch self {
    case .u8, .i8, .bool: 1
    case .u16, .i16: 2
    case .u32, .i32, .f32: 4
    case .u64, .i64, .f64, .string: 8
    case .array: 12
    }
  }
}

/// An array of GGUF metadata: all elements of one type, kept as the bytes of the file.
package struct GGUFArray: Equatable, Sendable {
  package let type: GGUFValueType
  package let count: Int
  /// Numbers one after the other, little-endian; strings without their lengths.
  package let bytes: [UInt8]
  /// Where strings end in `bytes`; empty for numbers.
  package let ends: [Int]

  init(type: GGUFValueType, count: Int, bytes: [UInt8], ends: [Int] = []) {
    self.type = type
    self.count = count
    self.bytes = bytes
    self.ends = ends
  }

  /// An array of strings.
  package init(strings: [[UInt8]]) {
    var ends: [Int] = []
    var end = 0
    for string in strings {
      end += string.count
      ends.append(end)
    }
    self.init(type: .string, count: strings.count, bytes: strings.flatMap { $0 }, ends: ends)
  }

  /// An array of float32.
  package init(floats: [Float]) {
    self.init(
      type: .f32, count: floats.count, bytes: floats.withUnsafeBytes { Array($0) })
  }

  /// An array of 32-bit integers.
  package init(integers: [Int32]) {
    self.init(
      type: .i32, count: integers.count, bytes: integers.withUnsafeBytes { Array($0) })
  }

  /// The bytes of string `index`; nil for another type or index.
  package func string(at index: Int) -> ArraySlice<UInt8>? {
    guard type == .string, ends.indices.contains(index) else { return nil }
    return bytes[(index == 0 ? 0 : ends[index - 1])..<ends[index]]
  }

  /// All strings as text; nil for another type or where one is not UTF-8.
  package func texts() -> [String]? {
    guard type == .string else { return nil }
    var texts: [String] = []
    texts.reserveCapacity(count)
    for index in 0..<count {
      guard let bytes = string(at: index), let text = String(validating: bytes, as: UTF8.self)
      else { return nil }
      texts.append(text)
    }
    return texts
  }

  /// All elements as integers; nil for another type or where one does not fit.
  package func integers() -> [Int]? {
    switch type {
    case .u8: elements(UInt8.self).map(Int.init)
    case .i8: elements(Int8.self).map(Int.init)
    case .u16: elements(UInt16.self).map(Int.init)
    case .i16: elements(Int16.self).map(Int.init)
    case .u32: elements(UInt32.self).map(Int.init)
    case .i32: elements(Int32.self).map(Int.init)
    case .u64: exactly(elements(UInt64.self))
    case .i64: exactly(elements(Int64.self))
    case .f32, .f64, .bool, .string, .array: nil
    }
  }

  /// All elements as floats; nil for another type.
  package func floats() -> [Float]? {
    switch type {
    case .f32: elements(Float.self)
    case .f64: elements(Double.self).map { Float($0) }
    default: nil
    }
  }

  private func exactly(_ values: [some BinaryInteger]) -> [Int]? {
    let integers = values.compactMap { Int(exactly: $0) }
    return integers.count == values.count ? integers : nil
  }

  private func elements<Element: BitwiseCopyable>(_ type: Element.Type) -> [Element] {
    bytes.withUnsafeBytes { source in
      [Element](unsafeUninitializedCapacity: count) { buffer, filled in
        UnsafeMutableRawBufferPointer(buffer).copyMemory(from: source)
        filled = count
      }
    }
  }
}
