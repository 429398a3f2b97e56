import Platform
import TestSupport
import Testing

@Suite struct TOMLBoundsTests {
  private func excess(_ text: String) -> TOMLBounds.Excess? {
    do throws(TOMLBounds.Excess) {
      try TOMLBounds.check(text)
      return nil
    } catch {
      return error
    }
  }

  private static let many = 200_000
  private static let deep = String(repeating: "a.", count: many) + "a"

  @Test(arguments: [
    "[\(deep)]", "[[\(deep)]]", "\(deep) = 1", "a = {\(deep) = 1}", "a = [1,\n {\(deep) = 1}]",
    "a = " + String(repeating: "[", count: many), "a = " + String(repeating: "{a=", count: many),
    "a = \"\"\"x\"\"\"\"\" \n[\(deep)]", "a = 'x'\n[\(deep)]", "a = \"open\n[\(deep)]",
    "a = \"\\\"\"\n[\(deep)]", "\"q\".\(deep) = 1", "# [\n\n[\(deep)]",
  ])
  func depthIsRefused(text: String) {
    #expect(excess(text)?.expected == "at most 32 levels of tables and lists in each other")
  }

  /// Twenty levels in a header and twenty in a key of it are forty.
  @Test func headersCountForTheirKeys() {
    let twenty = String(repeating: "a.", count: 19) + "a"
    #expect(excess("[\(twenty)]\nb = 1\n[c]\n\(twenty) = 1") == nil)
    #expect(excess("[\(twenty)]\n\(twenty) = 1")?.line == 2)
    #expect(excess("[\(twenty)]\nb = {\(twenty) = 1}")?.line == 2)
    #expect(excess("a = [\n{\(twenty) = [[]]},\n{\(twenty) = 1}]") == nil)
  }

  @Test func textIsNotCounted() {
    let dots = String(repeating: ".[{", count: 100)
    for text in [
      "a = \"\(dots)\"", "a = '\(dots)'", "# \(dots)", "a = \"\"\"\n\(dots)\n\"\(dots)\"\"\"",
      "a = '''\n\(dots)'''", "a = 1 # \(dots)", "\"\(dots)\" = 1", "a = 'it\\'\nb = 1",
      String(repeating: "a.b = [1.5, {c = 2.5}]\n", count: 500),
    ] {
      #expect(excess(text) == nil, "\(text.prefix(30))")
    }
  }

  @Test func sizeAndControlCharactersAreRefused() {
    let long = excess(String(repeating: " ", count: (1 << 20) + 1))
    #expect(long?.expected == "at most 1048576 bytes of TOML" && long?.found == "1048577")
    let cut = excess("a = 1\n\u{0}[x]")
    #expect(cut?.line == 2 && cut?.expected == "no control characters" && cut?.found == "U+0000")
    #expect(excess("a = \"\u{1b}\"")?.found == "U+001B")
    #expect(excess("a\t= 1\r\n# c\r\nb = \"\"\"x\r\ny\"\"\"\r\n") == nil)
    // At some wrong dates the parser ends the program; no file has right ones either.
    for text in [
      "a = 1979-05-27T/", "a = 07:32/", "a = [1, 1979-05-27]", "a = 2026-1", "a = -07:32",
      "a = -1979-05-27",
    ] {
      #expect(excess(text)?.expected == "no dates and times", "\(text)")
    }
    for text in [
      "a-4 = 1e-5", "w4-a16 = 1", "a = '07:32' # 1979-05-27", "a = 123_456", "a.1-b = -2",
    ] {
      #expect(excess(text) == nil, "\(text)")
    }
    // A list that a table's bracket ends: there too.
    for text in ["c =[}", "a = [1, }", "a = [\n1,\n}\n]", "a = {b = [}]}"] {
      #expect(excess(text)?.expected == "']'" && excess(text)?.found == "'}'", "\(text)")
    }
    #expect(excess("a = {b = 1]")?.expected == "'}'")
    for text in ["[[a]]\nb = [{c = [1, 2]}, {d = '}'}] # }\n[c]\n", "a = [ # }\n1]", "a = \"[}\""] {
      #expect(excess(text) == nil, "\(text)")
    }
    // A return alone: at one in a header the parser ends the program.
    for text in ["[\rm]\n", "a = 1\r", "# c\rd\n", "a = \"x\ry\"\n", "a = 'x\r'"] {
      #expect(excess(text)?.found == "U+000D", "\(text.debugDescription)")
    }
  }

  @Test func filesAreRegularShortAndText() throws {
    let folder = try TemporaryFolder()
    #expect(try TextFile.read(folder.file("a", "text"), atMost: 4) == "text")
    #expect(throws: PlatformError.tooLong(path: folder.path("a"), limit: 3, found: 4)) {
      try TextFile.read(folder.path("a"), atMost: 3)
    }
    try folder.file("b", [0x61, 0xFF])
    #expect(throws: PlatformError.notText(path: folder.path("b"))) {
      try TextFile.read(folder.path("b"), atMost: 9)
    }
    #expect(throws: PlatformError.self) { try TextFile.read(folder.path, atMost: 9) }
  }
}
