import Engine
import FoundationEssentials
import Platform
import TerminalUI
import Testing
import Workbench

/// Any point of a session is reached from the entrance before it, and shows what a replay from the start shows.
@Suite struct SessionIndexTests {
  private static var shipped: [Session] {
    get throws {
      let entries = SessionCatalog.entries(folders: [RegistrationTests.sources + "/../../Sessions"])
      return try entries.map { try SessionFile.read($0.path) }
    }
  }

  /// The states after numbers of lines, in one walk from the start.
  private static func states(_ session: Session, at counts: [Int]) -> [Int: State] {
    var state = State(size: session.header.size)
    state.theme = session.header.theme
    var states: [Int: State] = [:]
    let wanted = Set(counts)
    for (index, line) in session.lines.enumerated() {
      if wanted.contains(index) { states[index] = state }
      if case .message(let message) = line.item { _ = update(&state, message) }
    }
    states[session.lines.count] = state
    return states
  }

  @Test(.enabled(if: RegistrationTests.hasSources))
  func shippedSessionsShowTheSameForwardsAndBackwards() throws {
    for session in try Self.shipped {
      let counts = (0...9).map { session.lines.count * $0 / 9 }
      let states = Self.states(session, at: counts)
      var player = Player(session)
      for count in counts + counts.reversed() {
        // Where several lines have one time the player stands after the last of them.
        let at = count == 0 ? -1 : session.lines[count - 1].at
        let last = session.lines.lastIndex { $0.at <= at }.map { $0 + 1 } ?? 0
        player.seek(to: Double(max(0, at)))
        guard last == count, at > 0 else { continue }
        let isSame = player.state == states[count]
        #expect(isSame, "\(session.header.title), line \(count)")
      }
    }
  }

  @Test(.enabled(if: RegistrationTests.hasSources))
  func anyPointOfALongSessionIsNearAnEntrance() throws {
    let session = LongSession.make(seconds: 900, from: try Self.shipped)
    #expect(session.milliseconds >= 900_000 && session.lines.count > 2000)
    let index = SessionIndex(session)
    #expect(index.entrances.count > session.lines.count / 200)
    for (one, other) in zip(index.entrances, index.entrances.dropFirst()) {
      #expect(other.index > one.index && other.index - one.index <= 160)
    }
    var seed: UInt64 = 7
    let counts = (0..<24).map { _ -> Int in
      seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(seed >> 33) % session.lines.count
    }
    let states = Self.states(session, at: counts)
    for count in counts {
      let entrance = index.entrance(before: count)
      #expect(entrance.index <= count)
      var state = entrance.state
      for line in session.lines[entrance.index..<count] {
        if case .message(let message) = line.item { _ = update(&state, message) }
      }
      let isSame = state == states[count]
      #expect(isSame, "line \(count)")
    }
  }

  /// A session of many hours has no more entrances than one of a few.
  @Test func entrancesAreHundredsAtMost() {
    let ticks = (0..<200_000).map { SessionLine(at: $0, item: .message(.tick(milliseconds: $0))) }
    let index = SessionIndex(Session(header: StoreTests.header, lines: ticks))
    #expect((400...520).contains(index.entrances.count), "\(index.entrances.count)")
    #expect(index.entrance(before: 199_999).index > 199_000)
  }

  @Test(.enabled(if: RegistrationTests.hasSources)) func aLongFileIsReadAsItWasWritten() throws {
    let session = LongSession.make(seconds: 200, from: try Self.shipped)
    var bytes = try session.encoded()
    try #require(session.lines.count > 700)
    let again = try Session(parsing: bytes, path: "long")
    let isSame = again.lines == session.lines
    #expect(isSame)
    // A bad line is named by its number, wherever it is read, and is all that is lost.
    let rows = bytes.split(separator: 0x0A)
    try #require(rows.count > 700)
    let cut = rows.indices.filter { rows[$0].count < 400 && $0 > 599 }.first ?? 600
    bytes = Array(
      rows.enumerated().map { $0 == cut ? Array("{}".utf8)[...] : $1 }.joined(separator: [0x0A]))
    let damaged = try Session(parsing: bytes, path: "long")
    #expect(damaged.lines.count == session.lines.count - 1)
    #expect(
      damaged.remarks.count == 1
        && damaged.remarks[0].hasPrefix("line \(cut + 1) is wrong and left out: "),
      "\(damaged.remarks)")
  }

  @Test func ticksAreReadTheShortWayOnlyAsTheyAreWritten() throws {
    func read(_ line: String) -> [SessionLine]? {
      try? SessionTests.read(SessionTests.head, line).lines
    }
    let tick = SessionLine(at: 12, item: .message(.tick(milliseconds: 345)))
    #expect(read(#"{"at":12,"message":{"tick":{"milliseconds":345}}}"#) == [tick])
    #expect(read(#"{ "at":12,"message":{"tick":{"milliseconds":345}}}"#) == [tick])
    #expect(read(#"{"at":012,"message":{"tick":{"milliseconds":345}}}"#) == nil)
    #expect(read(#"{"at":12,"message":{"tick":{"milliseconds":345}}"#) == nil)
    #expect(read(#"{"at":12,"message":{"tick":{"milliseconds":9000000000000000000}}}"#) == nil)
  }

  /// What an hour costs, or NIBBLE_HOURS of them: run with NIBBLE_HOUR=FILE in the environment; the file is left there.
  @Test(.enabled(if: ProcessInfo.processInfo.environment["NIBBLE_HOUR"] != nil))
  func anHourIsMeasured() throws {
    let path = ProcessInfo.processInfo.environment["NIBBLE_HOUR"] ?? ""
    let hours = Int(ProcessInfo.processInfo.environment["NIBBLE_HOURS"] ?? "") ?? 1
    let made = LongSession.make(seconds: hours * 3600, from: try Self.shipped)
    try WholeFile.write(try made.encoded(), to: path)
    let bytes = try MappedFile(path: path).byteCount
    func resident() -> Int {
      ProcessMemory.read()?.mappings.reduce(0) { $0 + $1.residentBytes } ?? 0
    }
    let (before, start) = (resident(), Machine.seconds())
    let session = try SessionFile.read(path)
    let read = Machine.seconds()
    var player = Player(session)
    let opened = Machine.seconds()
    let after = resident()
    var times: [Double] = []
    var generator = SeededGenerator(seed: 1)
    for _ in 0..<100 {
      let goal = Double(generator.next() % UInt64(max(1, session.milliseconds)))
      let begin = Machine.seconds()
      player.seek(to: goal)
      var buffer = Look().buffer(Size(width: 100, height: 30))
      PlayerView.draw(player, into: &buffer, look: Look())
      times.append(Machine.seconds() - begin)
    }
    times.sort()
    print(
      "\(hours) h: \(session.lines.count) lines, \(bytes) bytes, read \(read - start) s, walked \(opened - read) s, "
        + "100 points: median \(times[50] * 1000) ms, worst \(times[99] * 1000) ms, \(after - before) bytes resident"
    )
    #expect(session.milliseconds >= 3_600_000)
  }
}
