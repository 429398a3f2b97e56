import Platform
import TestSupport
import Testing
import Tokenizers

/// `Unigram` models of a tokenizer.json: ids and decoded texts are Hugging Face's.
///
/// Fixtures are made by `Tests/Peers/tokenizer_reference.py`.
struct UnigramTests {
  @Test(arguments: ["tiny-unigram.json", "tiny-unigram-bytes.json"])
  func agreesWithTheReference(name: String) throws {
    let tokenizer = try Tokenizer.load(file: Fixture.path(name))
    let expected = try #require(try Fixture.json("unigram-ids.json").object?[name]?.object)
    let texts = try #require(expected["texts"]?.array).compactMap(\.string)
    let ids = try #require(expected["ids"]?.array)
    let decoded = try #require(expected["decoded"]?.array)
    #expect(texts.count > 20 && texts.count == ids.count)
    for (number, text) in texts.enumerated() {
      let wanted = try #require(ids[number].array).compactMap(\.integer).map { Int32($0) }
      #expect(try tokenizer.encode(text) == wanted, "\(text.debugDescription)")
      let back = tokenizer.decode(wanted, skippingSpecialTokens: false)
      #expect(Array(back.utf8) == Array(try #require(decoded[number].string).utf8))
    }
  }

  private static func read(_ model: String) throws -> Tokenizer {
    try Tokenizer(
      json: Array(#"{"model":{"type":"Unigram",\#(model)}}"#.utf8), file: "test.json")
  }

  @Test func bestSumAndUnknownRuns() throws {
    let tokenizer = try Self.read(
      #""unk_id":0,"vocab":[["<unk>",0],["a",-3],["b",-3],["ab",-5],["ba",-1],["aba",-9]]"#)
    #expect(try tokenizer.encode("aba") == [1, 4])
    #expect(try tokenizer.encode("ab") == [3])
    #expect(try tokenizer.encode("a가나b") == [1, 0, 2])
    let silent = try Self.read(#""unk_id":null,"vocab":[["a",-3]]"#)
    #expect(try silent.encode("xax") == [0])
  }

  @Test(arguments: [
    #""vocab":[["a"]]"#, #""vocab":[["a","b"]]"#, #""vocab":[["a",-1],["a",-2]]"#, #""vocab":{}"#,
    #""unk_id":2,"vocab":[["a",-1]]"#, #""unk_id":-1,"vocab":[["a",-1]]"#,
  ])
  func wrongModels(model: String) {
    #expect(throws: TokenizerError.self) { try Self.read(model) }
  }

  /// Ids of whole texts by the tokenizers next to them.
  @Test(.enabled(if: SharedMaterial.has("cases/tekken-pattern")))
  func casesOfOtherTools() throws {
    let cases = try #require(try Fixture.json("cases.json").array)
    #expect(cases.count == 4)
    for entry in cases {
      let entry = try #require(entry.object)
      let name = try #require(entry["case"]?.string)
      let folder = try #require(SharedMaterial.path("cases/\(name)"))
      let tokenizer = try Tokenizer.load(directory: folder)
      let ids = try tokenizer.encode(utf8: Fixture.text(folder + "/text.txt"))
      #expect(ids.count == entry["count"]?.integer, "\(name)")
      #expect(Fixture.digest(ids) == entry["ids"]?.string, "\(name)")
    }
  }
}
