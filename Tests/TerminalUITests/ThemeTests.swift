import FoundationEssentials
import Glibc
import Testing

@testable import TerminalUI

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
  @Test(arguments: files.filter { $0 != "terminal" }) func theThemeFilesAreGood(name: String) throws
  {
    let theme = try Self.theme(name)
    if name == "dark" { #expect(theme == Theme.default) }
    for ground in [Role.bar, .modal, .selection] {
      for (role, ratio) in theme.contrasts(on: ground) {
        // A selected row shows quiet text in its own colour, so these two are never on it.
        if ground == .selection, [.dim, .hint].contains(role) { continue }
        #expect(ratio >= 4.5, "\(role) on \(ground)")
      }
    }
    for (role, ratio) in theme.contrasts() where ![.border, .track].contains(role) {
      #expect(ratio >= 4.5, "\(role)")
    }
    if ["contrast", "daylight"].contains(name) {
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
    if !Self.singleColoured.contains(name) { #expect(Int(good.blue) - Int(bad.blue) > 50) }
  }

  /// Themes that tell states apart by marks, words and weight alone.
  private static let singleColoured: Set<String> = ["mono", "amber", "phosphor", "terminal"]
  private static let folder =
    #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3)
    .joined(separator: "/") + "/Themes"
  private static let files =
    ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [])
    .filter { $0.hasSuffix(".toml") }.map { String($0.dropLast(5)) }.sorted()

  private static func theme(_ name: String) throws -> Theme {
    let text = try String(contentsOfFile: "\(folder)/\(name).toml", encoding: .utf8)
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
    #expect(Set(roles.keys) == Set(Role.allCases.map(\.rawValue)))
    return try Theme(name: name, inheriting: nil, roles: roles, heat: heat)
  }

  /// Dark and light, high contrast, one for colour blindness, single colours, and the terminal's own.
  @Test func thereIsAChoiceOfThemes() throws {
    #expect(Self.files.count >= 12)
    let themes = try Self.files.filter { $0 != "terminal" }.map(Self.theme)
    let light = themes.filter { theme in
      (theme.background.rgb.map { Int($0.red) + Int($0.green) + Int($0.blue) } ?? 0) > 600
    }
    #expect(light.count >= 4 && themes.count - light.count >= 6)
    #expect(Self.files.contains("terminal") && Self.files.contains("safe"))
    #expect(try Self.theme("terminal").style(.text).foreground == .terminal)
  }

  /// Good, warning and bad stay apart for each kind of colour blindness, and in `safe` the series of plots as well:
  /// colours as Machado, Oliveira and Fernandes (2009) simulate them, distances in Oklab.
  @Test(arguments: ["safe", "contrast", "daylight", "paper", "frost"])
  func statesStayApart(name: String) throws {
    let theme = try Self.theme(name)
    var groups: [[Role]] = [[.good, .warn, .bad]]
    if name == "safe" { groups.append([.series1, .series2, .series3, .series4]) }
    for group in groups {
      let colours = try group.map { try #require(theme.style($0).foreground.rgb) }
      for (kind, matrix) in Self.blindness {
        let seen = colours.map { Self.seen($0, matrix) }
        for (i, one) in seen.enumerated() {
          for (j, other) in seen.enumerated() where j < i {
            let distance = one.squaredDistance(to: other).squareRoot()
            #expect(distance > 0.1, "\(group[i]) and \(group[j]) to \(kind)")
          }
        }
      }
    }
  }

  /// A colour as eyes with a matrix of cones see it.
  private static func seen(
    _ colour: (red: UInt8, green: UInt8, blue: UInt8), _ matrix: [[Double]]
  ) -> Oklab {
    let light = [colour.red, colour.green, colour.blue].map { Double(Oklab.linear($0)) }
    let bytes = matrix.map { row -> UInt8 in
      let value = min(max(zip(row, light).reduce(0) { $0 + $1.0 * $1.1 }, 0), 1)
      let coded = value <= 0.0031308 ? value * 12.92 : 1.055 * pow(value, 1 / 2.4) - 0.055
      return UInt8((coded * 255).rounded())
    }
    return Oklab(red: bytes[0], green: bytes[1], blue: bytes[2])
  }

  private static let blindness: [(String, [[Double]])] = [
    ("nobody", [[1, 0, 0], [0, 1, 0], [0, 0, 1]]),
    (
      "protanopia",
      [
        [0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
      ]
    ),
    (
      "deuteranopia",
      [
        [0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
      ]
    ),
    (
      "tritanopia",
      [
        [1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
      ]
    ),
  ]
}
