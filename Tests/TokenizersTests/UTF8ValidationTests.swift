import Testing
import Tokenizers

struct UTF8ValidationTests {
  @Test(
    arguments: [
      ([0x61, 0xff, 0x62], 1), ([0x80], 0), ([0xc0, 0x80], 0), ([0xc1, 0xbf], 0),
      ([0xe0, 0x9f, 0xbf], 0), ([0x61, 0xed, 0xa0, 0x80], 1), ([0xf4, 0x90, 0x80, 0x80], 0),
      ([0xf5, 0x80, 0x80, 0x80], 0), ([0xf0, 0x8f, 0xbf, 0xbf], 0),
      ([0xc3, 0xa9, 0xe2, 0x82], 2), ([0xe2, 0x82, 0x41], 0), ([0xf0, 0x9f, 0x98], 0),
    ] as [([UInt8], Int)])
  func firstWrongByte(bytes: [UInt8], offset: Int) {
    #expect(UTF8Validation.firstInvalidOffset(in: bytes) == offset)
    #expect(throws: TokenizerError.invalidUTF8(offset: offset)) {
      try UTF8Validation.check(bytes)
    }
  }

  @Test func validTexts() {
    for text in ["", "a", "é가😀\u{0}\u{10FFFF}\u{D7FF}\u{E000}\u{FFFF}"] {
      #expect(UTF8Validation.firstInvalidOffset(in: Array(text.utf8)) == nil)
    }
  }

  /// Every sequence of two bytes, against the standard library.
  @Test func agreesWithTheStandardLibrary() {
    for first in UInt8.min...UInt8.max {
      for second in UInt8.min...UInt8.max {
        let bytes = [0x41, first, second]
        let isValid = String(validating: bytes, as: UTF8.self) != nil
        #expect((UTF8Validation.firstInvalidOffset(in: bytes) == nil) == isValid)
      }
    }
  }

  @Test func encodingRefusesOtherBytes() throws {
    let tokenizer = try Fixture.tokenizer(vocab: #""a":0"#)
    #expect(throws: TokenizerError.invalidUTF8(offset: 1)) {
      try tokenizer.encode(utf8: [0x61, 0xff])
    }
  }
}
