/// SentencePiece's rewriting of a text: its character map, and blanks made visible as U+2581.
struct SentencePieceNormalizer: Sendable {
  private let settings: SentencePieceModel.Normalization
  private let map: CharacterMap?
  /// Pieces that are taken as they stand.
  private let userDefined: TokenSearch

  /// U+2581, which stands for a blank.
  static let space = Array("\u{2581}".utf8)

  /// - Throws: `TokenizerError.malformed` for a character map that is none.
  init(
    _ settings: SentencePieceModel.Normalization, userDefined: TokenSearch, file: String
  ) throws(TokenizerError) {
    self.settings = settings
    self.userDefined = userDefined
    map =
      settings.characterMap.isEmpty
      ? nil : try CharacterMap(settings.characterMap, file: file)
  }

  /// `text`, which is valid UTF-8, rewritten.
  func normalize(_ text: UnsafeBufferPointer<UInt8>) -> [UInt8] {
    var result: [UInt8] = []
    result.reserveCapacity(text.count + text.count / 3 + 3)
    var position = 0
    if settings.removesExtraSpace {
      while position < text.count {
        let (content, length) = prefix(text, at: position)
        guard content.elementsEqual([0x20]) else { break }
        position += length
      }
    }
    guard position < text.count else { return [] }
    let space = settings.escapesSpace ? Self.space : [0x20]
    if settings.addsDummyPrefix, !settings.putsSpaceLast { result += space }
    var followsSpace = settings.removesExtraSpace
    while position < text.count {
      let (whole, length) = prefix(text, at: position)
      position += length
      var content = whole
      if followsSpace { content = content.drop { $0 == 0x20 } }
      for byte in content {
        if byte == 0x20 { result += space } else { result.append(byte) }
      }
      if let last = content.last { followsSpace = last == 0x20 }
      if !settings.removesExtraSpace { followsSpace = false }
    }
    if settings.removesExtraSpace {
      while result.count >= space.count, result.suffix(space.count).elementsEqual(space) {
        result.removeLast(space.count)
      }
    }
    if settings.addsDummyPrefix, settings.putsSpaceLast { result += space }
    return result
  }

  /// What the text at `position` becomes, and how much of it that takes.
  private func prefix(
    _ text: UnsafeBufferPointer<UInt8>, at position: Int
  ) -> (Slice<UnsafeBufferPointer<UInt8>>, length: Int) {
    let symbol = userDefined.longestPrefix(text, at: position)
    if symbol > 0 { return (text[position..<position + symbol], symbol) }
    if let map, let (content, length) = map.longestRule(text, at: position) {
      return (content, length)
    }
    let length = min(UTF8Validation.length(first: text[position]), text.count - position)
    return (text[position..<position + length], length)
  }
}
