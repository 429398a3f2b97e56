import Testing
import Tokenizers

struct StreamingDecoderTests {
  private static func stream(_ tokenizer: Tokenizer, _ ids: [Int32]) -> [String] {
    var decoder = StreamingDecoder(tokenizer)
    var pieces = ids.map { decoder.append($0) }
    pieces.append(decoder.finish())
    return pieces
  }

  /// The pieces together are what decoding all at once gives, and no piece ends inside a character.
  @Test(arguments: [
    "llama3-split.json", "qwen2-split.json", "tiny-bpe.model", "tiny-unigram.model",
  ])
  func piecesMakeTheWhole(name: String) throws {
    let tokenizer = try Tokenizer.load(file: Fixture.path(name))
    let samples = try Fixture.samples()
    try #require(samples.count > 10)
    for entry in samples {
      let ids = try tokenizer.encode(entry)
      let pieces = Self.stream(tokenizer, ids)
      #expect(pieces.joined().utf8.elementsEqual(tokenizer.decode(ids).utf8))
      if !entry.contains("\u{FFFD}") {
        #expect(!pieces.joined().contains("\u{FFFD}"))
      }
    }
  }

  @Test func bytesOfACharacterAreHeldBack() throws {
    let tokenizer = try Fixture.tokenizer(
      vocab: #""<0xF0>":0,"<0x9F>":1,"<0x98>":2,"<0x80>":3,"a":4"#,
      model: #""byte_fallback":true,"#,
      stages:
        #""decoder":{"type":"Sequence","decoders":[{"type":"ByteFallback"},{"type":"Fuse"}]},"#)
    #expect(Self.stream(tokenizer, [4, 0, 1, 2, 3, 4]) == ["a", "", "", "", "😀", "a", ""])
    // Cut short by another character, and by the end.
    #expect(Self.stream(tokenizer, [0, 1, 4]) == ["", "", "\u{FFFD}a", ""])
    #expect(Self.stream(tokenizer, [4, 0, 1]) == ["a", "", "", "\u{FFFD}"])
    #expect(tokenizer.decodeBytes([0, 1, 4]) == [0xf0, 0x9f, 0x61])
    // As in the reference: one mark a byte.
    #expect(tokenizer.decode([0, 1, 4]) == "\u{FFFD}\u{FFFD}a")
  }

  /// Only the first blank of the text goes, also when blanks follow one another.
  @Test func leadingBlank() throws {
    let tokenizer = try Fixture.tokenizer(
      vocab: #""\u2581":0,"\u2581a":1,"b":2"#,
      stages: """
        "decoder":{"type":"Sequence","decoders":[
          {"type":"Replace","pattern":{"String":"\\u2581"},"content":" "},
          {"type":"Fuse"},{"type":"Strip","content":" ","start":1,"stop":0}]},
        """)
    #expect(Self.stream(tokenizer, [1, 1, 2, 0, 1]) == ["a", " a", "b", " ", " a", ""])
    let blanks = [Int32](repeating: 0, count: 500)
    #expect(Self.stream(tokenizer, blanks + [1]).joined() == tokenizer.decode(blanks + [1]))
  }

  @Test func specialAndUnknownIDsAddNothing() throws {
    let tokenizer = try Fixture.tokenizer(
      vocab: #""a":0,"b":1"#, added: #"{"id":2,"content":"<s>","special":true}"#,
      stages: #""decoder":{"type":"Fuse"},"#)
    #expect(Self.stream(tokenizer, [2, 0, 2, 77, -1, 1]) == ["", "a", "", "", "", "b", ""])
  }
}
