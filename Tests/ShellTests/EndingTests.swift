import Glibc
import TerminalUI
import TestSupport
import Testing
import Workbench

/// How the loop ends when it is not the user who ends it.
@MainActor @Suite(.serialized) struct EndingTests {
  /// The terminal goes away while a recording and a job run: the program ends as after a hangup, and the recording is
  /// whole.
  @Test func aTerminalThatGoesAwayFinishesTheRecording() throws {
    let run = try LoopRun([
      .on("Model", enter: "choose what to quantize", "r"),
      .on("Model", seeing: "Title of the recording", "ctrl+u", "Cut off", "enter"),
      .on("Model", seeing: "Recording to", "enter"),
      .on("Target", enter: "methods for the", "enter"),
      .on("Method", enter: "use", "enter"),
      .on("Method", enter: "quantize", "enter"),
      .on("Calibrate", seeing: "CALIBRATE").ending(.terminalGone),
    ])
    #expect(run.terminal.failure == nil, "\(run.terminal.failure ?? "")")
    #expect(run.code == 128 + SIGHUP)
    let path = run.folder.path("recordings/recording-1.session")
    #expect(run.farewell.contains { $0.contains(path) })
    let session = try SessionFile.read(path)
    #expect(session.remarks.isEmpty)
    #expect(session.header.title == "Cut off")
    #expect(session.header.began?.hasSuffix("Z") == true)
    let frame = PlayerView.frame(
      session, at: Double(session.milliseconds), size: session.header.size)
    #expect(frame.contains("CALIBRATE"))
  }

  @Test(arguments: [SIGINT, SIGTERM, SIGHUP]) func aSignalGivesItsCode(number: Int32) throws {
    let run = try LoopRun([
      .on("Model", seeing: "MODEL").ending(.signal(number: number))
    ])
    #expect(run.terminal.failure == nil, "\(run.terminal.failure ?? "")")
    #expect(run.code == 128 + number)
    #expect(run.farewell.isEmpty)
  }

  @Test func quittingGivesZero() throws {
    let run = try LoopRun([.on("Model", enter: "choose what to quantize", "q", "y")])
    #expect(run.terminal.failure == nil, "\(run.terminal.failure ?? "")")
    #expect(run.code == 0)
  }
}
