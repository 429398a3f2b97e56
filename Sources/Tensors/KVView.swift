/// The storage of one layer of a KV cache, as attention reads it.
///
/// The cache of one KV head is two lists of blocks of 64 tokens, one of keys and one of values; what lies
/// in a block is between its format and the kernels. The pointers live as long as the cache they came from.
package struct KVView {
  package var format: KVFormatPair
  package var kvHeads: Int
  package var headDimension: Int
  /// Tokens in the cache.
  package var length: Int
  /// Tokens attention looks back on, 0 for all.
  package var window: Int
  /// `[kvHeads][blocks]`.
  package var keyBlocks: [[UnsafeMutableRawPointer]]
  /// `[kvHeads][blocks]`.
  package var valueBlocks: [[UnsafeMutableRawPointer]]

  package init(
    format: KVFormatPair, kvHeads: Int, headDimension: Int, length: Int, window: Int = 0,
    keyBlocks: [[UnsafeMutableRawPointer]], valueBlocks: [[UnsafeMutableRawPointer]]
  ) {
    self.format = format
    self.kvHeads = kvHeads
    self.headDimension = headDimension
    self.length = length
    self.window = window
    self.keyBlocks = keyBlocks
    self.valueBlocks = valueBlocks
  }
}
