import Platform
import TestSupport
import Testing
import Tokenizers

/// Splitting patterns cut where Hugging Face's `tokenizers` (Oniguruma) does.
///
/// `Fixtures/split-patterns.json` is made by `Tests/Peers/tokenizer_reference.py`.
struct SplitPatternTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var name: String
    var stages: String
    var ends: [[Int]]
    var testDescription: String { name }
  }

  static func cases() throws -> [Case] {
    let root = try #require(try Fixture.json("split-patterns.json").object)
    return try #require(root["patterns"]?.array).map { entry in
      let entry = try #require(entry.object)
      return Case(
        name: try #require(entry["name"]?.string), stages: try #require(entry["stages"]?.text()),
        ends: try #require(entry["ends"]?.array).map {
          try #require($0.array).compactMap(\.integer)
        })
    }
  }

  private static func texts() throws -> [String] {
    let root = try #require(try Fixture.json("split-patterns.json").object)
    return try #require(root["texts"]?.array).compactMap(\.string)
  }

  /// A tokenizer whose ids are bytes, 256 higher for the last of a word: ids tell all ends.
  private static func cutting(_ stages: String) throws -> Tokenizer {
    var members: [String] = []
    var next: UInt32 = 0x100
    for byte in UInt32(0)...255 {
      var scalar = byte
      switch byte {
      case 0x21...0x7e, 0xa1...0xac, 0xae...0xff: break
      default:
        scalar = next
        next += 1
      }
      let spelled = String(Character(try #require(Unicode.Scalar(scalar))))
      members.append("\(StrictJSON.quoted(spelled)):\(byte)")
      members.append("\(StrictJSON.quoted(spelled + "</w>")):\(byte + 256)")
    }
    return try Fixture.tokenizer(
      vocab: members.joined(separator: ","), model: #""end_of_word_suffix":"</w>","#,
      stages: """
        "pre_tokenizer":{"type":"Sequence","pretokenizers":[{"type":"Sequence","pretokenizers":\(stages)},
        {"type":"ByteLevel","add_prefix_space":false,"use_regex":false}]},
        """)
  }

  private static func ends(_ ids: [Int32]) -> [Int] {
    ids.enumerated().filter { $0.element >= 256 }.map { $0.offset + 1 }
  }

  @Test(arguments: try Self.cases())
  func cutsAsTheReference(pattern: Case) throws {
    let tokenizer = try Self.cutting(pattern.stages)
    let texts = try Self.texts()
    #expect(texts.count == pattern.ends.count && texts.count > 20)
    for (text, wanted) in zip(texts, pattern.ends) {
      let found = Self.ends(try tokenizer.encode(text))
      #expect(found == wanted, "\(pattern.name): \(text.debugDescription)")
    }
  }

  private static func split(_ pattern: String) throws -> Tokenizer {
    try cutting(
      """
      [{"type":"Split","pattern":{"Regex":\(StrictJSON.quoted(pattern))},
      "behavior":"Isolated","invert":false}]
      """)
  }

  /// The same patterns by scanner and by automaton: a group around a pattern keeps it from being recognised.
  @Test(arguments: [
    #"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#,
    #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|"#
      + #"\s*[\r\n]+|\s+(?!\S)|\s+"#,
  ])
  func automatonAgreesWithScanner(pattern: String) throws {
    let scanner = try Self.split(pattern)
    let automaton = try Self.split("(?:\(pattern))")
    for text in try Self.texts() {
      #expect(try scanner.encode(text) == automaton.encode(text))
    }
  }

  @Test(
    .enabled(if: SharedMaterial.has("data/text")),
    arguments: [
      #"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#
    ])
  func automatonAgreesOnAWholeText(pattern: String) throws {
    let path = try #require(SharedMaterial.path("data/text/korean-gsd.txt"))
    let text = try Fixture.text(path)
    #expect(
      try Self.split(pattern).encode(utf8: text)
        == Self.split("(?:\(pattern))").encode(utf8: text))
  }

  /// What is not known is named with its place; nothing is skipped.
  @Test(arguments: [
    ("a(?=bc)", "character 2: a look ahead by more than one character"),
    ("(?<!a)b", "character 1: a group of a kind that is not known"), ("a++", "character 3"),
    ("a|^b", "character 3: an anchor"), (#"\bword"#, #"character 1: "\b""#),
    (#"\p{Klingon}+"#, "property \"klingon\""), ("[[:alpha:]]", "a POSIX class"),
    ("a*", "it can match without a character"), ("(a", "no \")\""), ("a)", "a lone \")\""),
    ("[b-a]", "the wrong way round"), ("a{300}", "more than 256"), ("a{2,1}", "wrong way round"),
    ("(((a{200}){200}){200})b", "more than 4096 steps"), ("*a", "a repetition of nothing"),
    ("[abc", "no \"]\""), (#"a\"#, "a lone \"\\\""),
    (String(repeating: "(", count: 40) + "a", "groups more than 32 deep"),
    ("ba" + String(repeating: "*", count: 5000), "more than 8 repetitions of one another"),
  ])
  func whatIsNotKnownIsNamed(pattern: String, words: String) throws {
    let error = try #require(throws: TokenizerError.self) { try Self.split(pattern) }
    guard case .unsupported("test.json", _, let found) = error else {
      Issue.record("\(error)")
      return
    }
    #expect(found.contains(words), "\(found)")
    #expect(found.contains(pattern))
  }

  /// A backtracking engine would not come back from this.
  @Test func noPatternGoesBack() throws {
    let text = String(repeating: "a", count: 3000)
    #expect(try Self.split("(?:a+)+b|a").encode(text).count == 3000)
    let long = [UInt8](repeating: UInt8(ascii: "a"), count: 200_000)
    #expect(try Self.split("(?:a|aa)+").encode(utf8: long).count == long.count)
  }
}
