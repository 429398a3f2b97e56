import FoundationEssentials
import TerminalUI
import Testing

@Suite struct InputEventTests {
  @Test(arguments: [
    "j", "J", "enter", "esc", "ctrl+s", "alt+x", "shift+tab", "ctrl+alt+shift+left", "f12",
    "space", "plus", "ctrl+plus", "한", "pageup", "é",
  ])
  func namesReadBack(name: String) throws {
    let press = try #require(KeyPress(name: name))
    #expect(press.name == name)
  }

  @Test(arguments: ["", "+", "ctrl", "ctrl+", "hyper+x", "f0", "f64", "ctrl+ctrl+x", "xy", "f+1"])
  func othersAreRefused(name: String) {
    #expect(KeyPress(name: name) == nil)
  }

  @Test func textIsWhatAFieldTakes() {
    #expect(KeyPress.character("a").text == "a")
    #expect(KeyPress.control("a").text == nil)
    #expect(KeyPress.enter.text == nil)
  }

  @Test func eventsAreLabelledInFiles() throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    let events: [(InputEvent, String)] = [
      (.key(press: .control("s")), #"{"key":{"press":"ctrl+s"}}"#),
      (
        .resize(size: Size(width: 80, height: 24)),
        #"{"resize":{"size":{"height":24,"width":80}}}"#
      ),
      (.paste(text: "a"), #"{"paste":{"text":"a"}}"#),
      (
        .mouse(event: MouseEvent(.press, button: .left, x: 3, y: 7, modifiers: .shift)),
        #"{"mouse":{"event":{"action":"press","button":"left","modifiers":["shift"],"x":3,"y":7}}}"#
      ),
    ]
    for (event, json) in events {
      let data = try encoder.encode(event)
      #expect(String(decoding: data, as: UTF8.self) == json)
      let back = try JSONDecoder().decode(InputEvent.self, from: data)
      #expect(back == event)
    }
  }

  @Test func hostileEventsAreRefusedOrCut() throws {
    func decode(_ json: String) throws -> InputEvent {
      try JSONDecoder().decode(InputEvent.self, from: Data(json.utf8))
    }
    #expect(throws: DecodingError.self) { try decode(#"{"key":{"press":"nokey"}}"#) }
    #expect(throws: DecodingError.self) { try decode(#"{"unknown":{}}"#) }
    let cut = try decode(#"{"resize":{"size":{"width":9000000000,"height":-1}}}"#)
    #expect(cut == .resize(size: Size(width: Size.largestWidth, height: 0)))
  }
}
