import Engine
import Models
import Planning
import Quantization
import TerminalUI
import Testing
import Workbench

@Suite struct UpdateTests {
  @Test func launchOpensTheModelThenMeasuresTheMachine() {
    var play = Play(catalog: false)
    play.answers = false
    play.send(.launch(model: "/m"))
    #expect(play.effects == [.run(id: JobID(number: 1), request: JobRequest(LoadJob(path: "/m")))])
    #expect(play.state.jobs.queued.map(\.request) == [JobRequest(MachineJob())])
    play.job(.finished(id: JobID(number: 1), LoadJob.self, SampleRun.summary))
    #expect(play.state.facts.model == SampleRun.summary)
    let requests = play.effects.compactMap {
      if case .run(_, let request) = $0 { request } else { nil }
    }
    #expect(requests.contains(JobRequest(MachineJob())))
    #expect(
      requests.contains(
        JobRequest(PlanJob(workload: play.state.choices.workload, machine: nil))))
  }

  @Test func theWholeWalkCanBeDoneWithEnter() {
    var play = Play()
    play.send(.launch(model: nil))
    var screens: [String] = []
    for _ in 0..<24 {
      play.press("enter")
      if screens.last != play.state.screen { screens.append(play.state.screen) }
      if play.state.screen == CompareScreen.id { break }
    }
    let expected =
      [TargetScreen.self, MethodScreen.self, CalibrateScreen.self, HeatmapScreen.self]
      as [any Screen.Type]
    #expect(screens.starts(with: expected.map { $0.id }))
    #expect(
      screens.suffix(4) == [QualityScreen.id, ProfileScreen.id, VerdictScreen.id, CompareScreen.id])
    #expect(play.state.facts.saved != nil)
  }

  @Test func changingTheWorkloadPlansAgainAndOldPlansAreDropped() throws {
    var play = Play()
    play.send(.launch(model: nil))
    play.answers = false
    play.press("2", "right", "right")
    let plans = play.state.jobs.jobs.filter { $0.isOf(PlanJob.self) && $0.status == .running }
    #expect(plans.count == 2)
    let first = try #require(plans.first)
    let last = try #require(plans.last)
    let newest = try #require(last.request.as(PlanJob.self)).workload
    let older = try #require(first.request.as(PlanJob.self)).workload
    #expect(newest.context == 2 * older.context)
    play.job(.finished(id: last.id, PlanJob.self, SampleRun.plan(newest)))
    play.job(.finished(id: first.id, PlanJob.self, SampleRun.plan(older)))
    #expect(play.state.facts.plan?.workload == newest)
  }

  /// A model whose path was typed is listed, the cursor stands on it, and Enter goes on with it.
  @Test func enterGoesOnWithTheModelThatWasOpened() {
    var play = Play()
    play.send(.launch(model: nil))
    var summary = SampleRun.summary
    summary.name = "mine"
    summary.path = "/models/mine"
    play.finish(LoadJob(path: "/models/mine"), summary)
    #expect(play.state.catalog.models.contains { $0.path == "/models/mine" })
    #expect(play.effects.contains(.rememberModel(path: "/models/mine")))
    play.press("1")
    #expect(play.screen().contains("Enter choose what to quantize"))
  }

  /// Runs correct the order of methods: Target plans again once they are others, and not otherwise.
  @Test func aKeptRunPlansAgainWhenTargetIsSeen() {
    var play = Play()
    play.send(.launch(model: nil))
    func plans() -> Int { play.state.jobs.jobs.count { $0.isOf(PlanJob.self) } }
    play.press("2", "3", "2")
    let before = plans()
    play.press("3", "2")
    #expect(plans() == before)
    play.send(
      .catalog(
        part: .run(record: SampleRun.run("run-9", SampleRun.recipe, kl: 0.1, bytes: 1, rate: 1))))
    play.press("3", "2")
    #expect(plans() == before + 1)
    play.press("3", "2")
    #expect(plans() == before + 1)
  }

  @Test func aTypedValueIsTakenOrRefusedWithWhatWasExpected() {
    var play = Play()
    play.send(.launch(model: nil))
    play.press("2", "e", "ctrl+u", "banana", "enter")
    #expect(play.screen().contains("Expected a whole number from 1 to"))
    play.press("ctrl+u", "32k", "enter")
    #expect(play.state.overlay == nil)
    #expect(play.state.choices.workload.context == 32_768)
  }

  @Test func optionsOfAMethodAreMadeFromItsDescription() {
    var play = Play()
    play.send(.launch(model: nil))
    play.press("3", "enter")  // GPTQ
    #expect("\(play.state.choices.recipe)" == "weights gptq:4:128")
    play.press("tab", "left")  // bits 4 -> 3
    #expect("\(play.state.choices.recipe)" == "weights gptq:3:128")
    play.press("e", "ctrl+u", "5", "enter")
    #expect(play.screen().contains("one of 2, 3, 4, 8"))
    play.press("esc", "tab", "f")
    #expect(play.state.choices.recipe.isBaseline)
  }

  @Test func keysAndValuesAreChosenTogetherUntilSplit() {
    var play = Play()
    play.send(.launch(model: nil))
    play.press("2", "enter")  // the plan advises the KV cache
    #expect(play.state[MethodScreen.self].slot == .keys)
    play.press("space")
    #expect(play.state.choices.recipe.keys == play.state.choices.recipe.values)
    #expect(play.state.choices.recipe.keys?.method == "int4", "the method that is advised first")
    play.press("=", "down", "space")
    #expect(play.state.choices.recipe.keys?.method == "int8")
    #expect(play.state.choices.recipe.values?.method == "int4")
  }

  @Test func aFailureSaysWhatAndWhy() {
    var play = Play()
    play.answers = false
    play.send(.launch(model: "/nowhere"))
    play.job(
      .failed(id: JobID(number: 1), message: "/nowhere: expected a directory, found nothing"))
    #expect(
      play.screen(width: 120).contains("Could not open /nowhere: /nowhere: expected a directory"))
  }

  @Test func noticesGoAwayWithTime() {
    var play = Play()
    play.send(.notice(kind: .information, text: "hello"))
    #expect(play.state.nextTick != nil)
    play.send(.tick(milliseconds: 60_000))
    #expect(play.state.notices.isEmpty)
    #expect(play.state.nextTick == nil)
  }

  @Test func impossibleModelsAreRefused() {
    var play = Play()
    play.answers = false
    play.send(.launch(model: nil))
    var summary = SampleRun.summary
    summary.shape.hiddenSize = .max
    play.job(.finished(id: JobID(number: 1), LoadJob.self, summary))
    #expect(play.state.facts.model == nil)
  }

  @Test func aReportThatIsNotOfItsJobIsRefused() {
    var play = Play()
    play.answers = false
    play.send(.launch(model: nil))
    let artifact = ExportedArtifact(path: "/x", bytes: 1)
    play.job(.finished(id: JobID(number: 1), ExportJob.self, artifact))
    #expect(play.state.facts.exported == nil && play.state.facts.model == nil)
    #expect(play.screen(width: 120).contains("expected a report of load, found export"))
    play.job(.part(id: JobID(number: 2), QuantizeJob.self, SampleRun.layers[0]))
    #expect(play.state.facts.layers.isEmpty)
  }

  /// Each job is matched with its report by its number, so that options no file can hold exactly stay what they are.
  @Test func theJobOfAReportKeepsItsOptions() throws {
    var play = Play()
    play.send(.launch(model: nil))
    var recipe = SampleRun.recipe
    recipe.weights?.options["damping"] = .decimal(0.012345678)
    var report = SampleRun.quantized
    report.recipe = .baseline
    play.finish(
      QuantizeJob(recipe: recipe, calibration: .init(), keeping: .nothing), report)
    #expect(play.state.facts.job(QuantizeJob.self)?.recipe == recipe)
    #expect(play.state.facts.quantized?.recipe == .baseline)
  }

  @Test func pausingAndCancellingAskTheEngine() {
    var play = Play()
    play.send(.launch(model: nil))
    play.press("3", "enter")
    play.answers = false
    play.press("enter")
    let id = play.state.jobs.active?.id ?? JobID(number: -1)
    play.press("p")
    #expect(play.effects.last == .pause(id: id))
    #expect(play.screen().contains("paused"))
    play.press("p")
    #expect(play.effects.last == .resume(id: id))
    play.press("X")
    #expect(play.screen().contains("Cancel this job?"))
    play.press("y")
    #expect(play.effects.last == .cancel(id: id))
    play.job(.cancelled(id: id))
    #expect(play.state.jobs.active == nil)
  }

  @Test func theThemePickerTriesOnAndGoesBack() {
    var play = Play()
    play.press("t", "down")
    #expect(play.state.shownTheme == "light")
    play.press("esc")
    #expect(play.state.shownTheme == "dark")
    play.press("t", "down", "enter")
    #expect(play.state.theme == "light")
    #expect(play.effects.contains(.loadTheme(name: "light")))
    play.press("t", "down")  // the broken one is not tried on
    #expect(play.state.shownTheme == "light")
    #expect(play.screen().contains("there is no role"))
  }

  @Test func aClickOnTheWalkLineGoesThere() {
    var play = Play(width: 120)
    play.send(.input(event: .mouse(event: MouseEvent(.press, button: .left, x: 24, y: 0))))
    #expect(play.state.screen == TargetScreen.id)
  }
}
