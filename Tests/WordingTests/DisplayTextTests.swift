import Testing
import Wording

@Suite struct DisplayTextTests {
  @Test(arguments: [
    ("\u{1b}[31m", "^[[31m"), ("a\tb\r\n", "a^Ib^M^J"), ("\u{0}\u{7f}", "^@^?"),
    ("\u{9b}31m", "<9B>31m"), ("a\u{202e}b", "a<202E>b"), ("\u{2066}\u{200f}", "<2066><200F>"),
    ("a\u{200b}b", "a<200B>b"), ("\u{feff}", "<FEFF>"), ("\u{ad}", "<AD>"),
    ("\u{3164}\u{115f}", "<3164><115F>"), ("\u{2028}", "<2028>"), ("\u{e0041}", "<E0041>"),
    ("\u{e000}", "<E000>"),
    ("a\u{fe0f}", "a<FE0F>"), ("☺\u{fe0f}", "☺"), ("\u{301}x", "<301>x"),
    ("e\u{301}", "e\u{301}"), ("e\u{301}\u{302}\u{303}x", "e\u{301}<+2>x"), ("a\u{a0}b", "a b"),
    ("한글 値 שלום", "한글 値 שלום"),
  ])
  func hiddenCharactersAreShown(text: String, shown: String) {
    #expect(DisplayText.plain(text).unicodeScalars.elementsEqual(shown.unicodeScalars))
  }

  /// No source file may spell these.
  @Test func nonCharactersAreShown() {
    for (value, shown) in [(UInt32(0xFFFE), "<FFFE>"), (0xFDD0, "<FDD0>"), (0x1FFFF, "<1FFFF>")] {
      let text = Unicode.Scalar(value).map { String($0) } ?? ""
      #expect(DisplayText.plain(text) == shown)
    }
  }

  @Test func decomposedHangulIsComposed() {
    let drawn = DisplayText.plain("\u{1112}\u{1161}\u{11ab}\u{1100}\u{1173}\u{11af}")
    #expect(drawn.unicodeScalars.elementsEqual("한글".unicodeScalars))
  }

  @Test func invalidBytesAreShown() {
    #expect(DisplayText.decoding([0x61, 0xFF, 0xED, 0x95, 0x9C, 0xC3]) == "a<FF>한<C3>")
    #expect(DisplayText.decoding([0xC0, 0x80]) == "<C0><80>")
    #expect(DisplayText.decoding([]).isEmpty)
  }

  @Test func spacesOfTokensAreVisible() {
    #expect(DisplayText.revealingSpaces(" a\t\n\u{a0}\u{3000}") == "·a→↵<A0><3000>")
  }

  /// Whatever the scalar, what is drawn has no control, no format and no bidi character, and its
  /// width is that of its cells.
  @Test func everyScalarIsSafe() {
    var unsafe: [UInt32] = []
    for value in UInt32(0)...0x10FFFF {
      guard let scalar = Unicode.Scalar(value) else { continue }
      var width = 0
      DisplayText.forEachGlyph(in: "a" + String(scalar)) { glyph in
        width += glyph.width
        for drawn in [glyph.scalar, glyph.mark] where drawn != "\0" {
          switch drawn.properties.generalCategory {
          case .control, .format, .privateUse, .unassigned, .surrogate: unsafe.append(value)
          default: break
          }
        }
        if glyph.width != ScalarWidth.of(glyph.scalar) { unsafe.append(value) }
        return true
      }
      if width < 1 { unsafe.append(value) }
    }
    #expect(unsafe.isEmpty)
  }
}
