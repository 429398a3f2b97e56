import Platform
import Testing

@Suite struct JSONValueTests {
  @Test func largeObjectsFindTheirMembers() {
    var object = JSONObject()
    for index in 0..<1000 {
      let isNew = object.append("name\(index)", .number(JSONNumber(index)))
      let isNewAgain = object.append("name\(index)", .null)
      #expect(isNew && !isNewAgain)
    }
    #expect(object.members.count == 1000)
    for index in [0, 10, 11, 12, 13, 999] {
      #expect(object["name\(index)"]?.integer == index)
    }
    #expect(object["name1000"] == nil)
    object.set("name500", .bool(true))
    object.set("new", .null)
    #expect(object["name500"] == .bool(true))
    #expect(object.members.last?.name == "new")
    object.remove("name0")
    #expect(object["name0"] == nil)
    #expect(object["name999"]?.integer == 999)
    #expect(object.members.count == 1000)
  }

  @Test func wordsForMessages() {
    #expect(JSONValue.null.kind == "null")
    #expect(JSONValue.string(String(repeating: "x", count: 50)).kind.count < 70)
    #expect(JSONValue.array([.null]).kind == "an array of 1")
    #expect(JSONValue.number(JSONNumber(-3)).kind == "the number -3")
  }

  @Test func keysAreBytes() {
    #expect(UTF8Key("\u{e9}") != UTF8Key("e\u{301}"))
    #expect("\u{e9}" == "e\u{301}")
    #expect(Set([UTF8Key("\u{e9}"), UTF8Key("e\u{301}"), UTF8Key("\u{e9}")]).count == 2)
  }

  @Test func numbersJSONCannotSay() {
    #expect(JSONNumber(Double.nan) == nil)
    #expect(JSONNumber(Double.infinity) == nil)
    #expect(JSONNumber(0.1)?.text == "0.1")
  }
}
