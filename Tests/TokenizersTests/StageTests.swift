import Testing
import Tokenizers

/// The stages of a tokenizer.json one by one.
struct StageTests {
  /// Every word that is known is one id, so that ids show where words begin and end.
  private static func words(
    _ words: [String], stages: String, added: String = ""
  ) throws -> Tokenizer {
    let vocab = words.enumerated().map { "\"\($1)\":\($0 + 1)" }.joined(separator: ",")
    return try Fixture.tokenizer(
      vocab: "\"<unk>\":0," + vocab, added: added,
      model: #""unk_token":"<unk>","fuse_unk":true,"ignore_merges":true,"#, stages: stages)
  }

  @Test func metaspaceSchemes() throws {
    func ids(_ scheme: String, splits: Bool) throws -> [Int32] {
      try Self.words(
        ["▁ab", "ab", "▁ab▁ab", "ab▁ab", "<m>"],
        stages: """
          "pre_tokenizer":{"type":"Metaspace","replacement":"▁","prepend_scheme":"\(scheme)",
          "split":\(splits)},
          """, added: #"{"id":5,"content":"<m>","special":true}"#
      ).encode("ab ab<m>ab")
    }
    #expect(try ids("always", splits: true) == [1, 1, 5, 1])
    #expect(try ids("first", splits: true) == [1, 1, 5, 2])
    #expect(try ids("never", splits: true) == [2, 1, 5, 2])
    #expect(try ids("first", splits: false) == [3, 5, 2])
    #expect(try ids("never", splits: false) == [4, 5, 2])
  }

  @Test func digits() throws {
    let single = try Self.words(
      ["1", "2", "12", "a", "b "],
      stages: #""pre_tokenizer":{"type":"Digits","individual_digits":true},"#)
    #expect(try single.encode("a12b ") == [4, 1, 2, 5])
    let together = try Self.words(
      ["1", "2", "12", "a", "b "],
      stages: #""pre_tokenizer":{"type":"Digits","individual_digits":false},"#)
    #expect(try together.encode("a12b ") == [4, 3, 5])
  }

  @Test(arguments: [
    ("Isolated", [1, 2, 2, 3] as [Int32]), ("MergedWithPrevious", [4, 2, 3]),
    ("MergedWithNext", [1, 2, 5]),
  ])
  func literalSplit(behavior: String, wanted: [Int32]) throws {
    let tokenizer = try Self.words(
      ["a", "-", "b", "a-", "-b"],
      stages: """
        "pre_tokenizer":{"type":"Split","pattern":{"String":"-"},"behavior":"\(behavior)",
        "invert":false},
        """)
    #expect(try tokenizer.encode("a--b") == wanted)
  }

  @Test func normalizers() throws {
    let tokenizer = try Self.words(
      ["▁\u{e9}x"],
      stages: """
        "normalizer":{"type":"Sequence","normalizers":[{"type":"NFC"},{"type":"Lowercase"},
        {"type":"Strip","strip_left":true,"strip_right":true},{"type":"Prepend","prepend":"▁"},
        {"type":"Replace","pattern":{"String":"--"},"content":"x"}]},
        """)
    #expect(try tokenizer.encode(" \t E\u{301}-- \n") == [1])
    #expect(try tokenizer.encode("") == [])
  }

  @Test func addedTokens() throws {
    func ids(_ text: String, _ flags: String) throws -> [Int32] {
      try Self.words(
        ["a", "b", " a", "a ", "<m", " "], stages: "",
        added: #"{"id":7,"content":"<m>",\#(flags)"special":true}"#
      ).encode(text)
    }
    #expect(try ids("a <m> a", "") == [4, 7, 3])
    #expect(try ids("a <m> a", #""lstrip":true,"#) == [1, 7, 3])
    #expect(try ids("a <m> a", #""rstrip":true,"#) == [4, 7, 1])
    #expect(try ids("a<m>a", #""single_word":true,"#) == [1, 0, 1])
    #expect(try ids("<m><m>", #""single_word":true,"#) == [7, 7])
    #expect(try ids("<m> \t\n <m>", #""lstrip":true,"rstrip":true,"#) == [7, 7])
    #expect(try ids("<m", "") == [5])
  }

  /// A walk through all blanks at every token would not come back from this.
  @Test func addedTokensAmongAMillionBlanks() throws {
    let count = 1_000_000
    for flag in ["lstrip", "rstrip"] {
      let tokenizer = try Fixture.tokenizer(
        vocab: #""a":0"#, added: #"{"id":1,"content":"\n","\#(flag)":true}"#)
      let blanks = [UInt8](repeating: 0x0a, count: count)
      let ids = try tokenizer.encode(utf8: blanks)
      #expect(ids == [Int32](repeating: 1, count: count))
    }
  }

  @Test func longestAddedTokenFirst() throws {
    let tokenizer = try Self.words(
      ["x", "a", "abc"], stages: "",
      added: """
        {"id":4,"content":"ab"},{"id":5,"content":"abcd"},{"id":6,"content":"bcde"},
        {"id":7,"content":"c"}
        """)
    #expect(try tokenizer.encode("abcde") == [5, 0])
    #expect(try tokenizer.encode("abcx") == [4, 7, 1])
    #expect(try tokenizer.encode("xbcde") == [1, 6])
  }

  /// A token that is sought in normalized text is itself normalized first.
  @Test func normalizedAddedToken() throws {
    func ids(_ isNormalized: Bool) throws -> [Int32] {
      try Self.words(
        ["a", "tok"], stages: #""normalizer":{"type":"Lowercase"},"#,
        added: #"{"id":3,"content":"TOK","normalized":\#(isNormalized)}"#
      ).encode("aTokTOK")
    }
    #expect(try ids(true) == [1, 3, 3])
    #expect(try ids(false) == [1, 0, 3])
  }

  @Test func templatesOneInTheOther() throws {
    let tokenizer = try Fixture.tokenizer(
      vocab: #""a":0"#,
      added: #"{"id":1,"content":"<s>","special":true},{"id":2,"content":"</s>","special":true}"#,
      stages: """
        "post_processor":{"type":"Sequence","processors":[
          {"type":"ByteLevel","trim_offsets":false},
          {"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"<s>","type_id":0}},
            {"Sequence":{"id":"A","type_id":0}},{"SpecialToken":{"id":"</s>","type_id":0}}],
           "special_tokens":{"<s>":{"ids":[1]},"</s>":{"ids":[2]}}}]},
        """)
    #expect(try tokenizer.encode("a", addSpecialTokens: true) == [1, 0, 2])
    #expect(try tokenizer.encode("a") == [0])
    #expect(try tokenizer.encode("", addSpecialTokens: true) == [1, 2])
  }

  @Test func decoders() throws {
    func text(_ decoder: String, _ ids: [Int32]) throws -> String {
      try Fixture.tokenizer(
        vocab: #""▁a":0,"▁":1,"b":2,"<0xC3>":3,"<0xA9>":4,"Ġ":5,"<0x-1>":6"#,
        stages: "\"decoder\":\(decoder),"
      ).decode(ids)
    }
    #expect(try text("null", [0, 2]) == "▁a b")
    #expect(try text(#"{"type":"Fuse"}"#, [0, 2, 6]) == "▁ab<0x-1>")
    #expect(
      try text(#"{"type":"Metaspace","replacement":"▁","prepend_scheme":"always"}"#, [0, 0, 1])
        == "a a ")
    #expect(
      try text(#"{"type":"Metaspace","replacement":"▁","prepend_scheme":"never"}"#, [0, 0])
        == " a a")
    #expect(try text(#"{"type":"ByteFallback"}"#, [2, 3, 4, 2]) == "béb")
    #expect(try text(#"{"type":"ByteFallback"}"#, [3, 4, 3]) == "\u{FFFD}\u{FFFD}\u{FFFD}")
    #expect(try text(#"{"type":"ByteLevel"}"#, [5, 2, 0]) == " b▁a")
    #expect(
      try text(#"{"type":"Strip","content":"b","start":2,"stop":9}"#, [2, 0]) == "▁a")
  }
}
