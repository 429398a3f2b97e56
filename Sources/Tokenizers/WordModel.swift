/// The model of a pipeline: it turns one word at a time into ids.
enum WordModel: Sendable {
  case bytePairs(BytePairEncoding)
  case unigram(UnigramModel)
  case scoredMerges(ScoredMerging)

  var vocabulary: Vocabulary {
    switch self {
    case .bytePairs(let model): model.vocabulary
    case .unigram(let model): model.vocabulary
    case .scoredMerges(let model): model.vocabulary
    }
  }

  /// Appends the ids of one word, which is valid UTF-8 and not empty.
  func encode(_ word: UnsafeRawBufferPointer, queue: MergeQueue, into output: inout [Int32]) {
    switch self {
    case .bytePairs(let model): model.encode(word, queue: queue, into: &output)
    case .unigram(let model): model.encode(word, into: &output)
    case .scoredMerges(let model): model.encode(word, into: &output)
    }
  }
}

/// SentencePiece's merges by score, for words that are rewritten already.
struct ScoredMerging: Sendable {
  let vocabulary: Vocabulary
  private let merging: SentencePieceMerging
  private let unknownID: Int32?
  private let byteIDs: [Int32?]

  init(pieces: [SentencePieceModel.Piece], vocabulary: Vocabulary, unknownID: Int32?) {
    self.vocabulary = vocabulary
    self.unknownID = unknownID
    merging = SentencePieceMerging(
      pieces: pieces, vocabulary: vocabulary, userDefined: TokenSearch([]))
    byteIDs = (UInt8.min...UInt8.max).map { vocabulary.id(of: ByteToken.spelling(of: $0)) }
  }

  /// Appends the ids of one word; what has no piece is spelled by its bytes, or else is unknown.
  func encode(_ word: UnsafeRawBufferPointer, into output: inout [Int32]) {
    merging.segment(word.assumingMemoryBound(to: UInt8.self)) { range, id in
      if let id {
        output.append(id)
        return
      }
      for byte in word[range] {
        if let id = byteIDs[Int(byte)] ?? unknownID { output.append(id) }
      }
    }
  }
}
