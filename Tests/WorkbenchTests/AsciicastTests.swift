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

  /// Version 3 as its specification has it: the terminal in an object, times since the event before; else the same film.
  @Test func versionThreeTellsTheSameFilm() throws {
    let size = Size(width: 100, height: 30)
    var session = PlayerTests.walk
    session.lines.insert(SessionLine(at: 0, item: .marker(title: "begin")), at: 0)
    let two = Asciicast.lines(session, size: size)
    let three = Asciicast.lines(session, size: size, version: .three)
    struct Head: Decodable {
      struct Term: Decodable {
        var cols: Int
        var rows: Int
        var type: String
      }
      var version: Int
      var term: Term
      var title: String
      var width: Int?
    }
    let head = try JSONDecoder().decode(Head.self, from: Data(three[0].utf8))
    #expect(head.version == 3 && head.term.cols == 100 && head.term.rows == 30)
    #expect(head.term.type == "xterm-256color" && head.title == session.header.title)
    #expect(head.width == nil)
    #expect(two.count == three.count)
    var at = 0.0
    for (one, other) in zip(two, three).dropFirst() {
      let (early, late) = (try Event(one), try Event(other))
      at += late.time
      #expect(late.time >= 0 && abs(at - early.time) < 1e-6)
      #expect(early.kind == late.kind && early.data == late.data)
    }
  }

  private struct Event: Decodable {
    var time: Double
    var kind: String
    var data: String

    init(_ line: String) throws {
      self = try JSONDecoder().decode(Event.self, from: Data(line.utf8))
    }

    init(from decoder: any Decoder) throws {
      var list = try decoder.unkeyedContainer()
      time = try list.decode(Double.self)
      kind = try list.decode(String.self)
      data = try list.decode(String.self)
    }
  }

  @Test func aFrameAfterAnEqualOneIsEmpty() {
    var buffer = Look().buffer(Size(width: 10, height: 2))
    buffer.put("한a", x: 0, y: 0, style: Look().style(.bad))
    #expect(AnsiText.frame(buffer).contains("한a"))
    #expect(AnsiText.frame(buffer, after: buffer).isEmpty)
  }
}
