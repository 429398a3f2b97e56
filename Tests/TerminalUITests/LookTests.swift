import TerminalUI
import Testing

@Suite struct LookTests {
  @Test func monoHasNoColors() {
    let look = Look(depth: .mono)
    for role in Role.allCases {
      let style = look.style(role).over(look.ground)
      #expect(style.foreground == .terminal && style.background == .terminal)
    }
    #expect(look.style(.selection).attributes == .reverse)
    #expect(look.style(.key).attributes.contains(.bold))
  }

  @Test(arguments: [ColorDepth.ansi8, .ansi16])
  func aSelectionIsAlwaysSeen(depth: ColorDepth) {
    let look = Look(depth: depth)
    let selection = look.style(.selection).over(look.ground)
    let isOther =
      ColorReducer.index(of: selection.background, depth: depth)
      != ColorReducer.index(of: look.ground.background, depth: depth)
    #expect(isOther || selection.attributes.contains(.reverse))
  }

  @Test(arguments: [ColorDepth.ansi8, .ansi16, .ansi256])
  func noTextVanishes(depth: ColorDepth) {
    let look = Look(depth: depth)
    for role in Role.allCases {
      let style = look.style(role).over(look.ground)
      let indices = ColorReducer.indices(
        foreground: style.foreground, background: style.background, depth: depth)
      #expect(indices.foreground != indices.background, "\(role)")
    }
  }
}

@Suite struct ColorReducerTests {
  @Test func nearestColors() throws {
    let red = try #require(Color(hex: "#ff0000"))
    #expect(ColorReducer.index(of: red, depth: .ansi256) == 196)
    #expect(ColorReducer.index(of: red, depth: .ansi16) == 9)
    #expect(ColorReducer.index(of: red, depth: .ansi8) == 1)
    #expect(ColorReducer.index(of: red, depth: .mono) == nil)
    #expect(ColorReducer.index(of: .terminal, depth: .ansi256) == nil)
    let grey = try #require(Color(hex: "#8a93a3"))
    #expect(ColorReducer.index(of: grey, depth: .ansi16) == 8)
    #expect(ColorReducer.index(of: grey, depth: .ansi8) == 7)
  }

  @Test func theFixedPaletteIsReproduced() throws {
    let cube: [UInt8] = [0, 95, 135, 175, 215, 255]
    for (index, red) in cube.enumerated() {
      let color = Color(red: red, green: 175, blue: 95)
      #expect(ColorReducer.index(of: color, depth: .ansi256) == UInt8(16 + 36 * index + 18 + 1))
    }
  }

  @Test func hexIsStrict() {
    #expect(Color(hex: "#0a0B0c")?.description == "#0a0b0c")
    for text in ["", "#", "0a0b0c", "#0a0b0", "#0a0b0c0", "#0a0b0x", "#+a0b0c", "#한글"] {
      #expect(Color(hex: text) == nil)
    }
  }
}
