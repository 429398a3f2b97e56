import Testing
import Wording

@Suite struct PlainTextTests {
  @Test(arguments: [
    ("\u{1b}]0;owned\u{7}", "^[]0;owned^G"), ("\u{9b}31m", "<9B>31m"), ("a\u{7f}\u{0}", "a^?^@"),
    ("a\r\nb\tc", "a^M\nb\tc"), ("a\u{202e}b\u{2066}", "a<202E>b<2066>"),
    ("\u{61c}\u{200e}\u{2028}\u{85}", "<61C><200E><2028><85>"),
    // What joins letters is no command.
    ("می\u{200c}خواهم 👩\u{200d}🚀 é é", "می\u{200c}خواهم 👩\u{200d}🚀 é é"),
  ])
  func whatATerminalActsOnIsShown(text: String, shown: String) {
    #expect(PlainText.shown(text).unicodeScalars.elementsEqual(shown.unicodeScalars))
  }

  @Test func documentsHoldEscapesOfTheSameText() {
    #expect(
      PlainText.json("{\"a\": \"\u{9b}\u{7f}\u{202e}é\"}\n")
        == "{\"a\": \"\\u009B\\u007F\\u202Eé\"}\n")
  }
}
