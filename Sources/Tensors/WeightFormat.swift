/// What the weight of a linear layer is: how its values are coded, and at what grain they are scaled.
///
/// Kernels are chosen on this description alone. An integer code `q` stands for
/// `scale * (q - zero)`, with `q` in `0..<2^bits`; a symmetric format has the fixed zero `2^(bits-1)`.
package struct WeightFormat: Hashable, Sendable, Codable {
  /// How one value is coded.
  package enum Code: Hashable, Sendable, Codable {
    /// A floating-point number stored as it is.
    case float(type: DType)
    /// An unsigned integer code of `bits` bits, 2 to 8.
    case integer(bits: Int)
  }

  /// How many weights share one scale.
  package enum Granularity: Hashable, Sendable, Codable {
    case tensor
    /// One scale per output channel (a row).
    case channel
    /// One scale per `size` consecutive input channels of a row.
    case group(size: Int)
  }

  package var code: Code
  package var granularity: Granularity
  /// Whether the zero is the middle of the range; otherwise each scale has a zero point of its own.
  package var isSymmetric: Bool

  package init(code: Code, granularity: Granularity = .tensor, isSymmetric: Bool = true) {
    self.code = code
    self.granularity = granularity
    self.isSymmetric = isSymmetric
  }

  /// A format that stores floating-point numbers as they are.
  package static func dense(_ type: DType) -> WeightFormat { .init(code: .float(type: type)) }

  /// Bits of one code, without scales.
  package var bits: Int {
    switch code {
    case .float(let type): type.bits
    case .integer(let bits): bits
    }
  }

  /// Whether values are stored as floating-point numbers.
  package var isFloat: Bool {
    if case .float = code { true } else { false }
  }

  /// The number of input channels that share a scale in rows of `columns` channels.
  package func groupSize(columns: Int) -> Int {
    if case .group(let size) = granularity { min(size, columns) } else { columns }
  }

  /// The number of scales in one row of `columns` input channels; the last group may be short.
  package func groups(columns: Int) -> Int {
    let size = groupSize(columns: columns)
    return size == 0 ? 0 : (columns + size - 1) / size
  }

  /// Bytes of `rows * columns` weights with 16-bit scales and 8-bit zero points, as they are stored.
  package func byteCount(rows: Int, columns: Int) -> Int {
    guard !isFloat else { return rows * columns * bits / 8 }
    let codes = rows * ((columns * bits + 31) / 32 * 4)
    let scales = granularity == .tensor ? 1 : rows * groups(columns: columns)
    return codes + scales * 2 + (isSymmetric ? 0 : scales)
  }
}

extension WeightFormat: CustomStringConvertible {
  /// The format as people write it: `BF16`, `W4 g128`, `W8 channel asymmetric`.
  package var description: String {
    switch code {
    case .float(let type): return type.description
    case .integer(let bits):
      let grain =
        switch granularity {
        case .tensor: "tensor"
        case .channel: "channel"
        case .group(let size): "g\(size)"
        }
      return "W\(bits) \(grain)" + (isSymmetric ? "" : " asymmetric")
    }
  }
}
