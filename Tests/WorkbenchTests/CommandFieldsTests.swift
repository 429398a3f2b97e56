import Engine
import Evaluation
import Quantization
import TerminalUI
import Testing
import Workbench

/// What a command has an option for, a field of its screen sets.
@Suite struct CommandFieldsTests {
  /// Steps or types a field of the screen that is shown, found by its label.
  static func set(_ label: String, to text: String? = nil, in play: inout Play) throws {
    let screen = Screens.current(play.state)
    var state = play.state
    let setting = try #require(
      (screen.settings(state) + screen.prompts(state)).first { $0.label == label })
    if let text {
      guard case .taken = setting.take(&state, text) else {
        Issue.record("\(label): \(text) was not taken")
        return
      }
    } else {
      _ = setting.step(&state, 1)
    }
    play.store = Store(state: state)
  }

  @Test func whereATextBeginsIsAField() throws {
    var play = Play.walk()
    play.press("6")
    var found: [WindowBegin?] = []
    for _ in 0..<4 {
      try Self.set("BOS", in: &play)
      play.press("m")
      found.append(try #require(play.started(EvaluateJob.self).last).job.options.begin)
    }
    #expect(found == WindowBegin.allCases.map { Optional($0) } + [nil])
  }

  @Test func cachesAreFilledInFullPrecisionWhereItIsAsked() throws {
    var play = Play()
    play.send(.launch(model: nil))
    play.press("K", "m")
    #expect(try #require(play.started(CachesJob.self).last).job.options.prefill == nil)
    play.press("e", "ctrl+u", "half", "enter")
    #expect(play.screen().contains("Expected passes or full"))
    play.press("ctrl+u", "full", "enter", "m")
    #expect(try #require(play.started(CachesJob.self).last).job.options.prefill == .full)
  }

  @Test func aChoiceCanBeExhaustive() throws {
    var play = Play()
    play.send(.launch(model: nil))
    play.press("D", "m")
    #expect(try #require(play.started(ChooseJob.self).last).job.options.exhaustive == nil)
    try Self.set("exhaustive", in: &play)
    play.press("m")
    #expect(try #require(play.started(ChooseJob.self).last).job.options.exhaustive == true)
  }

  @Test func anImportanceMatrixWeighsWhatIsWritten() throws {
    var play = Play.walk()
    play.press("8")
    try Self.set("imatrix", to: " a.imatrix ", in: &play)
    play.press("w")
    #expect(try #require(play.started(ExportJob.self).last).job.importance == "a.imatrix")
    try Self.set("imatrix", to: "", in: &play)
    play.press("w")
    #expect(try #require(play.started(ExportJob.self).last).job.importance == nil)
  }
}
