/// What the weight of a linear layer is: how its values are coded, and at what grain they are scaled.
///
/// Kernels are chosen on this description alone. An integer code `q` stands for
/// `scale * (q - zero)`, with `q` in `0..<2^bits`, a scaled float for `scale * value`.
package struct WeightFormat: Hashable, Sendable {
  /// How one value is coded.
  package enum Code: Hashable, Sendable, Codable {
    /// A floating-point number stored as it is.
    case float(type: DType)
    /// An unsigned integer code of `bits` bits, 2 to 8.
    case integer(bits: Int)
    /// An 8-bit float of `type`, E4M3 or E5M2, that a scale multiplies.
    case scaledFloat(type: DType)
    /// Blocks of a GGUF file, which hold codes, scales and minima; the granularity is the block.
    case block(type: GGUFTensorType)
    /// A form that no kernel reads.
    case decoded(form: StoredForm)
  }

  /// How many weights share one scale.
  package enum Granularity: Hashable, Sendable, Codable {
    case tensor
    /// One scale per output channel (a row).
    case channel
    /// One scale per `size` consecutive input channels of a row.
    case group(size: Int)
    /// One scale per block of output by input channels, such as 128 x 128.
    case block(rows: Int, columns: Int)
  }

  /// Which code stands for 0.
  package enum ZeroPoint: String, Hashable, Sendable, Codable {
    /// The middle code `2^(bits-1)`: a symmetric format.
    case fixed
    /// A whole code of its own for each scale.
    case integer
    /// A real number for each scale, often between two codes and now and then beyond all of them.
    case real
  }

  package var code: Code
  package var granularity: Granularity
  package var zeroPoint: ZeroPoint

  package init(code: Code, granularity: Granularity = .tensor, zeroPoint: ZeroPoint = .fixed) {
    self.code = code
    self.granularity = granularity
    self.zeroPoint = zeroPoint
  }

  /// A format with the fixed zero point, or whole ones.
  package init(code: Code, granularity: Granularity = .tensor, isSymmetric: Bool) {
    self.init(
      code: code, granularity: granularity, zeroPoint: isSymmetric ? .fixed : .integer)
  }

  /// Whether the zero is the middle of the range; otherwise each scale has a zero point of its own.
  package var isSymmetric: Bool { zeroPoint == .fixed }

  /// A format that stores floating-point numbers as they are.
  package static func dense(_ type: DType) -> WeightFormat { .init(code: .float(type: type)) }

  /// The blocks of a GGUF file, as they are stored.
  package static func blocks(_ type: GGUFTensorType) -> WeightFormat {
    .init(code: .block(type: type), granularity: .group(size: type.blockElements))
  }

  /// Groups that kernels of this program and of others read.
  package static let usualGroups = [32, 64, 128, 256]

  /// Bits of one code, without scales.
  package var bits: Int {
    switch code {
    case .float(let type), .scaledFloat(let type): type.bits
    case .integer(let bits): bits
    case .block(let type): type.codeBits
    case .decoded(let form): form.bits
    }
  }

  /// Input channels that share a scale as options write it: -1 for all of a row, 0 for all of the tensor; nil for blocks.
  package var plannedGroup: Int? {
    switch granularity {
    case .tensor: 0
    case .channel: -1
    case .group(let size): size
    case .block: nil
    }
  }

  /// Whether values are stored as floating-point numbers.
  package var isFloat: Bool {
    if case .float = code { true } else { false }
  }

  /// The number of input channels that share a scale in rows of `columns` channels.
  package func groupSize(columns: Int) -> Int {
    switch granularity {
    case .group(let size), .block(_, let size): min(size, columns)
    case .tensor, .channel: columns
    }
  }

  /// The number of scales in one row of `columns` input channels; the last group may be short.
  package func groups(columns: Int) -> Int {
    let size = groupSize(columns: columns)
    return size == 0 ? 0 : (columns + size - 1) / size
  }

  /// The number of scales of `rows` rows of `columns` input channels.
  package func scales(rows: Int, columns: Int) -> Int {
    switch granularity {
    case .tensor: 1
    case .channel, .group: rows * groups(columns: columns)
    case .block(let height, _): (rows + height - 1) / max(1, height) * groups(columns: columns)
    }
  }

  /// Bytes of `rows * columns` weights as they are stored: scales and real zero points in 16 bits, whole
  /// zero points in 8; scales of 8-bit floats in 32; a byte a scale for
  /// what is decoded.
  package func byteCount(rows: Int, columns: Int) -> Int {
    guard !isFloat else { return rows * columns * bits / 8 }
    if case .block(let type) = code { return rows * (type.byteCount(of: columns) ?? 0) }
    let scales = scales(rows: rows, columns: columns)
    if case .decoded = code { return (rows * columns * bits + 7) / 8 + scales }
    if case .scaledFloat = code { return rows * columns + scales * 4 }
    let codes = rows * ((columns * bits + 31) / 32 * 4)
    let zeros =
      switch zeroPoint {
      case .fixed: 0
      case .integer: scales
      case .real: scales * 2
      }
    return codes + scales * 2 + zeros
  }
}

extension WeightFormat: Codable {
  private enum CodingKeys: String, CodingKey {
    case code, granularity, zeroPoint
    /// What stood in the place of `zeroPoint` before zero points could be real.
    case isSymmetric
  }

  package init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    self.init(
      code: try values.decode(Code.self, forKey: .code),
      granularity: try values.decode(Granularity.self, forKey: .granularity),
      zeroPoint: try values.decodeIfPresent(ZeroPoint.self, forKey: .zeroPoint)
        ?? (values.decode(Bool.self, forKey: .isSymmetric) ? .fixed : .integer))
  }

  package func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: CodingKeys.self)
    try values.encode(code, forKey: .code)
    try values.encode(granularity, forKey: .granularity)
    try values.encode(zeroPoint, forKey: .zeroPoint)
  }
}

extension WeightFormat: CustomStringConvertible {
  /// The format as people write it: `BF16`, `W4 g128`, `W8 channel asymmetric`, `W4 g64 real zeros`, `Q4_K`.
  package var description: String {
    switch code {
    case .float(let type): return type.description
    case .block(let type): return type.description
    case .decoded(let form): return "\(form) \(granularity)"
    case .scaledFloat(let type): return "W8 \(type == .f8e5m2 ? "E5M2" : "E4M3") \(granularity)"
    case .integer(let bits):
      let zeros =
        switch zeroPoint {
        case .fixed: ""
        case .integer: " asymmetric"
        case .real: " real zeros"
        }
      return "W\(bits) \(granularity)" + zeros
    }
  }
}

extension WeightFormat.Granularity: CustomStringConvertible {
  package var description: String {
    switch self {
    case .tensor: "tensor"
    case .channel: "channel"
    case .group(let size): "g\(size)"
    case .block(let rows, let columns): "\(rows)x\(columns)"
    }
  }
}
