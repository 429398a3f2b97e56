// The standard library composes (it is how it compares strings) and offers the result under this name only;
// swift-foundation reads it in the same way.
@_spi(_Unicode) import Swift

/// Unicode Normalization Form C (Unicode Standard Annex 15).
enum CanonicalComposition {
  /// `text`, which is valid UTF-8, in form C.
  static func compose(_ text: [UInt8]) -> [UInt8] {
    // Below U+0300 every character is composed already and nothing combines.
    guard text.contains(where: { $0 >= 0xcc }) else { return text }
    var result: [UInt8] = []
    result.reserveCapacity(text.count)
    for scalar in String(decoding: text, as: UTF8.self)._nfc {
      result.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
    }
    return result
  }
}
