import TestSupport
import Testing
import Tokenizers

/// What stands next to a tokenizer's own file.
struct TokenizerConfigTests {
  private static let model = """
    {"added_tokens":[{"id":2,"content":"<s>","special":true},{"id":3,"content":"<x>","special":true}],
     "model":{"type":"BPE","vocab":{"a":0,"b":1},"merges":[]}}
    """

  private static func load(
    _ config: String?, template: String? = nil
  ) throws -> Tokenizer {
    let folder = try TemporaryFolder()
    _ = try folder.file("tokenizer.json", Array(model.utf8))
    if let config { _ = try folder.file("tokenizer_config.json", Array(config.utf8)) }
    if let template { _ = try folder.file("chat_template.jinja", Array(template.utf8)) }
    return try withExtendedLifetime(folder) { try Tokenizer.load(directory: folder.path) }
  }

  @Test func templates() throws {
    #expect(try Self.load(nil).templates.isEmpty)
    let alone = try Self.load(#"{"chat_template":"one"}"#)
    #expect(alone.templates == ChatTemplates(standard: "one"))
    let several = try Self.load(
      #"{"chat_template":[{"name":"default","template":"d"},{"name":"tool_use","template":"t"}]}"#)
    #expect(several.templates == ChatTemplates(standard: "d", named: ["tool_use": "t"]))
    // The file goes before what the configuration holds.
    let file = try Self.load(#"{"chat_template":"one"}"#, template: "two\n")
    #expect(file.templates == ChatTemplates(standard: "two\n"))
    #expect(file.replacing(eosID: 1).templates.standard == "two\n")
  }

  @Test(arguments: [
    #"{"chat_template":7}"#, #"{"chat_template":[{"name":"x"}]}"#, #"{"bos_token":7}"#, "[]",
  ])
  func wrongFields(config: String) {
    #expect(throws: TokenizerError.self) { try Self.load(config) }
  }

  @Test func endsOfAText() throws {
    #expect(try Self.load(nil).bosID == 2)
    #expect(try Self.load(#"{"bos_token":"<x>"}"#).bosID == 3)
    #expect(try Self.load(#"{"bos_token":{"content":"<x>"},"eos_token":"b"}"#).eosID == 1)
    #expect(try Self.load(#"{"bos_token":null}"#).bosID == 2)
  }

  @Test(.enabled(if: SharedMaterial.has("cases/chat-template-file")))
  func templateOfACase() throws {
    let folder = try #require(SharedMaterial.path("cases/chat-template-file"))
    let text = String(decoding: try Fixture.text(folder + "/chat_template.jinja"), as: UTF8.self)
    #expect(try Tokenizer.load(directory: folder).templates.standard == text)
  }

  /// An added token without a row in the model harms only a text that holds it.
  @Test func addedTokensBeyondTheModel() throws {
    let tokenizer = try Self.load(nil)
    #expect(tokenizer.addedTokens(beyond: 4) == [])
    #expect(tokenizer.addedTokens(beyond: 3) == [3])
    let fitted = try tokenizer.fitted(vocabularySize: 3)
    #expect(try fitted.encode("ab<s>") == [0, 1, 2])
    #expect(try fitted.replacing(bosID: 0).encode(utf8: Array("b".utf8)) == [1])
    let error = #expect(throws: TokenizerError.self) { try fitted.encode("a<x>") }
    #expect(error == .idBeyondModel(token: "<x>", id: 3, model: 3))
    #expect(error.map { "\($0)".contains("<x>") } == true)
    // Tokens of the vocabulary itself cannot be missing.
    #expect(throws: TokenizerError.vocabularyMismatch(tokenizer: 2, model: 1)) {
      try tokenizer.fitted(vocabularySize: 1)
    }
  }
}
