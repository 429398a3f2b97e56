import FoundationEssentials
import TerminalUI
import Testing

@Suite struct ThemeTests {
  @Test func theDefaultCanBeRead() {
    let contrasts = Theme.default.contrasts()
    #expect(contrasts.count == Role.allCases.count)
    for (role, ratio) in contrasts where ![.border, .track].contains(role) {
      #expect(ratio >= 4.5, "\(role)")
    }
  }

  @Test func unknownRolesNameTheNearest() {
    #expect(
      throws: ThemeError.unknownRole(theme: "t", role: "selektion", nearest: "selection")
    ) { try Theme(name: "t", roles: ["selektion": "bold"]) }
    #expect(throws: ThemeError.unknownRole(theme: "t", role: "qqqqqqq", nearest: nil)) {
      try Theme(name: "t", roles: ["qqqqqqq": "bold"])
    }
  }

  @Test func valuesAreRead() throws {
    let theme = try Theme(
      name: "t",
      roles: [
        "accent": "#ffee00 on #000000 bold underline", "good": "bold", "dim": "terminal",
        "warn": "on #101010",
      ])
    #expect(
      theme.style(.accent)
        == Style(
          foreground: Color(red: 255, green: 238, blue: 0),
          background: Color(red: 0, green: 0, blue: 0), attributes: [.bold, .underline]))
    #expect(theme.style(.good) == Style(attributes: .bold))
    #expect(theme.style(.dim).foreground == .terminal)
    #expect(theme.style(.bad) == Theme.default.style(.bad))
    #expect(theme.heat == Theme.default.heat)
  }

  @Test(arguments: ["#12345", "red", "#ffffff on", "#ffffff on on", "#gggggg", "bold loud", "on"])
  func badValuesAreRefused(value: String) {
    #expect(throws: ThemeError.badValue(theme: "t", role: "accent", value: value)) {
      try Theme(name: "t", roles: ["accent": value])
    }
  }

  @Test func lowContrastIsRefused() {
    #expect {
      try Theme(name: "t", roles: ["dim": "#333333"])
    } throws: { error in
      guard case ThemeError.lowContrast(_, "dim", let ratio, 4.5) = error else { return false }
      return ratio < 2 && "\(error)".contains("expected at least 4.5")
    }
  }

  @Test func lowContrastOnASelectionIsRefused() {
    #expect {
      try Theme(name: "t", roles: ["selection": "#000000 on #79b8ff"])
    } throws: { error in
      guard case ThemeError.lowContrast(_, let role, _, 3) = error else { return false }
      return role.hasSuffix("on selection")
    }
  }

  @Test func heatNeedsStops() {
    #expect(throws: ThemeError.tooFewHeatStops(theme: "t", count: 1)) {
      try Theme(name: "t", roles: [:], heat: ["#000000"])
    }
    #expect(throws: ThemeError.badHeatStop(theme: "t", value: "blue")) {
      try Theme(name: "t", roles: [:], heat: ["#000000", "blue"])
    }
  }

  /// The files are read line by line here, which is enough for ours; the program reads them as
  /// TOML.
  @Test(arguments: ["dark", "light", "contrast", "mono"])
  func theThemeFilesAreGood(name: String) throws {
    let root = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3)
    let path = root.joined(separator: "/") + "/Themes/\(name).toml"
    let text = try String(contentsOfFile: path, encoding: .utf8)
    var roles: [String: String] = [:]
    var heat: [String] = []
    for line in text.split(separator: "\n") where !line.hasPrefix("#") {
      let parts = line.split(separator: "=", maxSplits: 1)
      guard parts.count == 2 else { continue }
      let key = String(parts[0].filter { $0 != " " })
      let values = parts[1].split(separator: "\"").filter { !$0.allSatisfy { " ,[]".contains($0) } }
      if key == "stops" {
        heat = values.map(String.init)
      } else if key != "name" {
        roles[key] = String(values[0])
      }
    }
    let theme = try Theme(name: name, inheriting: nil, roles: roles, heat: heat)
    #expect(Set(roles.keys) == Set(Role.allCases.map(\.rawValue)))
    if name == "dark" { #expect(theme == Theme.default) }
    for ground in [Role.bar, .modal, .selection] {
      for (role, ratio) in theme.contrasts(on: ground) {
        // A selected row shows quiet text in its own colour, so these two are never on it.
        if ground == .selection, [.dim, .hint].contains(role) { continue }
        #expect(ratio >= 4.5, "\(role) on \(ground)")
      }
    }
    if name == "contrast" {
      for (role, ratio) in theme.contrasts() where ![.border, .track].contains(role) {
        #expect(ratio >= 7, "\(role)")
      }
    }
    // The lightness of a ramp goes one way only, so it reads in grey too.
    let steps = (0..<HeatRamp.steps).map {
      HeatRamp(stops: theme.heat).color(at: Double($0) / Double(HeatRamp.steps - 1))
    }
    let luminance = steps.compactMap { Contrast.ratio($0, Color(red: 0, green: 0, blue: 0)) }
    #expect(luminance == luminance.sorted() || luminance == luminance.sorted(by: >))
    let (low, high) = (luminance.min() ?? 0, luminance.max() ?? 0)
    #expect(high / low > 5)
    // Good and bad differ by more than red against green: in blue, or in lightness when there is no
    // colour.
    let good = try #require(theme.style(.good).foreground.rgb)
    let bad = try #require(theme.style(.bad).foreground.rgb)
    if name != "mono" { #expect(Int(good.blue) - Int(bad.blue) > 50) }
  }
}
