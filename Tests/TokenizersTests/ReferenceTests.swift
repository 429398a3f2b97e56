import Platform
import TestSupport
import Testing
import Tokenizers

/// Every id and every decoded text is that of Hugging Face's `tokenizers` and of `sentencepiece`.
///
/// The expected values are made by `Fixtures/make_reference.py`.
struct ReferenceTests {
  @Test(arguments: [
    "llama3-split.json", "qwen2-split.json", "tiny-bpe.model", "tiny-unigram.model",
  ])
  func samplesOfCommittedTokenizers(name: String) throws {
    try checkSamples(name, Tokenizer.load(file: Fixture.path(name)))
  }

  @Test(.enabled(if: Fixture.demoTokenizer != nil))
  func samplesOfTheDemoTokenizer() throws {
    let path = try #require(Fixture.demoTokenizer)
    try checkSamples("demo", Tokenizer.load(file: path))
  }

  private func checkSamples(_ name: String, _ tokenizer: Tokenizer) throws {
    let samples = try Fixture.json("samples.json")
    let texts = try #require(samples.object?["texts"]?.array).compactMap(\.string)
    let expected = try #require(samples.object?["tokenizers"]?.object?[name]?.object)
    let ids = try #require(expected["ids"]?.array)
    let decoded = try #require(expected["decoded"]?.array)
    #expect(texts.count > 20 && ids.count == texts.count && decoded.count == texts.count)
    for (number, text) in texts.enumerated() {
      let wanted = try #require(ids[number].array).compactMap(\.integer).map { Int32($0) }
      let found = try tokenizer.encode(text)
      #expect(found == wanted, "\(name): \(text.debugDescription)")
      let back = tokenizer.decode(wanted, skippingSpecialTokens: false)
      // Byte for byte: `String` equality would take NFC and NFD for equal.
      #expect(Array(back.utf8) == Array(try #require(decoded[number].string).utf8))
    }
  }

  /// Whole texts of the shared material, told by the count and a hash of their ids.
  @Test(
    .enabled(if: SharedMaterial.has("data/text"), "\(SharedMaterial.without("data/text"))"),
    arguments: try Fixture.streams())
  func wholeTexts(stream: Fixture.Stream) throws {
    let path =
      stream.tokenizer.hasPrefix("Fixtures/")
      ? Fixture.path(String(stream.tokenizer.dropFirst(9)))
      : try #require(SharedMaterial.path("data/" + stream.tokenizer))
    let text = try Fixture.text(try #require(SharedMaterial.path("data/" + stream.text)))
    let tokenizer = try Tokenizer.load(file: path)
    let ids = try tokenizer.encode(utf8: text)
    #expect(ids.count == stream.count)
    #expect(Fixture.digest(ids) == stream.ids)
    let back = tokenizer.decode(ids, skippingSpecialTokens: false)
    #expect(Fixture.digest(Array(back.utf8)) == stream.decoded)
  }

  /// llama.cpp's own vectors: texts separated by a line, ids a line each, without special tokens.
  @Test(
    .enabled(
      if: SharedMaterial.has("data/gguf-vocab"), "\(SharedMaterial.without("data/gguf-vocab"))"),
    arguments: [
      ("gpt-2", "tokenizers/gpt2-tokenizer.json"),
      ("llama-spm", "tokenizers/llama2-tokenizer.model"),
    ])
  func llamaCppVectors(vocabulary: String, file: String) throws {
    let base = "data/gguf-vocab/ggml-vocab-\(vocabulary).gguf"
    let input = try Fixture.text(try #require(SharedMaterial.path(base + ".inp")))
    let output = try Fixture.text(try #require(SharedMaterial.path(base + ".out")))
    let tokenizer = try Tokenizer.load(file: try #require(SharedMaterial.path("data/" + file)))
    let texts = Fixture.split(input, at: "\n__ggml_vocab_test__\n")
    var lines = Fixture.split(output, at: "\n")
    while lines.count > texts.count, lines.last?.isEmpty == true { lines.removeLast() }
    #expect(texts.count > 40 && texts.count == lines.count)
    for (text, line) in zip(texts, lines) {
      let wanted = line.split(separator: 0x20).compactMap {
        Int32(String(decoding: $0, as: UTF8.self))
      }
      #expect(try tokenizer.encode(utf8: text) == wanted)
    }
  }
}
