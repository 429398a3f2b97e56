/// What a tokenizer's file says, ready to run: text to ids and back.
protocol TokenizationPipeline: Sendable {
  /// One more than the largest id.
  var idLimit: Int { get }

  /// One more than the largest id of the model itself, tokens that were added to it left out.
  var modelIDLimit: Int { get }

  /// The ids of `text`, which is valid UTF-8 of at most `MergeQueue.longestText` bytes.
  func encode(_ text: UnsafeBufferPointer<UInt8>, addSpecialTokens: Bool) -> [Int32]

  /// The text of `ids` as UTF-8, of which bytes that are not UTF-8 may be a part; ids without a token
  /// add nothing.
  func decode(_ ids: [Int32], invalidBytes: Decoder.InvalidBytes) -> [UInt8]

  /// A token as the file spells it.
  func token(_ id: Int32) -> [UInt8]?

  /// The id of a token as the file spells it.
  func id(of token: [UInt8]) -> Int32?

  /// Whether a token stands for no text.
  func isSpecial(_ id: Int32) -> Bool
}
