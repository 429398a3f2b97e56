import FoundationEssentials
import TerminalUI
import Testing
import Workbench

@Suite struct ThemeFileTests {
  @Test func rolesPaletteAndHeatAreRead() throws {
    let file = try ThemeFile(
      parsing: """
        name = "dusk"
        inherits = "dark"
        [palette]
        sea = "#5ccfb8"
        [roles]
        accent = "sea bold"
        [heat]
        stops = ["#101014", "sea"]
        """, path: "dusk.toml")
    let theme = try file.theme(inheriting: .default)
    #expect(theme.name == "dusk" && file.inherits == "dark")
    #expect(theme.style(.accent).foreground == Color(hex: "#5ccfb8"))
    #expect(theme.style(.accent).attributes == .bold)
    #expect(theme.style(.warn) == Theme.default.style(.warn))
    #expect(theme.heat.count == 2)
  }

  @Test(arguments: [
    ("nmae = \"x\"", "t.toml: there is no key \"nmae\"; did you mean \"name\"?"),
    ("[roles]\nacent = \"#ffffff\"", "did you mean \"accent\"?"),
    ("[roles]\naccent = 3", "roles.accent: expected a text in quotes"),
    ("[roles]\naccent = \"mauve\"", "accent = \"mauve\""), ("name = ", "t.toml, line 1"),
    ("[heat]\nstops = [\"#ffffff\"]", "heat stops"), ("[heat]\nstpos = []", "heat.stpos"),
    ("[heat]\nstops = [1]", "heat.stops"), ("roles = 1", "roles: expected a table"),
    ("[roles]\ntext = \"#101010 on #111111\"", "contrast"),
  ])
  func whatIsWrongIsNamed(_ pair: (String, String)) {
    do {
      _ = try ThemeFile(parsing: pair.0, path: "t.toml").theme(inheriting: .default)
      Issue.record("\(pair.0) was taken")
    } catch {
      #expect("\(error)".contains("t.toml") && "\(error)".contains(pair.1), "\(error)")
    }
  }

  @Test func aCatalogKeepsGoingPastBrokenThemes() throws {
    let folder =
      FileManager.default.temporaryDirectory.path
      + "/nibble-themes-\(UInt64.random(in: 0 ..< .max))"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    func write(_ name: String, _ text: String) throws {
      try text.write(toFile: "\(folder)/\(name).toml", atomically: true, encoding: .utf8)
    }
    try write("base", "name = \"base\"\n[roles]\naccent = \"#aabbcc\"")
    try write("child", "name = \"child\"\ninherits = \"base\"\n[roles]\nwarn = \"#ffddaa\"")
    try write("orphan", "name = \"orphan\"\ninherits = \"bsae\"")
    try write("ring-a", "name = \"ring-a\"\ninherits = \"ring-b\"")
    try write("ring-b", "name = \"ring-b\"\ninherits = \"ring-a\"")
    try write("broken", "name =")
    let catalog = ThemeCatalog(folders: [folder, "/nowhere", folder + "/base.toml"])
    #expect(catalog.theme(named: "child").style(.accent).foreground == Color(hex: "#aabbcc"))
    #expect(catalog.theme(named: "missing") == .default)
    #expect(catalog.entries.first?.name == Theme.default.name)
    #expect(
      Set(catalog.problems.keys) == ["orphan", "ring-a", "ring-b", "broken", folder + "/base.toml"])
    #expect(catalog.problems["orphan"]?.contains("did you mean \"base\"?") == true)
    #expect(catalog.problems["ring-a"]?.contains("inherits itself") == true)
  }

  /// Every theme that ships can be used.
  @Test(.enabled(if: RegistrationTests.hasSources)) func shippedThemesAreWhole() throws {
    let folder = RegistrationTests.sources + "/../../Themes"
    let catalog = ThemeCatalog(folders: [folder])
    #expect(catalog.problems.isEmpty, "\(catalog.problems)")
  }
}
