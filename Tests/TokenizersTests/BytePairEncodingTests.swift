import Testing
import Tokenizers

struct BytePairEncodingTests {
  private static let vocab = #""<unk>":0,"a":1,"b":2,"c":3,"ab":4,"bc":5,"abc":6,"aa":7,"aaaa":8"#

  private static func tokenizer(_ merges: String, model: String = "") throws -> Tokenizer {
    try Fixture.tokenizer(vocab: vocab, merges: merges, model: model)
  }

  @Test func lowestRankFirst() throws {
    #expect(try Self.tokenizer(#""b c","a b""#).encode("abc") == [1, 5])
    #expect(try Self.tokenizer(#""a b","b c""#).encode("abc") == [4, 3])
    #expect(try Self.tokenizer(#""a b","b c","ab c""#).encode("abcab") == [6, 4])
  }

  @Test func leftmostOfEqualRanks() throws {
    #expect(try Self.tokenizer(#""a a""#).encode("aaa") == [7, 1])
    #expect(try Self.tokenizer(#""a a","aa aa""#).encode("aaaaaaa") == [8, 7, 1])
  }

  /// Of a pair that is there twice the later rank holds, as in the reference.
  @Test func laterMergeHolds() throws {
    #expect(try Self.tokenizer(#""a b","b c","a b""#).encode("abc") == [1, 5])
  }

  @Test func unknownCharacters() throws {
    #expect(try Self.tokenizer("").encode("axyb") == [1, 2])
    let single = try Self.tokenizer("", model: #""unk_token":"<unk>","fuse_unk":false,"#)
    #expect(try single.encode("axyb") == [1, 0, 0, 2])
    let fused = try Self.tokenizer("", model: #""unk_token":"<unk>","fuse_unk":true,"#)
    #expect(try fused.encode("axyb가") == [1, 0, 2, 0])
  }

  @Test func byteFallback() throws {
    let tokenizer = try Fixture.tokenizer(
      vocab: #""<unk>":0,"a":1,"<0xC3>":2,"<0xA9>":3"#,
      model: #""unk_token":"<unk>","byte_fallback":true,"#)
    #expect(try tokenizer.encode("aéa") == [1, 2, 3, 1])
    // One byte of U+00E8 has no token.
    #expect(try tokenizer.encode("aèa") == [1, 0, 1])
  }

  @Test func wholeWordsBeforeMerges() throws {
    let merged = try Fixture.tokenizer(vocab: #""a":0,"b":1,"ba":2"#)
    #expect(try merged.encode("ba") == [1, 0])
    let whole = try Fixture.tokenizer(
      vocab: #""a":0,"b":1,"ba":2"#, model: #""ignore_merges":true,"#)
    #expect(try whole.encode("ba") == [2])
  }

  @Test func prefixAndSuffix() throws {
    let tokenizer = try Fixture.tokenizer(
      vocab: ###""a":0,"##b":1,"##b</w>":2,"a</w>":3,"ab</w>":4"###,
      merges: ###"["a","##b</w>"]"###,
      model: ###""continuing_subword_prefix":"##","end_of_word_suffix":"</w>","###)
    #expect(try tokenizer.encode("a") == [3])
    #expect(try tokenizer.encode("abb") == [0, 1, 2])
    #expect(try tokenizer.encode("ab") == [4])
  }

  /// Canonically equivalent spellings are two tokens.
  @Test func keysAreBytes() throws {
    let tokenizer = try Fixture.tokenizer(
      vocab: #""\u00e9":0,"e":1,"\u0301":2,"e\u0301":3"#, merges: #""e \u0301""#)
    #expect(try tokenizer.encode("\u{e9}e\u{301}") == [0, 3])
    #expect(tokenizer.id(of: "e\u{301}") == 3)
    #expect(tokenizer.id(of: "\u{e9}") == 0)
  }

  /// A quadratic algorithm would not come back from this.
  @Test func oneWordOfTenMillionBytes() throws {
    let count = 10_000_001
    let text = [UInt8](repeating: UInt8(ascii: "a"), count: count)
    let ids = try Self.tokenizer(#""a a","aa aa""#).encode(utf8: text)
    #expect(ids.count == count / 4 + 1)
    #expect(ids.first == 8 && ids.last == 1)
  }
}
