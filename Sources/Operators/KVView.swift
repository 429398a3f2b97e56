package import Tensors

/// The storage of one layer of a KV cache, as attention reads it.
///
/// The cache of one KV head is two lists of blocks of 64 tokens, one of keys and one of values; what lies
/// in a block is between its coder and the kernels. The pointers live as long as the cache they came from.
package struct KVView {
  package var coding: KVLayerCoding
  package var kvHeads: Int
  package var headDimension: Int
  /// Tokens in the cache.
  package var length: Int
  /// Tokens attention looks back on, 0 for all.
  package var window: Int
  /// What products of queries and keys are multiplied by; nil for `1 / sqrt(headDimension)`.
  package var scale: Float?
  /// Scores become `cap * tanh(score / cap)`; nil for none.
  package var softCap: Float?
  /// A score of each query head that takes part in the softmax and has no value; nil for none.
  package var sinks: AttentionSinks?
  /// `[kvHeads][blocks]`.
  package var keyBlocks: [[UnsafeMutableRawPointer]]
  /// `[kvHeads][blocks]`.
  package var valueBlocks: [[UnsafeMutableRawPointer]]
  /// The latest tokens in full precision, where the cache keeps them.
  package var recent: KVRecent?

  package init(
    coding: KVLayerCoding, kvHeads: Int, headDimension: Int, length: Int, window: Int = 0,
    keyBlocks: [[UnsafeMutableRawPointer]], valueBlocks: [[UnsafeMutableRawPointer]],
    recent: KVRecent? = nil
  ) {
    self.coding = coding
    self.kvHeads = kvHeads
    self.headDimension = headDimension
    self.length = length
    self.window = window
    self.keyBlocks = keyBlocks
    self.valueBlocks = valueBlocks
    self.recent = recent
  }

  /// How keys and values are stored.
  package var format: KVFormatPair { coding.format }
}

/// Learned scores of the query heads of a layer, in float32 at an address that stays while this object lives.
package final class AttentionSinks: @unchecked Sendable {
  // Unchecked: written in `init` only.

  package let count: Int
  package let pointer: UnsafePointer<Float>

  package init(_ values: [Float]) {
    let storage = UnsafeMutablePointer<Float>.allocate(capacity: max(1, values.count))
    storage.initialize(repeating: 0, count: max(1, values.count))
    for (index, value) in values.enumerated() { storage[index] = value }
    pointer = UnsafePointer(storage)
    count = values.count
  }

  deinit { pointer.deallocate() }

  package var values: [Float] { Array(UnsafeBufferPointer(start: pointer, count: count)) }
}

/// The latest tokens of one layer in full precision, and from where on they count.
package struct KVRecent {
  package var coding: KVLayerCoding
  /// Keys before this position are in the quantized blocks.
  package var firstKey: Int
  /// Values before this position are in the quantized blocks.
  package var firstValue: Int
  /// `[kvHeads][blocks]`; blocks that hold no recent token are nil.
  package var keyBlocks: [[UnsafeMutableRawPointer?]]
  /// `[kvHeads][blocks]`; blocks that hold no recent token are nil.
  package var valueBlocks: [[UnsafeMutableRawPointer?]]

  package init(
    coding: KVLayerCoding, firstKey: Int, firstValue: Int,
    keyBlocks: [[UnsafeMutableRawPointer?]], valueBlocks: [[UnsafeMutableRawPointer?]]
  ) {
    self.coding = coding
    self.firstKey = firstKey
    self.firstValue = firstValue
    self.keyBlocks = keyBlocks
    self.valueBlocks = valueBlocks
  }
}

/// How the keys and values of one layer are coded: one coder for all heads, or one each.
package struct KVLayerCoding: Sendable {
  package let format: KVFormatPair
  let keys: [KVCoder]
  let values: [KVCoder]

  /// Coders for a format; what is found from the first tokens is at rest.
  ///
  /// - Throws: `OperatorError.unsupportedCache` when no kernel stores such a cache.
  package init(format: KVFormatPair, headDimension: Int) throws {
    self.format = format
    keys = [try KVCoder(format.keys, isKeys: true, headDimension: headDimension)]
    values = [try KVCoder(format.values, isKeys: false, headDimension: headDimension)]
    let group = keys[0].tokenGroup
    guard let window = format.window else {
      // Groups of tokens are quantized whole, so that single tokens must wait somewhere.
      if group > 1 { throw OperatorError.windowMissing(format.keys, tokens: group) }
      return
    }
    guard window.tokens > 0, window.tokens.isMultiple(of: group) else {
      throw OperatorError.windowMissing(format.keys, tokens: group)
    }
    _ = try recent(window.type)
  }

  /// How the latest tokens next to these are coded, in full precision.
  ///
  /// - Throws: `OperatorError.windowOfProjection`, `.unsupportedCache`.
  package func recent(_ type: DType) throws -> KVLayerCoding {
    let plain = KVFormat.float(type: type)
    return KVLayerCoding(
      format: KVFormatPair(keys: plain, values: plain), keys: try keys.map { try $0.recent(type) },
      values: try values.map { try $0.recent(type) })
  }

  /// A coder for the keys of all heads, and values as another layer stores them.
  package init(keys: KVCoder, valuesOf other: KVLayerCoding) {
    self.init(
      format: KVFormatPair(keys: keys.format, values: other.format.values), keys: [keys],
      values: other.values)
  }

  private init(format: KVFormatPair, keys: [KVCoder], values: [KVCoder]) {
    self.format = format
    self.keys = keys
    self.values = values
  }

  /// The same with scales and channels found from the first tokens, `[tokens, kvHeads, headDimension]`.
  ///
  /// - Throws: `OperatorError.unsupportedCache` when no kernel stores such a cache.
  package func learned(
    keys: UnsafePointer<Float>, values: UnsafePointer<Float>, tokens: Int, kvHeads: Int
  ) throws -> KVLayerCoding {
    func side(_ coders: [KVCoder], _ vectors: UnsafePointer<Float>) throws -> [KVCoder] {
      guard let coder = coders.first, coder.learns else { return coders }
      return try (0..<kvHeads).map { head in
        try coder.learned(
          from: vectors + head * coder.headDimension, tokens: tokens,
          stride: kvHeads * coder.headDimension)
      }
    }
    return KVLayerCoding(
      format: format, keys: try side(self.keys, keys), values: try side(self.values, values))
  }

  /// The same with given scales where an FP8 format would find them from its first tokens.
  ///
  /// - Throws: `OperatorError.unsupportedCache` when no kernel stores such a cache.
  package func scaled(keys: Float, values: Float) throws -> KVLayerCoding {
    func side(_ coders: [KVCoder], _ scale: Float) throws -> [KVCoder] {
      try coders.map { coder in
        guard coder.learns, case .fp8 = coder.format else { return coder }
        return try KVCoder(
          coder.format, isKeys: coder.isKeys, headDimension: coder.headDimension,
          order: Array(0..<coder.headDimension), scale: scale)
      }
    }
    return KVLayerCoding(
      format: format, keys: try side(self.keys, keys), values: try side(self.values, values))
  }

  package var learnsFromFirstTokens: Bool {
    keys[0].learns || values[0].learns
  }

  func keyCoder(head: Int) -> KVCoder { keys.count == 1 ? keys[0] : keys[head] }
  func valueCoder(head: Int) -> KVCoder { values.count == 1 ? values[0] : values[head] }
}
