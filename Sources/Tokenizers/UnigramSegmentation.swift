/// SentencePiece's unigram language model: the segmentation of the highest total score (Kudo 2018).
///
/// One pass of Viterbi's algorithm in single precision, linear in the text times the longest piece.
/// Where two ways differ by less than about a thousandth, sentencepiece 0.2.3 can take the other one.
struct UnigramSegmentation: Sendable {
  private let pieces: TokenSearch
  private let scores: [Float]
  private let unknownScore: Float

  init(_ all: [SentencePieceModel.Piece]) {
    let normal = all.lazy.filter { $0.kind == .normal }.map(\.score)
    let highest = normal.max() ?? 0
    // The reference's penalty for a character that is no piece.
    unknownScore = (normal.min() ?? 0) - 10
    scores = all.map { piece in
      // A bonus, so that user-defined pieces win.
      piece.kind == .userDefined ? Float(piece.text.count) * highest - 0.1 : piece.score
    }
    pieces = TokenSearch(
      all.enumerated().filter { $1.kind == .normal || $1.kind == .userDefined }.map {
        AddedVocabulary.Token(content: $1.text, id: Int32(truncatingIfNeeded: $0))
      })
  }

  /// Cuts normalized text into pieces; `found` is given the range and the id, nil where none fits.
  func segment(_ text: UnsafeBufferPointer<UInt8>, _ found: (Range<Int>, Int32?) -> Void) {
    var best = [Step](repeating: Step(), count: text.count + 1)
    best.withUnsafeMutableBufferPointer { best in
      best[0].start = 0
      var start = 0
      var furthest = 0
      while start < text.count {
        // Where all ways meet the sum begins anew, so that a long text costs no precision.
        if start == furthest { best[start].score = 0 }
        let score = best[start].score
        let character = min(UTF8Validation.length(first: text[start]), text.count - start)
        var isCharacterPiece = false
        pieces.forEachPrefix(text, at: start) { id, length in
          best[start + length].improve(score + scores[Int(id)], from: start, id: id)
          if length == character { isCharacterPiece = true }
          furthest = max(furthest, start + length)
        }
        if !isCharacterPiece {
          best[start + character].improve(score + unknownScore, from: start, id: -1)
          furthest = max(furthest, start + character)
        }
        start += character
      }
    }
    var ends: [Int] = []
    var end = text.count
    while end > 0 {
      ends.append(end)
      end = Int(best[end].start)
    }
    for end in ends.reversed() {
      found(Int(best[end].start)..<end, best[end].id < 0 ? nil : best[end].id)
    }
  }

  /// The best way to a place in the text.
  private struct Step {
    var score: Float = 0
    var start: Int32 = -1
    var id: Int32 = -1

    @inline(__always)
    mutating func improve(_ candidate: Float, from origin: Int, id newID: Int32) {
      guard start < 0 || candidate > score else { return }
      score = candidate
      start = Int32(truncatingIfNeeded: origin)
      id = newID
    }
  }
}
