import Engine
import FoundationEssentials
import Quantization
import TerminalUI
import Testing
import Workbench

@Suite struct StoreTests {
  static let header = SessionHeader(
    program: "0.1.0", size: Size(width: 100, height: 30), theme: "dark", title: "test")

  @Test func aReplayGivesAnEqualState() throws {
    let play = Play.walk()
    let session = try Session(
      parsing: Self.file(play.store.journal), path: "walk.session")
    var replayed = State(size: Size(width: 100, height: 30))
    for line in session.lines {
      if case .message(let message) = line.item { _ = update(&replayed, message) }
    }
    let isSame = replayed == play.state
    #expect(isSame)
    #expect(session.remarks.isEmpty)
  }

  @Test func linesStayUnderTheLimitAndLongMessagesAreCutAndJoined() throws {
    var play = Play()
    play.answers = false
    play.send(.launch(model: nil))
    play.press("3", "enter")
    play.job(.finished(id: JobID(number: 1), LoadJob.self, SampleRun.summary))
    play.press("3", "enter", "enter")
    let id = JobID(number: 9)
    var report = SampleRun.quantized
    report.layers = (0..<80).flatMap { block in
      SampleRun.layers.map { layer in
        var layer = layer
        layer.block = block
        layer.fallback = "\u{1F600} \"quoted\" \\ \(block)"
        return layer
      }
    }
    let message = Message.job(event: .finished(id: id, QuantizeJob.self, report))
    play.send(message)
    #expect(play.store.journal.allSatisfy { $0.count <= SessionCodec.longestLine })
    let session = try Session(parsing: Self.file(play.store.journal), path: "long")
    guard case .message(let last) = session.lines.last?.item else {
      Issue.record("no message")
      return
    }
    let isSame = last == (try SessionCodec.canonical(message))
    #expect(isSame)
  }

  @Test func aRecordingBeginsAtTheStartAndGrows() throws {
    let path =
      FileManager.default.temporaryDirectory.path
      + "/nibble-\(UInt64.random(in: 0 ..< .max)).session"
    defer { try? FileManager.default.removeItem(atPath: path) }
    var play = Play()
    play.send(.launch(model: nil))
    try play.store.startRecording(path: path, header: Self.header)
    play.press("2", "3")
    try play.store.annotate(.marker(title: "here"))
    let whileOpen = try SessionFile.read(path)
    #expect(whileOpen.markers.map(\.title) == ["here"])
    play.press("4")
    try play.store.stopRecording()
    play.press("5")
    let session = try SessionFile.read(path)
    var replayed = State(size: session.header.size)
    for line in session.lines {
      if case .message(let message) = line.item { _ = update(&replayed, message) }
    }
    #expect(replayed.screen == CalibrateScreen.id)
    let isSame = replayed.facts == play.state.facts
    #expect(isSame)
    #expect(SessionFile.entry(path).title == "test")
  }

  static func file(_ journal: [[UInt8]]) throws -> [UInt8] {
    let head = try Session(header: header, lines: []).encoded()
    return head + journal.flatMap { $0 + [0x0A] }
  }
}
