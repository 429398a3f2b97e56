/// A tokenizer.model, ready to run.
struct SentencePiecePipeline: TokenizationPipeline {
  /// Which special tokens are put around a text; Llama's convention is the beginning alone.
  struct Ends: Sendable {
    var addsBOS = true
    var addsEOS = false
  }

  private enum Segmentation: Sendable {
    case merging(SentencePieceMerging)
    case unigram(UnigramSegmentation)
  }

  private let model: SentencePieceModel
  private let vocabulary: Vocabulary
  private let normalizer: SentencePieceNormalizer
  private let segmentation: Segmentation
  /// The id of each byte's piece, for characters without a piece.
  private let byteIDs: [Int32]
  private let ends: Ends

  var idLimit: Int { model.pieces.count }
  var modelIDLimit: Int { idLimit }

  /// - Throws: `TokenizerError.malformed` when a piece is there twice or the character map is none.
  init(_ model: SentencePieceModel, ends: Ends = Ends()) throws(TokenizerError) {
    self.model = model
    self.ends = ends
    let vocabulary = try Vocabulary(
      model.pieces.enumerated().map { ($1.text, $0) }, file: model.file, field: "pieces")
    self.vocabulary = vocabulary
    let userDefined = TokenSearch(
      model.pieces.enumerated().filter { $1.kind == .userDefined }.map {
        AddedVocabulary.Token(content: $1.text, id: Int32(truncatingIfNeeded: $0))
      })
    normalizer = try SentencePieceNormalizer(
      model.normalization, userDefined: userDefined, file: model.file)
    switch model.algorithm {
    case .bytePairEncoding:
      segmentation = .merging(
        SentencePieceMerging(
          pieces: model.pieces, vocabulary: vocabulary, userDefined: userDefined))
    case .unigram:
      segmentation = .unigram(UnigramSegmentation(model.pieces))
    }
    byteIDs = (UInt8.min...UInt8.max).map {
      vocabulary.id(of: ByteToken.spelling(of: $0)) ?? model.unknownID
    }
  }

  func encode(_ text: UnsafeBufferPointer<UInt8>, addSpecialTokens: Bool) -> [Int32] {
    var output: [Int32] = []
    output.reserveCapacity(text.count / 3 + 2)
    if addSpecialTokens, ends.addsBOS, let bos = model.bosID { output.append(bos) }
    normalizer.normalize(text).withUnsafeBufferPointer { text in
      // Neighbouring unknown pieces become one.
      var followsUnknown = false
      func take(_ range: Range<Int>, _ id: Int32?) {
        let id = id ?? model.unknownID
        let isUnknown = id == model.unknownID
        if isUnknown, model.fallsBackToBytes {
          for byte in text[range] { output.append(byteIDs[Int(byte)]) }
        } else if !isUnknown || !followsUnknown {
          output.append(id)
        }
        followsUnknown = isUnknown
      }
      switch segmentation {
      case .merging(let merging): merging.segment(text, take)
      case .unigram(let unigram): unigram.segment(text, take)
      }
    }
    if addSpecialTokens, ends.addsEOS, let eos = model.eosID { output.append(eos) }
    return output
  }

  func decode(_ ids: [Int32], invalidBytes: Decoder.InvalidBytes) -> [UInt8] {
    let settings = model.normalization
    var output: [UInt8] = []
    var run: [UInt8] = []
    // Blanks at the beginning are those that encoding put there.
    var dropsBlank = settings.addsDummyPrefix || settings.removesExtraSpace
    var hasDroppedBlank = false
    for id in ids where id >= 0 && Int(id) < model.pieces.count {
      let piece = model.pieces[Int(id)]
      if piece.kind == .byte {
        run.append(ByteToken.byte(spelledBy: piece.text) ?? 0)
        continue
      }
      Self.flush(&run, into: &output, invalidBytes)
      if hasDroppedBlank || !output.isEmpty { dropsBlank = false }
      hasDroppedBlank = false
      switch piece.kind {
      case .control: continue
      case .unknown: output += model.unknownSurface
      case .normal, .userDefined, .unused, .byte:
        var text = piece.text[...]
        if dropsBlank, text.starts(with: SentencePieceNormalizer.space) {
          text = text.dropFirst(SentencePieceNormalizer.space.count)
          // Where encoding removed blanks, all at the beginning go.
          hasDroppedBlank = !settings.removesExtraSpace
        }
        output += ByteReplacement.replace(
          SentencePieceNormalizer.space, with: [0x20], in: Array(text))
      }
    }
    Self.flush(&run, into: &output, invalidBytes)
    return output
  }

  /// Moves a run of byte pieces to the text; as in the reference each wrong byte becomes U+FFFD.
  private static func flush(
    _ run: inout [UInt8], into output: inout [UInt8], _ invalidBytes: Decoder.InvalidBytes
  ) {
    guard !run.isEmpty else { return }
    run.withUnsafeBufferPointer { run in
      var position = 0
      while position < run.count {
        var length = 1
        if case .complete(let found) = UTF8Validation.character(in: run, at: position) {
          length = found
          output += run[position..<position + length]
        } else if invalidBytes == .kept {
          output.append(run[position])
        } else {
          output += "\u{FFFD}".utf8
        }
        position += length
      }
    }
    run = []
  }

  func token(_ id: Int32) -> [UInt8]? {
    id >= 0 && Int(id) < model.pieces.count ? model.pieces[Int(id)].text : nil
  }

  func id(of token: [UInt8]) -> Int32? { vocabulary.id(of: token) }

  func isSpecial(_ id: Int32) -> Bool {
    guard id >= 0, Int(id) < model.pieces.count else { return false }
    return model.pieces[Int(id)].kind == .control
  }
}
