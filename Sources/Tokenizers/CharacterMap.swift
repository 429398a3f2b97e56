/// SentencePiece's precompiled rules from character sequences to others, such as those of NFKC.
///
/// A double-array trie (Aoe 1989, in the layout of darts-clone) in front of the replacements, which end
/// with a zero byte. The file is not trusted: every step of a walk is checked.
final class CharacterMap: @unchecked Sendable {
  // Unchecked: filled in the initializer and only read afterwards.
  private let units: UnsafeMutableBufferPointer<UInt32>
  private let replacements: UnsafeMutableBufferPointer<UInt8>

  /// Reads `<size of the trie, 4 bytes><trie><replacements>`.
  init(_ blob: [UInt8], file: String) throws(TokenizerError) {
    func wrong(_ expected: String, _ found: String) -> TokenizerError {
      .malformed(
        file: file, field: "normalizer_spec.precompiled_charsmap", expected: expected,
        found: found)
    }
    guard blob.count > 4 else { throw wrong("more than 4 bytes", "\(blob.count)") }
    let size = blob.prefix(4).reversed().reduce(0) { $0 << 8 | Int($1) }
    guard size > 0, size % 4 == 0, size < blob.count - 4 else {
      throw wrong(
        "the size of a trie, a multiple of 4 below \(blob.count - 4)", "\(size)")
    }
    guard blob.last == 0 else { throw wrong("replacements that end with a zero byte", "others") }
    guard UTF8Validation.firstInvalidOffset(in: blob[(4 + size)...]) == nil else {
      throw wrong("replacements in UTF-8", "other bytes")
    }
    units = .allocate(capacity: size / 4)
    for index in units.indices {
      let bytes = blob[(4 + index * 4)..<(8 + index * 4)]
      units[index] = bytes.reversed().reduce(0) { $0 << 8 | UInt32($1) }
    }
    replacements = .allocate(capacity: blob.count - 4 - size)
    _ = replacements.initialize(fromContentsOf: blob[(4 + size)...])
  }

  deinit {
    units.deallocate()
    replacements.deallocate()
  }

  /// The replacement of the longest rule that begins at `start`, and the bytes it takes.
  func longestRule(
    _ text: UnsafeBufferPointer<UInt8>, at start: Int
  ) -> (Slice<UnsafeBufferPointer<UInt8>>, length: Int)? {
    var best: (offset: Int, length: Int)?
    var node = Self.offset(units[0])
    var position = start
    while position < text.count {
      let byte = UInt32(text[position])
      node ^= byte
      guard node < units.count else { break }
      let unit = units[Int(node)]
      guard Self.label(unit) == byte else { break }
      position += 1
      node ^= Self.offset(unit)
      if Self.hasLeaf(unit) {
        guard node < units.count else { break }
        best = (Int(units[Int(node)] & 0x7fff_ffff), position - start)
      }
    }
    guard let best, best.offset < replacements.count else { return nil }
    var end = best.offset
    // The last byte is zero.
    while replacements[end] != 0 { end += 1 }
    let bytes = UnsafeBufferPointer(replacements)
    // A rule that begins inside a character of the replacements would not give UTF-8.
    guard best.offset == end || bytes[best.offset] & 0xc0 != 0x80 else { return nil }
    return (bytes[best.offset..<end], best.length)
  }

  private static func hasLeaf(_ unit: UInt32) -> Bool { unit >> 8 & 1 == 1 }
  private static func label(_ unit: UInt32) -> UInt32 { unit & 0x8000_00ff }
  private static func offset(_ unit: UInt32) -> UInt32 { (unit >> 10) << ((unit & 0x200) >> 6) }
}
