import TerminalUI
import Testing
import Wording

@Suite struct TextLayoutTests {
  @Test func truncatingCountsColumns() {
    #expect(TextLayout.truncate("abcdef", to: 4) == "abc…")
    #expect(TextLayout.truncate("abcd", to: 4) == "abcd")
    #expect(TextLayout.truncate("한국어", to: 4) == "한…")
    #expect(TextLayout.truncate("abc", to: 0).isEmpty)
    #expect(TextLayout.truncate("abc", to: -3).isEmpty)
    #expect(TextLayout.truncateFront("/a/long/path/model", to: 8) == "…h/model")
    #expect(TextLayout.truncate("abcdef", to: 3, ellipsis: "~") == "ab~")
  }

  @Test func fittingIsExact() {
    #expect(TextLayout.fit("ab", to: 5) == "ab   ")
    #expect(TextLayout.fit("ab", to: 5, .right) == "   ab")
    #expect(TextLayout.fit("ab", to: 5, .center) == " ab  ")
    for width in 0...12 {
      let text = TextLayout.fit("가나다라마", to: width, .center)
      #expect(ScalarWidth.of(text) == width)
    }
  }

  @Test func wrapsAtWords() {
    #expect(
      TextLayout.wrap("the cache is what goes over budget", to: 12)
        == ["the cache is", "what goes", "over budget"])
    #expect(TextLayout.wrap("abcdefghij", to: 4) == ["abcd", "efgh", "ij"])
    #expect(TextLayout.wrap("한국어 문장", to: 6) == ["한국어", "문장"])
    #expect(TextLayout.wrap("가나 다라마", to: 8) == ["가나", "다라마"])
    #expect(TextLayout.wrap("漢字 漢字漢", to: 8) == ["漢字 漢", "字漢"])
    #expect(TextLayout.wrap("한국어문장", to: 5) == ["한국", "어문", "장"])
    #expect(TextLayout.wrap("a\nb\n\nc", to: 9) == ["a", "b", "", "c"])
    #expect(TextLayout.wrap("a\r\nb", to: 9) == ["a", "b"])
    #expect(TextLayout.wrap("", to: 9) == [""])
    #expect(TextLayout.wrap("abc", to: 0).isEmpty)
  }

  /// Spaces that set thousands apart are no place to end a line; those between numbers are.
  @Test func numbersStayWhole() {
    #expect(TextLayout.wrap("up to 8 192 tokens", to: 8) == ["up to", "8 192", "tokens"])
    #expect(TextLayout.wrap("up to 8 192 tokens", to: 7) == ["up to", "8 192", "tokens"])
    #expect(TextLayout.wrap("1 234 567 bytes", to: 11) == ["1 234 567", "bytes"])
    #expect(TextLayout.wrap("토큰 8 192개까지", to: 10) == ["토큰", "8 192개까", "지"])
    #expect(TextLayout.wrap("layers 10 12 14", to: 10) == ["layers 10", "12 14"])
    #expect(TextLayout.wrap("in 2024 100 runs", to: 8) == ["in 2024", "100 runs"])
    #expect(TextLayout.wrap("12 345", to: 4) == ["12 3", "45"], "longer than a line")
  }

  @Test func noLineIsTooWide() {
    let text = "Weights 한국어 and KV값 of 32768 tokens; averyveryverylongwordindeed \u{1b}[0m end"
    for width in 2...40 {
      let lines = TextLayout.wrap(text, to: width)
      #expect(lines.allSatisfy { ScalarWidth.of($0) <= max(width, 2) }, "\(width)")
      let kept = lines.joined().filter { $0 != " " }
      #expect(kept == text.filter { $0 != " " })
    }
  }

  @Test func spansKeepTheirRoles() {
    let text = StyledText(markup: "use **gptq** or `awq` now")
    #expect(text.plain == "use gptq or awq now")
    #expect(text.spans.map(\.role) == [.text, .strong, .text, .accent, .text])
    let lines = TextLayout.wrap(text, to: 9)
    #expect(lines.map(\.plain) == ["use gptq", "or awq", "now"])
    #expect(lines[1].spans.map(\.role) == [.text, .accent])
    #expect(TextLayout.truncate(text, to: 7).plain == "use gp…")
  }

  @Test func unfinishedMarkupStaysText() {
    for text in ["a ** b", "`a", "**", "a * b", "****", "``", "**a", "x`"] {
      #expect(StyledText(markup: text).plain == text)
    }
  }
}
