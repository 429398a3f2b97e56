import CursesBackend
import TerminalUI
import Testing

@Suite struct TerminalOptionsTests {
  private func depth(
    _ options: TerminalOptions = .init(), colorTerm: String? = nil, noColor: String? = nil,
    colors: Int = 256, hasTrueColor: Bool = true
  ) -> ColorDepth {
    ColorDecision(
      options: options,
      environment: TerminalEnvironment(term: "xterm", colorTerm: colorTerm, noColor: noColor)
    ).depth(terminfoColors: colors, hasTrueColor: hasTrueColor)
  }

  @Test func theEntryDecidesWhenNobodyElseDoes() {
    #expect(depth(colors: -1) == .mono)
    #expect(depth(colors: 8) == .ansi8)
    #expect(depth(colors: 16) == .ansi16)
    #expect(depth(colors: 88) == .ansi16)
    #expect(depth(colors: 256) == .ansi256)
  }

  @Test func theOrderIsOptionSettingsNoColorColorTerm() {
    #expect(depth(colorTerm: "truecolor") == .trueColor)
    #expect(depth(colorTerm: "24bit") == .trueColor)
    #expect(depth(colorTerm: "yes") == .ansi256)
    #expect(depth(colorTerm: "truecolor", hasTrueColor: false) == .ansi256)
    #expect(depth(colorTerm: "truecolor", noColor: "1") == .mono)
    #expect(depth(colorTerm: "truecolor", noColor: "") == .trueColor)
    #expect(depth(.init(configuredColor: .ansi16), noColor: "1") == .ansi16)
    #expect(depth(.init(color: .ansi256, configuredColor: .mono), noColor: "1") == .ansi256)
    #expect(depth(.init(color: .mono), colorTerm: "truecolor") == .mono)
  }

  @Test func noMoreThanTheEntryHas() {
    #expect(depth(.init(color: .ansi256), colors: 8) == .ansi8)
    #expect(depth(.init(color: .trueColor), colors: 8, hasTrueColor: false) == .ansi8)
  }
}
