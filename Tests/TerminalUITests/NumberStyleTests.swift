import TerminalUI
import Testing

@Suite struct NumberStyleTests {
  @Test(arguments: [
    (NumberStyle.bytes, 5e9, "5 GB"), (.significant, 0.1, "0.1"), (.significant, .infinity, "inf"),
    (.significant, 0.125, "0.125"), (.short, 32_768, "32.8 k"), (.short, 5e9, "5 G"),
    (.percent, 0.61, "61 %"), (.whole, 0.5, "1"), (.whole, 2.4, "2"), (.bytes, .nan, "nan B"),
  ])
  func readsShort(style: NumberStyle, value: Double, text: String) {
    #expect(style.text(value) == text)
  }
}
