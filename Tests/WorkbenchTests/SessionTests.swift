import Engine
import Evaluation
import FoundationEssentials
import Operators
import Planning
import Profiling
import Quantization
import TerminalUI
import Testing
import Workbench

@Suite struct SessionTests {
  static let head =
    #"{"nibble":"session","format":2,"program":"0.1.0","size":{"width":100,"height":30},"theme":"dark","title":"t","kind":"session","language":"en"}"#

  static func read(_ lines: String..., end: String = "\n") throws(SessionError) -> Session {
    try Session(parsing: Array((lines.joined(separator: "\n") + end).utf8), path: "x.session")
  }

  @Test func linesOfAllKindsAreRead() throws {
    let session = try Self.read(
      Self.head, #"{"at":10,"message":{"input":{"event":{"key":{"press":"2"}}}}}"#,
      #"{"at":20,"marker":"m"}"#, #"{"at":20,"note":"n"}"#, #"{"at":30,"say":"Look."}"#,
      #"{"at":40,"task":{"text":"Go to Method.","goal":{"screen":"method"}}}"#,
      #"{"at":50,"question":{"text":"Why?","choices":["a","b"],"answer":1,"why":"because"}}"#,
      #"{"at":60,"fireworks":{"colour":"red"}}"#)
    #expect(session.lines.count == 6)
    #expect(session.markers.map(\.at) == [20])
    #expect(session.remarks.count == 1 && session.remarks[0].contains("fireworks"))
  }

  @Test func everyKindOfLineSurvivesARoundTrip() throws {
    let items: [SessionLine.Item] = [
      .message(.launch(model: "/m")), .message(.resize(Size(width: 80, height: 24))),
      .message(.tick(milliseconds: 7)), .marker(title: "a"), .note(text: "b"), .say(text: "c"),
      .task(
        LessonTask(
          text: "d", hint: "e", goal: LessonGoal(recipe: ["weights": "gptq"], keys: [.enter]))),
      .question(LessonQuestion(text: "f", choices: ["g"], answer: 0, why: "h")),
      .message(.notice(kind: .problem, text: "i\n\u{7}")), .message(.recording(path: nil)),
    ]
    let session = Session(
      header: StoreTests.header,
      lines: items.enumerated().map { SessionLine(at: $0.offset * 10, item: $0.element) })
    #expect(try Session(parsing: session.encoded(), path: "round") == session)
  }

  @Test func anUnknownFormatIsRefusedByName() {
    let head = Self.head.replacing("\"format\":2", with: "\"format\":7")
    let newer = SessionError.unknownFormat(
      path: "x.session", found: 7, known: 3, program: "0.1.0")
    #expect(throws: newer) { try Self.read(head) }
    #expect(
      "\(newer)".hasSuffix("found 7, recorded with nibble 0.1.0: replay it with a newer nibble"))
    let former = Self.head.replacing("\"format\":2", with: "\"format\":1")
    let refused = SessionError.unknownFormat(
      path: "x.session", found: 1, known: 3, program: "0.1.0")
    #expect(throws: refused) { try Self.read(former) }
    #expect(
      "\(refused)"
        == "x.session: expected session format 3, found 1, recorded with nibble 0.1.0: replay it "
        + "with the program that recorded it, or record it again with this one")
    #expect(throws: SessionError.notASession(path: "x.session", found: "something else")) {
      try Self.read("{}")
    }
    #expect(throws: SessionError.noHeader(path: "x.session")) { try Self.read("hello") }
    #expect(throws: SessionError.noHeader(path: "x.session")) {
      try Session(parsing: [], path: "x.session")
    }
  }

  @Test func aCutFileLoadsUpToTheCutAndSaysSo() throws {
    let session = try Self.read(
      Self.head, #"{"at":10,"message":{"launch":{}}}"#, #"{"at":20,"message":{"inp"#, end: "")
    #expect(session.lines.count == 1)
    #expect(session.remarks == ["the file was cut in the middle of line 3; it plays up to there"])
    #expect(throws: SessionError.self) {
      try Self.read(Self.head, #"{"at":20,"message":{"inp"#, #"{"at":30,"marker":"m"}"#)
    }
  }

  @Test(arguments: [
    #"{"at":-1,"marker":"m"}"#, #"{"at":99999999999,"marker":"m"}"#, #"{"at":1e400,"marker":"m"}"#,
    #"{"at":9223372036854775808,"marker":"m"}"#, #"{"marker":"m"}"#,
    #"{"at":1,"message":{"tick":{"milliseconds":-5}}}"#,
    #"{"at":1,"message":{"tick":{"milliseconds":9000000000000000000}}}"#,
    #"{"at":1,"question":{"text":"q","choices":["a"],"answer":1,"why":""}}"#,
    #"{"at":1,"part":{"index":1,"count":2,"text":"x"}}"#,
    #"{"at":1,"part":{"index":0,"count":9223372036854775807,"text":"x"}}"#,
    #"{"at":1,"message":{"job":{"event":{"dance":{}}}}}"#,
    #"{"at":1,"message":{"job":{"event":{"cancelled":{"id":{"number":1}},"failed":{}}}}}"#,
    #"{"at":1,"message":{"job":{"event":{"finished":{"id":{"number":1},"job":"dance","report":{}}}}}}"#,
    #"{"at":1,"message":{"job":{"event":{"finished":{"id":{"number":1},"job":"batch","report":{}}}}}}"#,
    #"{"at":1,"message":{"job":{"event":{"part":{"id":{"number":1},"job":"plan","part":{}}}}}}"#,
    #"[[[[[[[[[["#,
  ])
  func hostileLinesAreRefused(_ line: String) {
    #expect(throws: SessionError.self) { try Self.read(Self.head, line) }
  }

  @Test func aFolderThatCannotBeListedIsAnEntryWithItsProblem() {
    let entries = SessionCatalog.entries(folders: ["/dev/null", "/nowhere"])
    #expect(entries.map(\.path) == ["/dev/null"])
    #expect(entries.first?.problem?.contains("/dev/null") == true)
  }

  /// Every session that ships is whole, and plays to its end.
  @Test(.enabled(if: RegistrationTests.hasSources)) func shippedSessionsPlay() throws {
    let folder = RegistrationTests.sources + "/../../Sessions"
    let entries = SessionCatalog.entries(folders: [folder])
    #expect(entries.count >= 6)
    for entry in entries {
      #expect(entry.problem == nil, "\(entry.path): \(entry.problem ?? "")")
      let session = try SessionFile.read(entry.path)
      #expect(session.remarks.isEmpty, "\(entry.path): \(session.remarks)")
      var player = Player(session)
      player.seek(to: player.length)
      #expect(player.isAtEnd)
      #expect(!WorkbenchView.text(player.state, size: session.header.size).isEmpty)
    }
  }

  @Test func anUnknownJobIsRefusedByName() {
    let line =
      #"{"at":1,"message":{"job":{"event":{"finished":{"id":{"number":1},"job":"dance","report":{}}}}}}"#
    let error = #expect(throws: SessionError.self) { try Self.read(Self.head, line) }
    #expect(
      "\(error.map(String.init(describing:)) ?? "")".contains(
        "unknown job 'dance': expected one of"))
  }

  /// One bad line costs that line, as long as there are more good ones.
  @Test func aBadLineIsLeftOutAndSaid() throws {
    let good = (1...3).map { #"{"at":\#($0),"marker":"m\#($0)"}"# }
    for (bad, words) in [
      (#"{"at":1,"message":{"inp"#, "line 3 is wrong and left out: "),
      (#"{"at":-1,"marker":"x"}"#, "line 3 is wrong and left out: -1 ms is no time"),
      (#"{"at":0,"marker":"x"}"#, "line 3 is wrong and left out: time runs back from 1 to 0 ms"),
      ("\u{0}\u{0}", "line 3 is wrong and left out: "),
    ] {
      let session = try Self.read(Self.head, good[0], bad, good[1], good[2])
      #expect(session.markers.map(\.title) == ["m1", "m2", "m3"])
      #expect(
        session.remarks.count == 1 && session.remarks[0].hasPrefix(words), "\(session.remarks)")
    }
    // Empty lines are counted, and a piece that is missing costs its message.
    func piece(_ index: Int) -> String {
      #"{"at":1,"part":{"index":\#(index),"count":3,"text":"x"}}"#
    }
    let session = try Self.read(
      Self.head, "", good[0], piece(0), "[", piece(2), good[1], good[2])
    #expect(session.markers.count == 3)
    #expect(session.remarks.count == 1 && session.remarks[0].hasPrefix("line 5 is wrong"))
  }

  /// Lines of the usual kinds are read by themselves; they mean what the decoder says.
  @Test func quickLinesMeanTheSame() throws {
    let progress =
      #"{"done":3,"jobBytes":9,"peakResidentBytes":12,"phase":"block 4 of 8: comparing outputs","rate":1.5e-05,"rateUnit":"tokens/s","secondsElapsed":0.1,"secondsLeft":12.25,"share":0,"total":8,"unit":"blocks"}"#
    let least =
      #"{"done":0,"peakResidentBytes":1,"phase":"","rateUnit":"","secondsElapsed":1,"total":1,"unit":"é"}"#
    for message in [
      #"{"tick":{"milliseconds":123456}}"#, #"{"tick":{"milliseconds":0}}"#,
      #"{"input":{"event":{"key":{"press":"ctrl+l"}}}}"#,
      #"{"input":{"event":{"key":{"press":"\""}}}}"#, #"{"input":{"event":{"key":{"press":"가"}}}}"#,
      #"{"job":{"event":{"progressed":{"id":{"number":7},"progress":\#(progress)}}}}"#,
      #"{"job":{"event":{"progressed":{"id":{"number":7},"progress":\#(least)}}}}"#,
      #"{"job":{"event":{"progressed":{"id":{"number":7},"progress":\#(least.replacing("é", with: #"\u0041"#))}}}}"#,
      #"{"job":{"event":{"progressed":{"progress":\#(progress),"id":{"number":7}}}}}"#,
    ] {
      let row = Array(#"{"at":130000,"message":\#(message)}"#.utf8)
      let slow = try JSONDecoder().decode(SessionLine.self, from: Data(row))
      let session = try Self.read(Self.head, String(decoding: row, as: UTF8.self))
      #expect(session.lines == [slow], "\(message)")
      #expect(session.remarks.isEmpty)
    }
    // What a decoder would refuse is refused.
    for message in [
      #"{"tick":{"milliseconds":01}}"#, #"{"tick":{"milliseconds":1.5}}"#,
      #"{"input":{"event":{"key":{"press":"j}}}}"#, #"{"input":{"event":{"key":{"press":"jj"}}}}"#,
      #"{"job":{"event":{"progressed":{"id":{"number":7},"progress":{"done":00}}}}}"#,
      #"{"job":{"event":{"progressed":{"id":{"number":7},"progress":\#(least.replacing(#"Elapsed":1"#, with: #"Elapsed":1."#))}}}}"#,
      #"{"tick":{"milliseconds":1}},"x":{"#,
    ] {
      #expect(throws: SessionError.self, "\(message)") {
        try Self.read(Self.head, #"{"at":1,"message":\#(message)}"#)
      }
    }
  }

  @Test func timeDoesNotRunBack() {
    #expect(throws: SessionError.timeRunsBack(path: "x.session", line: 3, from: 20, to: 10)) {
      try Self.read(Self.head, #"{"at":20,"marker":"m"}"#, #"{"at":10,"marker":"m"}"#)
    }
  }

  @Test func wildNumbersInMessagesDoNotTrap() throws {
    var play = Play()
    play.answers = false
    play.send(.launch(model: nil))
    let progress = JobProgress(
      phase: "x", done: .max, total: .min, unit: "u", secondsElapsed: .infinity, secondsLeft: .nan,
      rate: -.infinity, peakResidentBytes: .max)
    play.job(.progressed(id: JobID(number: 1), progress: progress))
    var layer = SampleRun.layers[0]
    layer.block = .max
    layer.relativeError = .nan
    var report = SampleRun.quantized
    report.maps[0].cells = [[]]
    report.maps[0].rows = Array(repeating: "r", count: 500)
    report.layers[3].block = .min
    report.outputBytes = .max
    play.finish(
      QuantizeJob(recipe: report.recipe, calibration: .init(), keeping: .nothing), report,
      parts: [layer])
    var bench = SampleRun.bench
    bench.quantized.decodeKernels[0].seconds = .nan
    bench.quantized.memory["x"] = .max
    bench.peaks.readBandwidth = 0
    play.finish(BenchJob(options: .init()), bench)
    var evaluation = SampleRun.evaluation
    evaluation.kl.mean = .nan
    evaluation.tokens = .min
    play.finish(EvaluateJob(options: .init()), evaluation)
    var plan = SampleRun.plan(play.state.choices.workload)
    plan.fits = [[], [plan.fits[0][0]]]
    plan.memory.budget = 0
    plan.crossoverBatch = .infinity
    play.finish(PlanJob(workload: plan.workload, machine: nil), plan)
    play.send(.input(event: .resize(size: Size(width: 100, height: 30))))
    for screen in Screens.all {
      var state = play.state
      state.show(screen.id)
      for size in [
        Size(width: 60, height: 16), Size(width: 100, height: 30), Size(width: 200, height: 60),
      ] {
        #expect(!WorkbenchView.text(state, size: size).isEmpty)
      }
    }
  }
}
