/// The `Unigram` model of a tokenizer.json: each word cut into the pieces of the highest total score.
///
/// Viterbi's algorithm in double precision over Hugging Face's own rules, which differ from SentencePiece's in small
/// things: every piece can be met in a text, special ones included, and unknown characters are joined.
struct UnigramModel: Sendable {
  let vocabulary: Vocabulary
  let unknownID: Int32?
  private let pieces: TokenSearch
  private let scores: [Double]
  private let unknownScore: Double
  /// The ids of `<0x00>` to `<0xFF>`; empty where characters without a piece are unknown.
  private let byteIDs: [Int32?]

  /// Below the worst piece by so much, an unknown character.
  private static let unknownPenalty = 10.0

  /// `scores` are those of the ids of `vocabulary`.
  init(vocabulary: Vocabulary, scores: [Double], unknownID: Int32?, fallsBackToBytes: Bool) {
    self.vocabulary = vocabulary
    self.scores = scores
    self.unknownID = unknownID
    unknownScore = (scores.min() ?? 0) - Self.unknownPenalty
    pieces = TokenSearch(
      scores.indices.map { id in
        let id = Int32(truncatingIfNeeded: id)
        return AddedVocabulary.Token(content: vocabulary.token(id) ?? [], id: id)
      })
    byteIDs =
      fallsBackToBytes
      ? (UInt8.min...UInt8.max).map { vocabulary.id(of: ByteToken.spelling(of: $0)) } : []
  }

  /// Appends the ids of one word, which is valid UTF-8 and not empty.
  func encode(_ word: UnsafeRawBufferPointer, into output: inout [Int32]) {
    let text = word.assumingMemoryBound(to: UInt8.self)
    let best = bestWays(text)
    var ranges: [(range: Range<Int>, id: Int32?)] = []
    var end = text.count
    while end > 0 {
      let start = best[end].start
      let id = best[end].id
      if id == nil, let last = ranges.last, last.id == nil {
        // Unknown characters side by side are one.
        ranges[ranges.count - 1].range = start..<last.range.upperBound
      } else {
        ranges.append((start..<end, id))
      }
      end = start
    }
    for piece in ranges.reversed() {
      if let id = piece.id {
        output.append(id)
      } else if let ids = bytes(text[piece.range]) {
        output += ids
      } else if let unknownID {
        output.append(unknownID)
      }
    }
  }

  /// The best way to each place in the text.
  private func bestWays(_ text: UnsafeBufferPointer<UInt8>) -> [Step] {
    var best = [Step](repeating: Step(), count: text.count + 1)
    best.withUnsafeMutableBufferPointer { best in
      best[0].start = 0
      var start = 0
      while start < text.count {
        let score = best[start].score
        let character = min(UTF8Validation.length(first: text[start]), text.count - start)
        var isCharacterPiece = false
        pieces.forEachPrefix(text, at: start) { id, length in
          best[start + length].improve(score + scores[Int(id)], from: start, id: id)
          if length == character { isCharacterPiece = true }
        }
        if !isCharacterPiece {
          best[start + character].improve(score + unknownScore, from: start, id: nil)
        }
        start += character
      }
    }
    return best
  }

  private func bytes(_ text: Slice<UnsafeBufferPointer<UInt8>>) -> [Int32]? {
    guard !byteIDs.isEmpty else { return nil }
    var ids: [Int32] = []
    for byte in text {
      guard let id = byteIDs[Int(byte)] else { return nil }
      ids.append(id)
    }
    return ids
  }

  private struct Step {
    var score = 0.0
    var start = -1
    var id: Int32?

    @inline(__always)
    mutating func improve(_ candidate: Double, from origin: Int, id newID: Int32?) {
      guard start < 0 || candidate > score else { return }
      score = candidate
      start = origin
      id = newID
    }
  }
}
