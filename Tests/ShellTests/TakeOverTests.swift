import Engine
import Shell
import TerminalUI
import TestSupport
import Testing
import Workbench

/// A session that was recorded while a job ran is taken over: the program is alive.
@MainActor @Suite(.serialized) struct TakeOverTests {
  /// The recording of a walk that was cut off while it quantized.
  private func recording(_ folder: TemporaryFolder, model: String?) throws -> Session {
    var store = Store(state: State(size: Size(width: 120, height: 36)))
    var time = 0
    func send(_ message: Message, _ store: inout Store) {
      time += 100
      _ = store.send(message, at: time)
    }
    send(.launch(model: model), &store)
    for (number, job) in [(1, LoadJob.name), (2, MachineJob.name)] {
      send(.job(event: .started(id: JobID(number: number), title: job)), &store)
    }
    var bytes: [UInt8] = []
    let header = SessionHeader(
      program: "0.1.0", size: Size(width: 120, height: 36), theme: "dark", title: "cut")
    bytes += try Session(header: header, lines: []).encoded()
    for line in store.journal { bytes += line + [0x0A] }
    return try Session(parsing: bytes, path: folder.path("cut.session"))
  }

  private func taken(_ session: Session, _ steps: [ScriptedTerminal.Step]) throws
    -> ScriptedTerminal
  {
    let folder = try TemporaryFolder()
    let terminal = ScriptedTerminal(seconds: 60, steps)
    var loop = WorkbenchLoop(
      terminal: terminal, store: Store(state: State(size: terminal.size)),
      laboratory: try Laboratory(
        threads: 2, workspace: Workspace(directory: folder.path("runs"))),
      themes: ThemeCatalog(folders: []), recordings: folder.path("recordings"),
      startedAt: session.milliseconds)
    loop.play(session)
    _ = loop.run()
    _ = loop.end()
    return terminal
  }

  @Test func aJobThatRanHasStopped() throws {
    let folder = try TemporaryFolder()
    let session = try recording(folder, model: nil)
    let terminal = try taken(
      session,
      [
        .on("Model", seeing: "take over", "end", "f"),
        // The model is open again: what could not be with a job that never ends.
        .on("Model", enter: "choose what to quantize", "q", "y"),
      ])
    #expect(terminal.failure == nil, "\(terminal.failure ?? "")")
  }

  @Test func withoutItsModelItIsReadOnly() throws {
    var player = Player(
      Session(
        header: SessionHeader(
          program: "0.1.0", size: Size(width: 100, height: 30), theme: "dark", title: "gone"),
        lines: []))
    player.isPlaying = true
    var store = player.fork()
    _ = store.send(.readOnly(reason: "Read only: gone"), at: 10)
    let effects = store.send(.key(.character("2")), at: 20)
    #expect(effects.isEmpty)
    var state = store.state
    #expect(state.start(MachineJob()).isEmpty)
    #expect(state.notices.last?.text == "Read only: gone")
  }
}
