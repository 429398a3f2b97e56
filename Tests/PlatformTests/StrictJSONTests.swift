import Platform
import Testing

@Suite struct StrictJSONTests {
  private func parse(_ text: String) throws -> JSONValue { try StrictJSON.parse(Array(text.utf8)) }

  @Test func readsValues() throws {
    #expect(try parse(" null ") == .null)
    #expect(try parse("true") == .bool(true))
    #expect(try parse("[1, -0, 0.5, 1e3]").array?.compactMap(\.double) == [1, 0, 0.5, 1000])
    #expect(try parse("[]") == .array([]))
    #expect(try parse("{}") == .object(JSONObject()))
    #expect(try parse("{\"b\":1,\"a\":{\"c\":[2]}}").object?.members.map(\.name) == ["b", "a"])
    #expect(try parse("\"\\u0041\\n\\/\\ud83d\\ude00\u{e9}\"").string == "A\n/\u{1f600}\u{e9}")
    #expect(try parse("\"plain\"").string == "plain")
  }

  @Test func integersAreWrittenAsIntegers() throws {
    #expect(try parse("12").integer == 12)
    #expect(try parse("-9223372036854775808").integer == .min)
    for text in ["1.0", "1e3", "9223372036854775808", "\"1\"", "-0.0"] {
      #expect(try parse(text).integer == nil)
    }
  }

  @Test(arguments: [
    "", " ", "[1,]", "{\"a\":1,}", "{,}", "[1 2]", "{\"a\" 1}", "{a:1}", "nul", "nulll", "tru",
    "01", "+1", ".5", "1.", "1e", "1e+", "-", "NaN", "Infinity", "1e400", "[", "{", "\"", "\"\\",
    "\"\\x\"", "\"\\u12\"", "\"\\u12g4\"", "\"\\ud800\"", "\"\\ud800\\u0041\"", "\"\\udc00\"",
    "\"\\ud800\\ud800\"", "\"a\nb\"", "\"\t\"", "1 1", "[1]]", "\u{feff}1", "{\"a\":1,\"a\":1}",
    "{\"a\":{\"b\":1,\"\\u0062\":2}}", "// c\n1", "'a'", "\u{0}",
  ])
  func refuses(text: String) {
    let error = #expect(throws: PlatformError.self) { try parse(text) }
    guard case .invalidJSON = error else {
      Issue.record("\(String(describing: error))")
      return
    }
  }

  @Test func refusesInvalidUTF8() {
    for bytes: [UInt8] in [
      [0x22, 0xff, 0x22], [0x22, 0xc3, 0x22], [0x22, 0xed, 0xa0, 0x80, 0x22],
      [0x22, 0x5c, 0x6e, 0xc3, 0x22], [0xfe, 0xff, 0, 0x31],
    ] {
      #expect(throws: PlatformError.self) { try StrictJSON.parse(bytes) }
    }
  }

  @Test func tellsNamesApartByTheirBytes() throws {
    let value = try parse("{\"\u{e9}\":1,\"e\u{301}\":2}")
    #expect(value.object?.members.count == 2)
    #expect(value.object?["\u{e9}"]?.integer == 1)
    #expect(value.object?["e\u{301}"]?.integer == 2)
  }

  @Test func saysWhereAndWhy() {
    #expect(
      throws: PlatformError.invalidJSON(reason: "the name \"a\" appears twice", offset: 7)
    ) { try parse("{\"a\":1,\"a\":2}") }
    #expect(throws: PlatformError.invalidJSON(reason: "expected a value, found \"]\"", offset: 3)) {
      try parse("[1,]")
    }
  }

  @Test func depthAndCountAreLimited() throws {
    func nested(_ depth: Int) -> String {
      String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
    }
    #expect(try parse(nested(64)).array?.count == 1)
    #expect(throws: PlatformError.self) { try parse(nested(65)) }
    #expect(throws: PlatformError.self) { try parse(String(repeating: "[", count: 100_000)) }
    let deep = String(repeating: "{\"a\":", count: 100_000)
    #expect(throws: PlatformError.self) { try parse(deep) }
    let limits = StrictJSON.Limits(values: 3)
    #expect(try StrictJSON.parse(Array("[1,2]".utf8), limits: limits).array?.count == 2)
    #expect(throws: PlatformError.self) {
      try StrictJSON.parse(Array("[1,2,3]".utf8), limits: limits)
    }
  }

  @Test func everyPrefixIsRefused() throws {
    let text = Array("{\"a\": [1, -2.5e3, \"x\\u00e9\u{e9}\"], \"b\": {\"c\": null}}".utf8)
    _ = try StrictJSON.parse(text)
    for length in 0..<text.count {
      #expect(throws: PlatformError.self) { try StrictJSON.parse(Array(text.prefix(length))) }
    }
  }

  @Test func changedBytesNeverTrap() {
    var generator = SeededGenerator(seed: 7)
    let text = Array("{\"a\": [1, -2.5e3, \"x\\ud83d\\ude00\"], \"b\": {\"c\": null}}".utf8)
    for _ in 0..<20_000 {
      var changed = text
      for _ in 0..<Int.random(in: 1...4, using: &generator) {
        changed[Int.random(in: 0..<text.count, using: &generator)] =
          UInt8.random(in: 0...255, using: &generator)
      }
      _ = changed.withUnsafeBytes(StrictJSON.accepts)
    }
  }
}
