/// Hugging Face's stages one after the other: added tokens, normalizer, pre-tokenizer, model,
/// post-processor; and the decoder for the way back.
struct HuggingFacePipeline: TokenizationPipeline {
  private let vocabulary: Vocabulary
  private let model: WordModel
  private let added: AddedVocabulary
  private let normalizer: Normalizer?
  private let preTokenizer: PreTokenizer?
  private let postProcessor: PostProcessor
  private let decoder: Decoder?
  let idLimit: Int

  init(_ file: TokenizerJSON) {
    self.init(
      model: file.model, added: file.added, normalizer: file.normalizer,
      preTokenizer: file.preTokenizer, postProcessor: file.postProcessor, decoder: file.decoder)
  }

  init(
    model: WordModel, added tokens: [AddedVocabulary.Token], normalizer: Normalizer?,
    preTokenizer: PreTokenizer?, postProcessor: PostProcessor, decoder: Decoder?
  ) {
    self.model = model
    vocabulary = model.vocabulary
    added = AddedVocabulary(tokens, normalizer: normalizer)
    self.normalizer = normalizer
    self.preTokenizer = preTokenizer
    self.postProcessor = postProcessor
    self.decoder = decoder
    idLimit = max(vocabulary.idLimit, tokens.map { Int($0.id) + 1 }.max() ?? 0)
  }

  var modelIDLimit: Int { vocabulary.idLimit }

  func encode(_ text: UnsafeBufferPointer<UInt8>, addSpecialTokens: Bool) -> [Int32] {
    var output: [Int32] = []
    output.reserveCapacity(text.count / 3 + 8)
    if addSpecialTokens { output += postProcessor.prefix }
    let work = Work()
    for part in added.split(text) {
      if let id = part.id {
        output.append(id)
      } else {
        let slice = UnsafeBufferPointer(rebasing: text[part.range])
        encode(slice, beginsText: part.range.lowerBound == 0, work, into: &output)
      }
    }
    if addSpecialTokens { output += postProcessor.suffix }
    return output
  }

  /// What one call keeps from word to word.
  private final class Work {
    let queue = MergeQueue()
    let cache = WordCache()
  }

  private func encode(
    _ text: UnsafeBufferPointer<UInt8>, beginsText: Bool, _ work: Work, into output: inout [Int32]
  ) {
    let raw = Array(text)
    let normalized = normalizer?.normalize(raw) ?? raw
    let parts = normalized.withUnsafeBufferPointer { added.split(normalized: $0) }
    for part in parts {
      if let id = part.id {
        output.append(id)
        continue
      }
      let isWhole = part.range == normalized.indices
      var words = PreTokenizer.Words(isWhole ? normalized : Array(normalized[part.range]))
      if let preTokenizer {
        words = preTokenizer.split(
          words, beginsText: beginsText && part.range.lowerBound == 0)
      }
      encode(words, work, into: &output)
    }
  }

  private func encode(
    _ words: PreTokenizer.Words, _ work: Work, into output: inout [Int32]
  ) {
    words.text.withUnsafeBytes { text in
      var start = 0
      for end in words.ends {
        let word = UnsafeRawBufferPointer(rebasing: text[start..<end])
        start = end
        if work.cache.append(word, to: &output) { continue }
        let before = output.count
        model.encode(word, queue: work.queue, into: &output)
        work.cache.learn(word, output[before...])
      }
    }
  }

  func token(_ id: Int32) -> [UInt8]? { added.byID[id]?.content ?? vocabulary.token(id) }

  func id(of token: [UInt8]) -> Int32? {
    vocabulary.id(of: token) ?? added.byID.values.first { $0.content == token }?.id
  }

  func isSpecial(_ id: Int32) -> Bool { added.isSpecial(id) }

  func decode(_ ids: [Int32], invalidBytes: Decoder.InvalidBytes) -> [UInt8] {
    let tokens = ids.compactMap { added.surface($0) ?? vocabulary.token($0) }
    // The reference's rule for a file without a decoder.
    guard let decoder else { return Array(tokens.joined(separator: [0x20])) }
    return Array(decoder.decode(tokens, invalidBytes: invalidBytes).joined())
  }
}
