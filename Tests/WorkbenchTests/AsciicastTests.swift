import FoundationEssentials
import Platform
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

  /// Version 3 word for word (https://docs.asciinema.org/manual/asciicast/v3/), of shipped sessions: the keys that a header may
  /// have, three values an event, intervals in seconds with at most milliseconds, codes and what belongs to them, and in what is
  /// printed nothing but text and complete sequences for place, colour, erasing and cursor.
  @Test(.enabled(if: RegistrationTests.hasSources), arguments: ["gptq-vs-awq", "budget"])
  func versionThreeIsToTheLetter(name: String) throws {
    let session = try SessionFile.read(
      "\(RegistrationTests.sources)/../../Sessions/\(name).session")
    let size = Size(width: 80, height: 24)
    let lines = Asciicast.lines(session, size: size, version: .three)
    let head = try #require(try StrictJSON.parse(Array(lines[0].utf8)).object)
    let known = [
      "version", "term", "timestamp", "idle_time_limit", "command", "title", "env", "tags",
    ]
    #expect(head.members.allSatisfy { known.contains($0.name) })
    #expect(head["version"]?.integer == 3 && head["title"]?.string == session.header.title)
    let term = try #require(head["term"]?.object)
    #expect(term.members.map(\.name) == ["cols", "rows", "type"])
    #expect(term["cols"]?.integer == size.width && term["rows"]?.integer == size.height)
    var markers = 0
    for line in lines.dropFirst() {
      #expect(line.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F })
      let event = try #require(try StrictJSON.parse(Array(line.utf8)).array)
      try #require(event.count == 3)
      guard case .number(let interval) = event[0], let data = event[2].string else {
        Issue.record("expected [interval, code, data], found \(line.prefix(80))")
        continue
      }
      let fraction = interval.text.split(separator: ".").dropFirst().first ?? ""
      #expect(interval.double >= 0 && fraction.count <= 3 && !interval.text.contains("e"))
      switch event[1].string {
      case "m": markers += 1
      case "o": #expect(Self.isPrintable(data), "\(data.debugDescription.prefix(200))")
      default: Issue.record("an event that no session has: \(line.prefix(80))")
      }
    }
    let marks = session.lines.count { if case .marker = $0.item { true } else { false } }
    #expect(markers == marks && marks > 0)
  }

  /// Whether a text has no control character but those that begin a whole sequence a cast of ours may have.
  private static func isPrintable(_ text: String) -> Bool {
    var rest = Array(text.unicodeScalars)[...]
    while let scalar = rest.popFirst() {
      guard scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value) else { continue }
      guard scalar == "\u{1B}", rest.popFirst() == "[" else { return false }
      guard let end = rest.firstIndex(where: { (0x40...0x7E).contains($0.value) }),
        "mHJlh".unicodeScalars.contains(rest[end]),
        rest[..<end].allSatisfy({ "0123456789;?".unicodeScalars.contains($0) })
      else { return false }
      rest = rest[(end + 1)...]
    }
    return true
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
