import Platform
import Tensors

/// Weights rounded to the block types of GGUF files that kernels read, for timing and checking these.
///
/// Plain rounding under the scales of the largest magnitude, or of least and largest value: ggml's own quantizers search
/// for better ones. Each number gets the code nearest to it under the scales as they are stored.
enum BlockRounding {
  /// The types there are.
  static let types: [GGUFTensorType] = [
    .q8_0, .q4_0, .q4_1, .q5_0, .q5_1, .q4K, .q5K, .q6K, .iq4NL, .mxfp4,
  ]

  /// - Throws: `TensorError` when the columns are no multiple of the block.
  static func quantize(
    _ weight: any LinearWeight, as type: GGUFTensorType, pool: WorkerPool
  ) throws -> BlockWeight {
    let (rows, columns) = (weight.rows, weight.columns)
    guard let rowBytes = type.byteCount(of: columns) else {
      throw TensorError.outOfRange(
        what: "columns", expected: "a multiple of \(type.blockElements) for \(type)",
        found: "\(columns)")
    }
    let bytes = SharedBytes(byteCount: rows * rowBytes) { target in
      guard let base = target.baseAddress else { return }
      nonisolated(unsafe) let target = base
      pool.run(chunks: rows) { row, _ in
        let values = [Float](unsafeUninitializedCapacity: columns) { buffer, count in
          if let base = buffer.baseAddress { weight.dequantize(rows: row..<row + 1, into: base) }
          count = columns
        }
        for block in 0..<columns / type.blockElements {
          let first = block * type.blockElements
          encode(
            Array(values[first..<first + type.blockElements]), as: type,
            into: target + row * rowBytes + block * type.blockBytes)
        }
      }
    }
    return try BlockWeight(type: type, bytes: bytes, rows: rows, columns: columns)
  }

  /// Writes one block.
  private static func encode(
    _ values: [Float], as type: GGUFTensorType, into target: UnsafeMutableRawPointer
  ) {
    switch type {
    case .q8_0:
      let scale = stored(largest(values) / 127, at: 0, target)
      for (index, code) in codes(values, scale, 0, -127...127).enumerated() {
        target.storeBytes(of: Int8(code), toByteOffset: 2 + index, as: Int8.self)
      }
    case .q4_0:
      let scale = stored(largest(values) / 8, at: 0, target)
      nibbles(codes(values, scale, 0, -8...7).map { $0 + 8 }, at: 2, target)
    case .q5_0:
      let scale = stored(largest(values) / 16, at: 0, target)
      fives(codes(values, scale, 0, -16...15).map { $0 + 16 }, at: 2, target)
    case .q4_1, .q5_1:
      let top = type == .q4_1 ? 15 : 31
      let low = values.min() ?? 0
      let scale = stored(((values.max() ?? 0) - low) / Float(top), at: 0, target)
      let minimum = stored(low, at: 2, target)
      let found = codes(values, scale, minimum, 0...top)
      if type == .q4_1 { nibbles(found, at: 4, target) } else { fives(found, at: 4, target) }
    case .iq4NL, .mxfp4: levels(values, type, target)
    case .q6K: sixes(values, target)
    default: supers(values, hasFifth: type == .q5K, target)
    }
  }

  private static func largest(_ values: some Sequence<Float>) -> Float {
    values.reduce(0) { max($0, $1.magnitude) }
  }

  /// Stores a 16-bit float and returns what it holds.
  private static func stored(
    _ value: Float, at place: Int, _ target: UnsafeMutableRawPointer
  ) -> Float {
    let bits = FloatFormats.f16(value)
    target.storeBytes(of: bits, toByteOffset: place, as: UInt16.self)
    return FloatFormats.float(f16: bits)
  }

  /// The codes nearest to `(value - minimum) / scale`.
  private static func codes(
    _ values: some Sequence<Float>, _ scale: Float, _ minimum: Float, _ range: ClosedRange<Int>
  ) -> [Int] {
    values.map { value in
      guard scale != 0 else { return max(0, range.lowerBound) }
      let code = ((value - minimum) / scale).rounded()
      return Int(max(Float(range.lowerBound), min(Float(range.upperBound), code)))
    }
  }

  /// Four bits of each code: the first half of them in the low halves of bytes.
  private static func nibbles(_ codes: [Int], at place: Int, _ target: UnsafeMutableRawPointer) {
    let half = codes.count / 2
    for index in 0..<half {
      let byte = UInt8(codes[index] & 15 | (codes[index + half] & 15) << 4)
      target.storeBytes(of: byte, toByteOffset: place + index, as: UInt8.self)
    }
  }

  /// The fifth bits of 32 codes, then the others.
  private static func fives(_ codes: [Int], at place: Int, _ target: UnsafeMutableRawPointer) {
    for byte in 0..<4 {
      let bits = (0..<8).reduce(0) { $0 | (codes[byte * 8 + $1] >> 4) << $1 }
      target.storeBytes(of: UInt8(bits), toByteOffset: place + byte, as: UInt8.self)
    }
    nibbles(codes, at: place + 4, target)
  }

  /// IQ4_NL under the scale of its largest magnitude, MXFP4 under the power of two that holds it.
  private static func levels(
    _ values: [Float], _ type: GGUFTensorType, _ target: UnsafeMutableRawPointer
  ) {
    let most = largest(values)
    var unit = [UInt8](repeating: 0, count: type.blockBytes)
    let scale: Float
    if type == .iq4NL {
      scale = stored(most / 113, at: 0, target)
      (unit[0], unit[1]) = (0x00, 0x3c)
    } else {
      // Half the scale, as levels are doubled: the largest is 12.
      let exponent = most > 0 ? max(2, min(254, Int(most.exponent) - 2 + 127)) : 0
      target.storeBytes(of: UInt8(exponent), as: UInt8.self)
      scale = most > 0 ? Float(sign: .plus, exponent: exponent - 128, significand: 1) : 0
      unit[0] = 128
    }
    for index in 0..<16 { unit[type.blockBytes - 16 + index] = UInt8(index * 17) }
    let known = unit.withUnsafeBytes { unit in
      [Float](unsafeUninitializedCapacity: 32) { buffer, count in
        if let source = unit.baseAddress, let base = buffer.baseAddress {
          GGUFBlocks.decode(type, at: source, count: 32, into: base)
        }
        count = 32
      }
    }.prefix(16)
    let found = values.map { value in
      known.indices.min {
        (known[$0] * scale - value).magnitude < (known[$1] * scale - value).magnitude
      }
        ?? 0
    }
    nibbles(found, at: type.blockBytes - 16, target)
  }

  /// Q6_K.
  private static func sixes(_ values: [Float], _ target: UnsafeMutableRawPointer) {
    let wanted = (0..<16).map { largest(values[$0 * 16..<$0 * 16 + 16]) / 32 }
    let scale = stored(largest(wanted) / 127, at: 208, target)
    var all: [Int] = []
    for (part, step) in wanted.enumerated() {
      let small = codes([step], scale, 0, 0...127)[0]
      target.storeBytes(of: Int8(small), toByteOffset: 192 + part, as: Int8.self)
      all += codes(values[part * 16..<part * 16 + 16], scale * Float(small), 0, -32...31)
        .map { $0 + 32 }
    }
    for half in 0..<2 {
      let codes = all[half * 128..<half * 128 + 128]
      func code(_ quarter: Int, _ index: Int) -> Int {
        codes[codes.startIndex + quarter * 32 + index]
      }
      for index in 0..<32 {
        for pair in 0..<2 {
          let byte = code(pair, index) & 15 | (code(pair + 2, index) & 15) << 4
          target.storeBytes(
            of: UInt8(byte), toByteOffset: half * 64 + pair * 32 + index, as: UInt8.self)
        }
        let high = (0..<4).reduce(0) { $0 | (code($1, index) >> 4) << (2 * $1) }
        target.storeBytes(of: UInt8(high), toByteOffset: 128 + half * 32 + index, as: UInt8.self)
      }
    }
  }

  /// Q4_K and Q5_K.
  private static func supers(
    _ values: [Float], hasFifth: Bool, _ target: UnsafeMutableRawPointer
  ) {
    let top = hasFifth ? 31 : 15
    let parts = (0..<8).map { Array(values[$0 * 32..<$0 * 32 + 32]) }
    let lows = parts.map { max(0, -($0.min() ?? 0)) }
    let steps = zip(parts, lows).map { (max(0, $0.max() ?? 0) + $1) / Float(top) }
    let scale = stored(largest(steps) / 63, at: 0, target)
    let minimum = stored(largest(lows) / 63, at: 2, target)
    let scales = codes(steps, scale, 0, 0...63)
    let minima = codes(lows, minimum, 0, 0...63)
    for part in 0..<4 {
      let bytes = [
        scales[part] | (scales[part + 4] >> 4) << 6, minima[part] | (minima[part + 4] >> 4) << 6,
        scales[part + 4] & 15 | (minima[part + 4] & 15) << 4,
      ]
      for (row, byte) in bytes.enumerated() {
        target.storeBytes(of: UInt8(byte), toByteOffset: 4 + row * 4 + part, as: UInt8.self)
      }
    }
    let found = (0..<8).map {
      codes(parts[$0], scale * Float(scales[$0]), -minimum * Float(minima[$0]), 0...top)
    }
    for pair in 0..<4 {
      nibbles(found[2 * pair] + found[2 * pair + 1], at: (hasFifth ? 48 : 16) + pair * 32, target)
    }
    guard hasFifth else { return }
    for index in 0..<32 {
      let bits = (0..<8).reduce(0) { $0 | (found[$1][index] >> 4) << $1 }
      target.storeBytes(of: UInt8(bits), toByteOffset: 16 + index, as: UInt8.self)
    }
  }
}
