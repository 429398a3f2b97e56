/// Byte-pair encoding by ranked merges, as the `BPE` model of a tokenizer.json asks for it.
///
/// Sennrich et al. 2016; the merge of the lowest rank first, of equal ranks the leftmost. A word of n
/// characters costs O(n log n), however long.
struct BytePairEncoding: Sendable {
  /// The parts of the model's section that change its result.
  struct Options: Sendable {
    /// Stands for a character that has no token.
    var unknownID: Int32?
    /// Whether neighbouring unknown characters share one id.
    var fusesUnknown = false
    /// Whether a character without token is spelled by the tokens `<0x00>` to `<0xFF>`.
    var fallsBackToBytes = false
    /// Whether a word that is a token is taken whole, whatever the merges say.
    var ignoresMerges = false
    /// Put before every character of a word but the first.
    var continuingPrefix: [UInt8] = []
    /// Put after the last character of a word.
    var endSuffix: [UInt8] = []
  }

  let vocabulary: Vocabulary
  let options: Options
  private let merges: MergeTable
  /// The ids of `<0x00>` to `<0xFF>`, nil where there is none.
  private let byteIDs: [Int32?]

  /// Merges in the order of their ranks; their ids are of `vocabulary`.
  init(
    vocabulary: Vocabulary, merges: [(left: Int32, right: Int32, id: Int32)], options: Options
  ) {
    self.vocabulary = vocabulary
    self.merges = MergeTable(merges)
    self.options = options
    byteIDs =
      options.fallsBackToBytes
      ? (UInt8.min...UInt8.max).map { vocabulary.id(of: ByteToken.spelling(of: $0)) } : []
  }

  /// Appends the ids of one word, which is valid UTF-8 and not empty.
  func encode(_ word: UnsafeRawBufferPointer, queue: MergeQueue, into output: inout [Int32]) {
    if options.ignoresMerges, let id = vocabulary.id(of: word) {
      output.append(id)
      return
    }
    queue.reset()
    appendSymbols(of: word, to: queue)
    merge(queue)
    var place = 0
    while place >= 0, place < queue.count {
      output.append(queue.symbols[place].id)
      place = Int(queue.symbols[place].next)
    }
  }

  private func merge(_ queue: MergeQueue) {
    guard queue.count > 1 else { return }
    for place in 0..<queue.count - 1 {
      let (left, right) = (queue.symbols[place].id, queue.symbols[place + 1].id)
      if let merge = merges.merge(left, right) {
        queue.push(rank: merge.rank, place: place, proof: merge.id)
      }
    }
    while let candidate = queue.pop() {
      let place = candidate.place
      let symbol = queue.symbols[place]
      guard symbol.length > 0, symbol.next >= 0,
        merges.merge(symbol.id, queue.symbols[Int(symbol.next)].id)?.id == candidate.proof
      else { continue }
      queue.join(place, id: candidate.proof)
      let joined = queue.symbols[place]
      if joined.previous >= 0 {
        let previous = Int(joined.previous)
        if let merge = merges.merge(queue.symbols[previous].id, joined.id) {
          queue.push(rank: merge.rank, place: previous, proof: merge.id)
        }
      }
      if joined.next >= 0,
        let merge = merges.merge(joined.id, queue.symbols[Int(joined.next)].id)
      {
        queue.push(rank: merge.rank, place: place, proof: merge.id)
      }
    }
  }

  /// One symbol a character; where a character has no token, its bytes, or the unknown token, or none.
  private func appendSymbols(of word: UnsafeRawBufferPointer, to queue: MergeQueue) {
    let isPlain = options.continuingPrefix.isEmpty && options.endSuffix.isEmpty
    var unknownLength = 0
    func appendUnknown(upTo end: Int) {
      guard unknownLength > 0, let id = options.unknownID else { return }
      queue.append(id: id, start: end - unknownLength, length: unknownLength)
      unknownLength = 0
    }
    var start = 0
    while start < word.count {
      let end = min(start + UTF8Validation.length(first: word[start]), word.count)
      let character = UnsafeRawBufferPointer(rebasing: word[start..<end])
      let spelled = isPlain ? [] : decorated(character, start, word.count)
      if let id = isPlain ? vocabulary.id(of: character) : vocabulary.id(of: spelled) {
        appendUnknown(upTo: start)
        queue.append(id: id, start: start, length: end - start)
      } else if let ids = bytes(of: isPlain ? Array(character) : spelled) {
        for id in ids { queue.append(id: id, start: start, length: 1) }
      } else if options.unknownID != nil {
        if !options.fusesUnknown { appendUnknown(upTo: start) }
        unknownLength += end - start
      }
      start = end
    }
    appendUnknown(upTo: word.count)
  }

  /// The tokens of the bytes of a character, or nil when one has none.
  private func bytes(of character: [UInt8]) -> [Int32]? {
    guard options.fallsBackToBytes else { return nil }
    var ids: [Int32] = []
    for byte in character {
      guard let id = byteIDs[Int(byte)] else { return nil }
      ids.append(id)
    }
    return ids
  }

  /// A character with the prefix and the suffix that its place in the word asks for.
  private func decorated(
    _ character: UnsafeRawBufferPointer, _ start: Int, _ wordLength: Int
  ) -> [UInt8] {
    var spelled = start > 0 ? options.continuingPrefix : []
    spelled.append(contentsOf: character)
    if start + character.count == wordLength { spelled.append(contentsOf: options.endSuffix) }
    return spelled
  }
}

/// The tokens `<0x00>` to `<0xFF>`, by which tokenizers without a byte alphabet spell single bytes.
enum ByteToken {
  static func spelling(of byte: UInt8) -> [UInt8] {
    let digits = Array("0123456789ABCDEF".utf8)
    return Array("<0x".utf8) + [digits[Int(byte >> 4)], digits[Int(byte & 15)], UInt8(ascii: ">")]
  }

  /// The byte that `token` spells: exactly two hexadecimal digits, no sign.
  static func byte(spelledBy token: [UInt8]) -> UInt8? {
    guard token.count == 6, token.starts(with: "<0x".utf8), token[5] == UInt8(ascii: ">"),
      let high = digit(token[3]), let low = digit(token[4])
    else { return nil }
    return high << 4 | low
  }

  private static func digit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    default: nil
    }
  }
}
