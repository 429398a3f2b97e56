import Testing
import Tokenizers

struct TokenizerTests {
  @Test func vocabularySizeOfTheModel() throws {
    let tokenizer = try Fixture.tokenizer(
      vocab: #""a":0,"b":1"#, added: #"{"id":7,"content":"<s>","special":true}"#)
    #expect(tokenizer.vocabularySize == 8)
    try tokenizer.check(vocabularySize: 8)
    // Padded embeddings.
    try tokenizer.check(vocabularySize: 64)
    #expect(throws: TokenizerError.vocabularyMismatch(tokenizer: 8, model: 7)) {
      try tokenizer.check(vocabularySize: 7)
    }
  }

  @Test func endsOfAText() throws {
    let tokenizer = try Fixture.tokenizer(
      vocab: #""a":0"#,
      added: """
        {"id":1,"content":"<s>","special":true},{"id":2,"content":"</s>","special":true}
        """)
    #expect(tokenizer.bosID == 1 && tokenizer.eosID == 2)
    #expect(tokenizer.isSpecial(1) && !tokenizer.isSpecial(0))
    let replaced = tokenizer.replacing(eosID: 0)
    #expect(replaced.bosID == 1 && replaced.eosID == 0)
    // A plain token of such a name is none.
    #expect(try Fixture.tokenizer(vocab: #""a":0,"<s>":1"#).bosID == nil)
  }

  @Test(.enabled(if: Fixture.demoTokenizer != nil))
  func demoTokenizer() throws {
    let tokenizer = try Tokenizer.load(file: try #require(Fixture.demoTokenizer))
    #expect(tokenizer.vocabularySize == 2048)
    #expect(tokenizer.bosID == 0 && tokenizer.eosID == 0)
    #expect(tokenizer.token(for: 0) == "<|endoftext|>")
    #expect(try tokenizer.encode("<|endoftext|>The").first == 0)
  }
}
