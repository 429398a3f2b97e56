import Testing
import Tokenizers

/// A tokenizer.model, well made and hostile.
struct SentencePieceModelTests {
  /// Writes the few kinds of protobuf field that a model has.
  private struct Message {
    var bytes: [UInt8] = []

    mutating func number(_ field: Int, _ value: UInt64) {
      varint(UInt64(field) << 3)
      varint(value)
    }

    mutating func data(_ field: Int, _ value: [UInt8]) {
      varint(UInt64(field) << 3 | 2)
      varint(UInt64(value.count))
      bytes += value
    }

    mutating func float(_ field: Int, _ value: Float) {
      varint(UInt64(field) << 3 | 5)
      withUnsafeBytes(of: value.bitPattern.littleEndian) { bytes += $0 }
    }

    private mutating func varint(_ value: UInt64) {
      var value = value
      while value >= 0x80 {
        bytes.append(UInt8(value & 0x7f) | 0x80)
        value >>= 7
      }
      bytes.append(UInt8(value))
    }
  }

  private static func model(
    _ pieces: [(String, Float, UInt64)], type: UInt64 = 2, map: [UInt8] = [],
    dummyPrefix: Bool = false, removesSpace: Bool = false
  ) -> [UInt8] {
    var model = Message()
    for (text, score, kind) in [("<unk>", 0, 2), ("<s>", 0, 3), ("</s>", 0, 3)] + pieces {
      var piece = Message()
      piece.data(1, Array(text.utf8))
      piece.float(2, score)
      piece.number(3, kind)
      model.data(1, piece.bytes)
    }
    var trainer = Message()
    trainer.number(3, type)
    model.data(2, trainer.bytes)
    var normalizer = Message()
    normalizer.data(2, map)
    normalizer.number(3, dummyPrefix ? 1 : 0)
    normalizer.number(4, removesSpace ? 1 : 0)
    model.data(3, normalizer.bytes)
    return model.bytes
  }

  private static func read(_ data: [UInt8]) throws -> Tokenizer {
    try Tokenizer(sentencePiece: data, file: "test.model")
  }

  @Test func bestScoreFirst() throws {
    let pieces: [(String, Float, UInt64)] = [
      ("a", -9, 1), ("b", -9, 1), ("c", -9, 1), ("ab", -2, 1), ("bc", -1, 1), ("abc", -3, 1),
    ]
    let tokenizer = try Self.read(Self.model(pieces))
    #expect(try tokenizer.encode("abc") == [8])
    #expect(try tokenizer.encode("abbc") == [6, 7])
    #expect(tokenizer.bosID == 1 && tokenizer.eosID == 2)
    #expect(try tokenizer.encode("a", addSpecialTokens: true) == [1, 3])
    #expect(tokenizer.vocabularySize == 9)
  }

  /// An unused piece is a step to others and is given back as its parts.
  @Test func unusedPieces() throws {
    let pieces: [(String, Float, UInt64)] = [
      ("a", -9, 1), ("b", -9, 1), ("c", -9, 1), ("ab", -1, 5), ("abc", -2, 1),
    ]
    let tokenizer = try Self.read(Self.model(pieces))
    #expect(try tokenizer.encode("abc") == [7])
    #expect(try tokenizer.encode("abab") == [3, 4, 3, 4])
  }

  @Test func userDefinedPiecesAndUnknownRuns() throws {
    let pieces: [(String, Float, UInt64)] = [
      ("a", -9, 1), ("b", -9, 1), ("ab", -1, 1), ("xa", 0, 4), ("x", 0, 4),
    ]
    let tokenizer = try Self.read(Self.model(pieces))
    #expect(try tokenizer.encode("abxab") == [5, 6, 4])
    #expect(try tokenizer.encode("xxb") == [7, 7, 4])
    #expect(try tokenizer.encode("a??b?") == [3, 0, 4, 0])
    #expect(tokenizer.decode([3, 0, 1]) == "a \u{2047} ")
  }

  @Test func unigramTakesTheBestSum() throws {
    let pieces: [(String, Float, UInt64)] = [
      ("a", -3, 1), ("b", -3, 1), ("ab", -5, 1), ("ba", -1, 1), ("aba", -9, 1),
    ]
    let tokenizer = try Self.read(Self.model(pieces, type: 1))
    #expect(try tokenizer.encode("aba") == [3, 6])
    #expect(try tokenizer.encode("ab") == [5])
    #expect(try tokenizer.encode("a가나b") == [3, 0, 4])
  }

  @Test func blanks() throws {
    let pieces: [(String, Float, UInt64)] = [("▁", -9, 1), ("a", -9, 1), ("▁a", -1, 1)]
    let kept = try Self.read(Self.model(pieces, dummyPrefix: true))
    #expect(try kept.encode("  a ") == [3, 3, 5, 3])
    #expect(kept.decode([3, 3, 5, 3]) == "  a ")
    let removed = try Self.read(Self.model(pieces, dummyPrefix: true, removesSpace: true))
    #expect(try removed.encode("  a  a ") == [5, 5])
    #expect(try removed.encode("   ") == [])
    #expect(removed.decode([5, 5]) == "a a")
  }

  @Test(
    arguments: [
      [("a", Float.nan, 1)], [("a", Float.infinity, 1)], [("", 0, 1)], [("a", 0, 9)],
      [("a", 0, 1), ("a", 0, 1)], [("<0x-1>", 0, 6)], [("?", 0, 2)],
      [(String(repeating: "a", count: 200_000), 0, 1)],
    ] as [[(String, Float, UInt64)]])
  func wrongPieces(pieces: [(String, Float, UInt64)]) {
    #expect(throws: TokenizerError.self) { try Self.read(Self.model(pieces)) }
  }

  @Test func otherAlgorithmsAreNamed() throws {
    let error = try #require(throws: TokenizerError.self) {
      try Self.read(Self.model([], type: 3))
    }
    #expect("\(error)".contains("model_type"))
  }

  @Test(
    arguments: [
      [0x0b],  // a group
      [0x00, 0x00],  // field number 0
      [0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],  // a length of 2^64 - 1
      [0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f],  // a length of 4 GiB
      [0x08, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01],  // 11 bytes
      [0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f],  // more than 64 bits
      [0x0d, 0x00],  // half a float
      [0x08, 0x01],  // a number where a piece is expected
    ] as [[UInt8]])
  func brokenWire(bytes: [UInt8]) {
    #expect(throws: TokenizerError.self) { try Self.read(Self.model([("a", 0, 1)]) + bytes) }
  }

  /// A character map whose trie leads outside itself, or whose size is not its own.
  @Test(
    arguments: [
      [1, 2, 3], [0xff, 0xff, 0xff, 0xff, 0, 0], [4, 0, 0, 0, 0, 0xff, 0xff, 0x7f, 0],
      [4, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0x61, 0], [4, 0, 0, 0, 0, 1, 0, 0, 0],
      [5, 0, 0, 0, 0, 1, 0, 0, 0, 0], [4, 0, 0, 0, 0, 0, 0, 0, 0x61],
    ] as [[UInt8]])
  func hostileCharacterMap(map: [UInt8]) throws {
    let data = Self.model([("a", 0, 1), ("b", 0, 1)], map: map)
    // Either refused or harmless.
    if let tokenizer = try? Self.read(data) {
      #expect(try tokenizer.encode("ab\u{0}가").count >= 2)
    }
  }

  @Test(arguments: ["tiny-bpe.model", "tiny-unigram.model"])
  func damagedFiles(name: String) throws {
    let whole = try Fixture.text(Fixture.path(name))
    let text = "The cat～ sat e\u{301} \u{FB01}sh <sep> 가\u{0}"
    for count in stride(from: 0, to: whole.count, by: 7) {
      // A cut between two fields leaves a model.
      if let tokenizer = try? Self.read(Array(whole[..<count])) { _ = try tokenizer.encode(text) }
    }
    for position in stride(from: 0, to: whole.count, by: 5) {
      for value in [UInt8(0), 0x0b, 0x7f, 0xff] {
        var damaged = whole
        damaged[position] = value
        guard let tokenizer = try? Self.read(damaged) else { continue }
        let ids = try tokenizer.encode(text, addSpecialTokens: true)
        #expect(ids.allSatisfy { $0 >= 0 && Int($0) < tokenizer.vocabularySize })
        _ = tokenizer.decode(ids)
      }
    }
  }
}
