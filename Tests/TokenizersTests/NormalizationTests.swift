import Platform
import Testing
import Tokenizers

/// The four forms of Unicode Standard Annex 15, as Python's `unicodedata` makes them.
///
/// `Fixtures/normalization.json` is made by `Tests/Peers/unicode_tables.py`.
struct NormalizationTests {
  private static let forms = ["NFC", "NFD", "NFKC", "NFKD"]

  /// A tokenizer that spells the normalized text byte by byte.
  private static func bytes(_ form: String) throws -> Tokenizer {
    let vocab = (0...255).map { byte in
      let digits = String(byte, radix: 16, uppercase: true)
      return "\"<0x\(digits.count == 1 ? "0" : "")\(digits)>\":\(byte)"
    }
    return try Fixture.tokenizer(
      vocab: vocab.joined(separator: ","), model: #""byte_fallback":true,"#,
      stages: "\"normalizer\":{\"type\":\"\(form)\"},")
  }

  private static func normalize(_ text: String, _ tokenizer: Tokenizer) throws -> [UInt8] {
    try tokenizer.encode(text).map { UInt8($0) }
  }

  @Test(arguments: forms.indices)
  func sampledSequences(form: Int) throws {
    let tokenizer = try Self.bytes(Self.forms[form])
    let texts = try #require(try Fixture.json("normalization.json").object?["texts"]?.array)
    #expect(texts.count == 300)
    for entry in texts {
      let texts = try #require(entry.array).compactMap(\.string)
      try #require(texts.count == 5)
      let found = try Self.normalize(texts[0], tokenizer)
      #expect(found == Array(texts[form + 1].utf8), "\(texts[0].unicodeScalars.map(\.value))")
    }
  }

  /// Every character that a form changes or that combines, alone and among marks.
  @Test(arguments: forms)
  func everyCharacter(form: String) throws {
    let root = try #require(try Fixture.json("normalization.json").object)
    let wanted = try #require(root["digests"]?.object?[form]?.string)
    let count = try #require(root["special"]?.integer)
    let decomposing = try Self.bytes("NFKD")
    let tokenizer = try Self.bytes(form)
    var special = 0
    var bytes: [UInt8] = []
    for code in UInt32(0xa0)...0x2fa1d {
      guard let scalar = Unicode.Scalar(code), Self.isKnown(scalar) else { continue }
      let alone = String(Character(scalar))
      guard
        try scalar.properties.canonicalCombiningClass != .notReordered
          || Self.normalize(alone, decomposing) != Array(alone.utf8)
      else { continue }
      special += 1
      bytes += try Self.normalize("a\(alone)\u{301}\(alone)\u{323}", tokenizer)
    }
    #expect(special == count)
    #expect(Fixture.digest(bytes) == wanted)
  }

  /// What Unicode 14 knows, as Python 3.11 does: later characters would be counted by the standard library.
  private static func isKnown(_ scalar: Unicode.Scalar) -> Bool {
    guard let age = scalar.properties.age else { return false }
    return age.major <= 14
  }

  @Test func hangulAndExclusions() throws {
    let composing = try Self.bytes("NFC")
    let decomposing = try Self.bytes("NFD")
    func composed(_ text: String) throws -> [UInt32] {
      String(decoding: try Self.normalize(text, composing), as: UTF8.self).unicodeScalars.map(
        \.value)
    }
    #expect(try composed("\u{1100}\u{1161}\u{11a8}") == [0xac01])
    #expect(try composed("\u{ac00}\u{11a8}") == [0xac01])
    #expect(try composed("\u{ac01}\u{11a8}") == [0xac01, 0x11a8])
    // Never composed: a composition exclusion.
    #expect(try composed("\u{915}\u{93c}") == [0x915, 0x93c])
    #expect(try composed("\u{958}") == [0x915, 0x93c])
    // Two Tibetan vowels, each of which is two marks.
    #expect(try composed("\u{f73}\u{f73}") == [0xf71, 0xf71, 0xf72, 0xf72])
    #expect(
      try Self.normalize("\u{ac01}", decomposing) == Array("\u{1100}\u{1161}\u{11a8}".utf8))
  }

  /// Sorting one long run of marks must not take the square of its length.
  @Test func aLongRunOfMarks() throws {
    let marks = String(repeating: "\u{323}\u{301}", count: 20_000)
    let found = try Self.normalize("a" + marks, try Self.bytes("NFC"))
    #expect(found.count == 3 + 19_999 * 2 + 20_000 * 2)
  }
}
