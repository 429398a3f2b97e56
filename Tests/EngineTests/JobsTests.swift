import Engine
import Evaluation
import FoundationEssentials
import Planning
import Profiling
import Quantization
import Testing

/// What holds of every kind of job, and of the store that their reports lie in.
@Suite struct JobsTests {
  private static let requests: [JobRequest] = [
    JobRequest(LoadJob(path: "/m")), JobRequest(LoadJob(path: nil)), JobRequest(MachineJob()),
    JobRequest(PlanJob(workload: Workload(context: 2048), machine: "H100")),
    JobRequest(
      QuantizeJob(
        recipe: RecipeText.scheme("W4A16") ?? .baseline, calibration: CalibrationOptions(seed: 3),
        keeping: .folder(path: "/f", resumes: true))),
    JobRequest(RestoreJob(map: 1, cells: [CellAddress(row: 2, column: 3)], windows: 4)),
    JobRequest(
      AllocateJob(
        recipe: .baseline, calibration: .init(), budget: .bits(4.012345), windows: 2)),
    JobRequest(BatchJob(options: BatchOptions(batches: [1, 2]))), JobRequest(SaveJob()),
  ]

  @Test func requestsSurviveJSONWithTheirOptions() throws {
    for request in Self.requests {
      let data = try JSONEncoder().encode(request)
      #expect(try JSONDecoder().decode(JobRequest.self, from: data) == request)
      #expect(String(decoding: data, as: UTF8.self).contains("\"job\":\"\(request.name)\""))
    }
    #expect(Set(Self.requests).count == Self.requests.count)
    #expect(JobRequest(LoadJob(path: "a")) != JobRequest(LoadJob(path: "b")))
    #expect(JobRequest(SaveJob()) != JobRequest(MachineJob()))
  }

  @Test func anUnknownJobIsRefusedByName() {
    let text = #"{"job":"dance","options":{}}"#
    let error = #expect(throws: DecodingError.self) {
      try JSONDecoder().decode(JobRequest.self, from: Data(text.utf8))
    }
    guard case .dataCorrupted(let context)? = error else {
      Issue.record("another error")
      return
    }
    #expect(context.debugDescription.hasPrefix("unknown job 'dance': expected one of allocate, "))
  }

  @Test func eventsSurviveJSONWithTheirReports() throws {
    let id = JobID(number: 7)
    let artifact = ExportedArtifact(path: "/out", bytes: 5)
    let survey = CalibrationSurvey(
      recipe: .baseline, text: "t", blocks: [0], heldOut: 2, roundedError: 0.5, points: [])
    let events: [JobEvent] = [
      .started(id: id, title: "t"), .log(id: id, text: "l"), .failed(id: id, message: "m"),
      .cancelled(id: id), .finished(id: id, ExportJob.self, artifact),
      .part(id: id, CalibrationSurveyJob.self, survey),
      .progressed(
        id: id,
        progress: JobProgress(phase: "p", done: 1, total: 2, unit: "u", secondsElapsed: 3)),
    ]
    for event in events {
      let data = try JSONEncoder().encode(event)
      #expect(try JSONDecoder().decode(JobEvent.self, from: data) == event)
    }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    #expect(
      String(decoding: try encoder.encode(events[4]), as: UTF8.self)
        == #"{"finished":{"id":{"number":7},"job":"export","report":{"bytes":5,"path":"/out"}}}"#)
  }

  /// What each change takes away is what the jobs say: nothing of another model stays but the machine, and a sweep, which is
  /// of no open model.
  @Test func changesMakeReportsStale() {
    let opened = Jobs.all.filter { !$0.staleAfter.contains(.modelOpened) }.map { $0.name }
    #expect(opened == [MachineJob.name, SweepJob.name])
    for kind in Jobs.all where kind.staleAfter.contains(.quantized) {
      #expect(kind.staleAfter == Set(Change.allCases), "\(kind.name)")
    }
    var reports = JobReports()
    reports[ExportJob.self] = ExportedArtifact(path: "/out", bytes: 5)
    reports[CalibrationSurveyJob.self] = CalibrationSurvey(
      recipe: .baseline, text: "t", blocks: [], heldOut: 1, roundedError: 0, points: [])
    reports.forget(after: .quantized)
    #expect(reports[ExportJob.self] == nil && reports[CalibrationSurveyJob.self] != nil)
    reports.forget(after: .modelChanged)
    #expect(reports[CalibrationSurveyJob.self] == nil)
  }

  @Test func partsGrowIntoAReportAndAnEarlierOneIsDroppedAtTheStart() {
    let job = CalibrationSurveyJob(recipe: .baseline, calibration: .init())
    func survey(_ points: Int) -> CalibrationSurvey {
      CalibrationSurvey(
        recipe: .baseline, text: "t", blocks: [], heldOut: 1, roundedError: 0,
        points: (0..<points).map {
          CalibrationSurvey.Point(
            windows: $0, tokens: $0, error: 1, halfErrors: [], agreement: 1)
        })
    }
    var reports = JobReports()
    reports.finish(job, survey(3))
    reports.begin(job)
    #expect(reports[CalibrationSurveyJob.self] == nil)
    reports.add(survey(1), of: job)
    #expect(reports[CalibrationSurveyJob.self]?.points.count == 1)
    #expect(reports.job(CalibrationSurveyJob.self) == job)
    reports.finish(job, survey(2))
    #expect(reports[CalibrationSurveyJob.self]?.points.count == 2)
  }

  @Test func keptPartsAreThoseOfTheRunAndEndWithIt() {
    let job = QuantizeJob(recipe: .baseline, calibration: .init(), keeping: .nothing)
    let layer = LayerReport(
      block: 0, projection: "q", method: "rtn", bits: 4, relativeError: 0.1, sqnr: 10, cosine: 1,
      bytes: 8)
    let report = QuantizeReport(
      recipe: .baseline, seconds: 1, peakResidentBytes: 1, outputBytes: 1, baselineBytes: 1,
      kvBytesPerToken: 1, baselineKVBytesPerToken: 1, layers: [layer], maps: [])
    var reports = JobReports()
    #expect(reports.parts(of: QuantizeJob.self) == nil)
    reports.begin(job)
    reports.add(layer, of: job)
    reports.add(layer, of: job)
    #expect(reports.parts(of: QuantizeJob.self)?.count == 2)
    #expect(reports[QuantizeJob.self] == nil, "layers alone are no report")
    reports.finish(job, report)
    #expect(reports.parts(of: QuantizeJob.self) == nil)
    #expect(reports.job(QuantizeJob.self) == job)
  }
}
