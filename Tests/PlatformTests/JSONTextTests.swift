import Platform
import Testing

@Suite struct JSONTextTests {
  @Test func writesWhatItRead() throws {
    let text =
      "{\"b\":[1,1.50,-2e-05,true,null],\"a\":{\"\u{e9}\":\"x\\\"\\\\\\n\\u0001\"},\"c\":[],\"d\":{}}"
    let value = try StrictJSON.parse(Array(text.utf8))
    #expect(value.text() == text)
    let pretty = value.text(indent: 2)
    #expect(pretty.hasPrefix("{\n  \"b\": [\n    1,\n    1.50,"))
    #expect(try StrictJSON.parse(Array(pretty.utf8)) == value)
  }

  @Test func everyScalarComesBack() throws {
    var text = ""
    for value in UInt32(0)..<0x3000 {
      if let scalar = UnicodeScalar(value) { text.unicodeScalars.append(scalar) }
    }
    let back = try StrictJSON.parse(Array(StrictJSON.quoted(text).utf8)).string
    #expect(back.map { Array($0.utf8) } == Array(text.utf8))
  }
}
