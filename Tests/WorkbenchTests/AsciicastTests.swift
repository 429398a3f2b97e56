import FoundationEssentials
import TerminalUI
import Testing
import Workbench

@Suite struct AsciicastTests {
  @Test func aFilmIsAHeaderAndFramesInOrder() throws {
    let lines = Asciicast.lines(PlayerTests.walk, size: Size(width: 100, height: 30))
    #expect(lines.count > 20)
    struct Head: Decodable {
      var version: Int
      var width: Int
      var height: Int
    }
    let head = try JSONDecoder().decode(Head.self, from: Data(lines[0].utf8))
    #expect(head.version == 2 && head.width == 100 && head.height == 30)
    struct Frame: Decodable {
      var time: Double
      var kind: String
      var data: String
      init(from decoder: any Decoder) throws {
        var list = try decoder.unkeyedContainer()
        time = try list.decode(Double.self)
        kind = try list.decode(String.self)
        data = try list.decode(String.self)
      }
    }
    var last = 0.0
    for line in lines.dropFirst() {
      let frame = try JSONDecoder().decode(Frame.self, from: Data(line.utf8))
      #expect(frame.time >= last && (frame.kind == "o" || frame.kind == "m"))
      #expect(!frame.data.isEmpty)
      last = frame.time
    }
  }

  @Test func aFrameAfterAnEqualOneIsEmpty() {
    var buffer = Look().buffer(Size(width: 10, height: 2))
    buffer.put("한a", x: 0, y: 0, style: Look().style(.bad))
    #expect(AnsiText.frame(buffer).contains("한a"))
    #expect(AnsiText.frame(buffer, after: buffer).isEmpty)
  }
}
