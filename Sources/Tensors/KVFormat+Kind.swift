extension KVFormat {
  /// What runtimes tell formats apart by.
  package enum Kind: String, Hashable, Sendable, Codable {
    /// 16 or 32 bits.
    case float
    /// Integers with a scale for a group of a token's channels (llama.cpp's rows).
    case integer
    /// 8-bit floats.
    case float8
    /// Keys by channel in blocks of tokens (KIVI).
    case perChannel
    /// Rotated, with a codebook (TurboQuant).
    case codebook
    /// What no runtime knows.
    case other
  }

  package var kind: Kind {
    switch self {
    case .float: .float
    case .integer: .integer
    case .fp8: .float8
    case .channelGroups, .tokenGroups: .perChannel
    case .codebook: .codebook
    case .rotated(let inner, _): inner.kind
    }
  }

  /// Bits of a code, without the share of its scales.
  package var codeBits: Int {
    switch self {
    case .float(let type): type.bits
    case .integer(let bits, _), .channelGroups(let bits, _), .tokenGroups(let bits, _): bits
    case .fp8: 8
    case .codebook(let format): format.bits
    case .rotated(let inner, _): inner.codeBits
    }
  }

  /// Bits of a code as people say them, halves where a part of the channels gets one more: 3.5.
  package var nominalBits: Double {
    switch self {
    case .codebook(let format): Double(format.bits) + format.extraShare
    case .rotated(let inner, _): inner.nominalBits
    default: Double(codeBits)
    }
  }

  /// Values that share a scale, where that is fixed.
  package var sharedScale: Int? {
    switch self {
    case .float, .fp8, .codebook: nil
    case .integer(_, let size), .channelGroups(_, let size), .tokenGroups(_, let size): size
    case .rotated(let inner, _): inner.sharedScale
    }
  }

  /// Whether heads are rotated before they are rounded.
  package var isRotated: Bool {
    switch self {
    case .codebook, .rotated: true
    case .float, .integer, .fp8, .channelGroups, .tokenGroups: false
    }
  }
}
