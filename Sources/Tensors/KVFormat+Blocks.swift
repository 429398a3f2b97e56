/// The memory of a cache in the blocks of 64 tokens that kernels lay out: the one sum behind what is planned, priced and held.
extension KVFormat {
  /// Tokens of a block.
  package static let blockTokens = 64

  /// Bytes of a block of one head: channels are padded to whole vectors, blocks to whole lines of the processor's cache.
  package func blockBytes(headDimension: Int, areKeys: Bool) -> Int {
    guard headDimension > 0 else { return 0 }
    let bytes =
      codeBytes(headDimension: headDimension, areKeys: areKeys)
      + scaleBytes(headDimension: headDimension)
    return Self.up(bytes, to: 64)
  }

  private static func up(_ value: Int, to multiple: Int) -> Int {
    (value + multiple - 1) / multiple * multiple
  }

  private func codeBytes(headDimension: Int, areKeys: Bool) -> Int {
    let tokens = Self.blockTokens
    let whole = Self.up(headDimension, to: areKeys ? 4 : 16)
    let plain = areKeys ? headDimension : whole
    switch self {
    case .float(let type): return plain * tokens * type.bits / 8
    case .integer(let bits, _): return whole * tokens * bits / 8
    case .fp8: return plain * tokens
    case .channelGroups(let bits, _), .tokenGroups(let bits, _): return plain * tokens * bits / 8
    case .codebook(let format):
      return format.parts(headDimension: headDimension).reduce(0) { sum, part in
        sum + Self.up(part.channels, to: areKeys ? 4 : 16) * tokens / 8 * part.bits
      }
    case .rotated(let format, _):
      return format.codeBytes(headDimension: headDimension, areKeys: areKeys)
    }
  }

  private func scaleBytes(headDimension: Int) -> Int {
    let tokens = Self.blockTokens
    func groups(_ size: Int) -> Int {
      headDimension / Self.effectiveGroup(size, headDimension: headDimension)
    }
    switch self {
    case .float: return 0
    case .integer(_, let size): return groups(size) * tokens * 2
    case .fp8(_, let scale): return scale == .token ? tokens * 4 : 0
    case .channelGroups(_, let size): return headDimension * (tokens / max(1, size)) * 4
    case .tokenGroups(_, let size): return groups(size) * tokens * 4
    case .codebook(let format):
      return format.parts(headDimension: headDimension).count * tokens * 2
    case .rotated(let format, _): return format.scaleBytes(headDimension: headDimension)
    }
  }
}

extension KVFormatPair {
  /// Bits of a value, keys and values together, with their share of the scales; the window is not counted.
  package func bitsPerValue(headDimension: Int) -> Double {
    (keys.bitsPerValue(headDimension: headDimension)
      + values.bitsPerValue(headDimension: headDimension)) / 2
  }

  /// Bytes of a block of keys and one of values of one head; the window is not counted.
  package func blockBytes(headDimension: Int) -> Int {
    keys.blockBytes(headDimension: headDimension, areKeys: true)
      + values.blockBytes(headDimension: headDimension, areKeys: false)
  }

  /// The blocks that one layer of a sequence of `length` tokens holds: those it is stored in, and those of the latest tokens
  /// in full precision, which are given back once nothing in them is recent.
  package func blocks(length: Int) -> (stored: Int, recent: Int) {
    let tokens = KVFormat.blockTokens
    let whole = (length + tokens - 1) / tokens
    guard let window else { return (whole, 0) }
    let keys = window.quantizedKeys(length: length)
    let values = window.quantizedValues(length: length)
    return ((max(keys, values) + tokens - 1) / tokens, whole - min(keys, values) / tokens)
  }

  /// The blocks of the latest tokens in full precision, as those of a cache of their own.
  package var recent: KVFormatPair? {
    window.map { KVFormatPair(keys: .float(type: $0.type), values: .float(type: $0.type)) }
  }
}
