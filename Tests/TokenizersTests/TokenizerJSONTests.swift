import Testing
import Tokenizers

/// Files that are wrong are refused with words, and never trap.
struct TokenizerJSONTests {
  private static let good = #"""
    {"added_tokens":[{"id":5,"content":"<s>","special":true}],
     "normalizer":{"type":"NFC"},
     "pre_tokenizer":{"type":"ByteLevel","add_prefix_space":false,"use_regex":true},
     "post_processor":{"type":"TemplateProcessing",
       "single":[{"SpecialToken":{"id":"<s>","type_id":0}},{"Sequence":{"id":"A","type_id":0}}],
       "special_tokens":{"<s>":{"id":"<s>","ids":[5],"tokens":["<s>"]}}},
     "decoder":{"type":"ByteLevel"},
     "model":{"type":"BPE","vocab":{"a":0,"b":1,"ab":2,"c":3,"abc":4},"merges":["a b",["ab","c"]]}}
    """#

  private static func read(_ text: String) throws -> Tokenizer {
    try Tokenizer(json: Array(text.utf8), file: "test.json")
  }

  private static func replacing(_ old: String, _ new: String) -> String {
    let parts = Fixture.split(Array(good.utf8), at: old)
    #expect(parts.count > 1, "the good file has no \(old)")
    return String(decoding: Array(parts.joined(separator: Array(new.utf8))), as: UTF8.self)
  }

  @Test func goodFile() throws {
    let tokenizer = try Self.read(Self.good)
    #expect(try tokenizer.encode("abcab", addSpecialTokens: true) == [5, 4, 2])
    #expect(tokenizer.vocabularySize == 6)
    #expect(tokenizer.bosID == 5)
    #expect(tokenizer.token(for: 4) == "abc")
    #expect(tokenizer.token(for: 6) == nil)
    #expect(tokenizer.token(for: -1) == nil)
    #expect(tokenizer.decode([5, 4, 99, -3]) == "abc")
    #expect(tokenizer.decode([5, 4], skippingSpecialTokens: false) == "<s>abc")
  }

  /// What stands in the good file, what takes its place, and the field that must be named.
  @Test(arguments: [
    (#""vocab":{"a":0,"#, #""vocab":{"a":-1,"#, "model.vocab"),
    (#""vocab":{"a":0,"#, #""vocab":{"a":4000000000,"#, "model.vocab"),
    (#""vocab":{"a":0,"#, #""vocab":{"a":99999999999999999999,"#, "model.vocab"),
    (#""vocab":{"a":0,"#, #""vocab":{"a":1,"#, "model.vocab"),
    (#""vocab":{"a":0,"#, #""vocab":{"a":1e0,"#, "model.vocab"),
    (#""vocab":{"a":0,"#, #""vocab":{"a":"0","#, "model.vocab"),
    (#""merges":["a b","#, #""merges":["a x","#, "model.merges[0]"),
    (#""merges":["a b","#, #""merges":["b a","#, "model.merges[0]"),
    (#""merges":["a b","#, #""merges":["a  b","#, "model.merges[0]"),
    (#""merges":["a b","#, #""merges":[7,"#, "model.merges[0]"),
    (#"["ab","c"]]"#, #"["ab","c","c"]]"#, "model.merges[1]"),
    (#""type":"BPE","#, #""type":"BPE","unk_token":"<none>","#, "model.unk_token"),
    (#""type":"BPE","#, #""type":"BPE","byte_fallback":1,"#, "model.byte_fallback"),
    (#"{"id":5,"content":"<s>""#, #"{"id":4,"content":"<s>""#, "added_tokens[0].id"),
    (#"{"id":5,"content":"<s>""#, #"{"id":9,"content":"abc""#, "added_tokens[0].id"),
    (#"{"id":5,"content":"<s>""#, #"{"id":4000000000,"content":"<s>""#, "added_tokens[0].id"),
    (#"{"id":5,"content":"<s>""#, #"{"id":5,"content":7"#, "added_tokens[0].content"),
    (#""ids":[5]"#, #""ids":[77]"#, "post_processor"),
    (#""ids":[5]"#, #""ids":["x"]"#, "post_processor.special_tokens.<s>.ids[0]"),
    (#""special_tokens":{"<s>""#, #""special_tokens":{"<t>""#, "post_processor.special_tokens.<s>"),
    (#"{"Sequence":{"id":"A","#, #"{"Sequence":{"id":"B","#, "post_processor.single[1]"),
    (#"{"type":"NFC"}"#, "3", "normalizer"),
  ])
  func wrongFields(old: String, new: String, field: String) throws {
    let error = try #require(throws: TokenizerError.self) {
      try Self.read(Self.replacing(old, new))
    }
    guard case .malformed("test.json", let named, _, _) = error else {
      Issue.record("\(error)")
      return
    }
    #expect(named.hasPrefix(field), "\(error)")
    #expect("\(error)".contains("expected"))
  }

  @Test(arguments: [
    (#"{"type":"NFC"}"#, #"{"type":"BertNormalizer"}"#, "normalizer.type"),
    (#""type":"BPE""#, #""type":"WordPiece""#, "model.type"),
    (#"{"type":"ByteLevel","add"#, #"{"type":"Whitespace","add"#, "pre_tokenizer.type"),
    (#""decoder":{"type":"ByteLevel"}"#, #""decoder":{"type":"CTC"}"#, "decoder.type"),
    (#""type":"BPE","#, #""type":"BPE","dropout":0.1,"#, "model.dropout"),
    (
      #"{"type":"ByteLevel","add_prefix_space":false,"use_regex":true}"#,
      #"{"type":"Split","behavior":"Isolated","invert":false,"pattern":{"Regex":"(a+)+\\b"}}"#,
      "pre_tokenizer.pattern.Regex"
    ),
  ])
  func unsupportedStages(old: String, new: String, field: String) throws {
    let error = try #require(throws: TokenizerError.self) {
      try Self.read(Self.replacing(old, new))
    }
    guard case .unsupported("test.json", field, _) = error else {
      Issue.record("\(error)")
      return
    }
  }

  @Test func unknownPatternIsShown() throws {
    let text = Self.replacing(
      #"{"type":"ByteLevel","add_prefix_space":false,"use_regex":true}"#,
      #"{"type":"Split","behavior":"Isolated","invert":false,"pattern":{"Regex":"(a+)+\\b"}}"#)
    let error = try #require(throws: TokenizerError.self) { try Self.read(text) }
    #expect("\(error)".contains(#"(a+)+\b"#))
  }

  @Test func everyTruncationIsAnError() {
    let whole = Array(Self.good.utf8)
    for count in 0..<whole.count {
      #expect(throws: TokenizerError.self) {
        try Tokenizer(json: Array(whole[..<count]), file: "test.json")
      }
    }
  }

  /// No byte of a file, whatever it becomes, stops the program.
  @Test func everyDamagedByteIsSurvived() {
    let whole = Array(Self.good.utf8)
    var refused = 0
    for position in whole.indices {
      for value in [UInt8(0), 0x22, 0x2d, 0x39, 0x5d, 0x7b, 0x80, 0xff] {
        var damaged = whole
        damaged[position] = value
        // Many changes leave a good file; the others must be errors, and none a trap.
        if let tokenizer = try? Tokenizer(json: damaged, file: "test.json") {
          #expect((try? tokenizer.encode("abc ab\u{0}", addSpecialTokens: true)) != nil)
        } else {
          refused += 1
        }
      }
    }
    #expect(refused > whole.count)
  }

  @Test(arguments: [
    #"{"model":{},"model":{}}"#, "[]", "null", "{}", "", "\u{FEFF}{}",
    String(repeating: #"{"normalizer":"#, count: 100_000),
    #"{"model":{"vocab":{"\ud800":0},"merges":[]}}"#,
    #"{"model":{"vocab":{"a":0,"a":1},"merges":[]}}"#,
  ])
  func notATokenizer(text: String) {
    #expect(throws: TokenizerError.self) { try Self.read(text) }
  }

  @Test func nestedStagesAreBounded() {
    let deep =
      String(repeating: #"{"type":"Sequence","normalizers":["#, count: 10_000)
      + String(repeating: "]}", count: 10_000)
    #expect(throws: TokenizerError.self) {
      try Self.read(Self.replacing(#"{"type":"NFC"}"#, deep))
    }
  }

  @Test func missingFilesAreNamed() throws {
    let error = try #require(throws: TokenizerError.self) {
      try Tokenizer.load(directory: "/nonexistent")
    }
    #expect("\(error)".contains("tokenizer.json"))
    #expect(throws: TokenizerError.self) { try Tokenizer.load(file: "/nonexistent.json") }
  }
}
