import Engine
import Quantization
import Shell
import TestSupport
import Testing
import Workbench

/// What was chosen in a shipped session comes out again, and what was tampered with is found.
@Suite(.serialized) struct SessionRerunTests {
  /// The session up to the first report of a kind of job.
  private static func session(_ name: String, upTo job: String) throws -> Session {
    var parts = #filePath.split(separator: "/", omittingEmptySubsequences: false)
    parts.removeLast(3)
    var session = try SessionFile.read(
      parts.joined(separator: "/") + "/Sessions/\(name).session")
    let end = try #require(
      session.lines.firstIndex { line in
        guard case .message(.job(.finished(_, let report))) = line.item else { return false }
        return report.job == job
      })
    session.lines = Array(session.lines[...end])
    return session
  }

  private static func verdict(_ session: Session) throws -> SessionVerdict {
    let folder = try TemporaryFolder()
    let laboratory = try Laboratory(
      threads: 2, workspace: Workspace(directory: folder.path("runs")))
    var rerun = SessionRerun(session, laboratory: laboratory)
    return try rerun.run(session)
  }

  @Test func aShippedSessionComesOutAgain() throws {
    let session = try Self.session("weights-rtn", upTo: QuantizeJob.name)
    let verdict = try Self.verdict(session)
    #expect(verdict.holds, "\(verdict.words) \(verdict.choices) \(verdict.moved)")
    #expect(verdict.words.hasPrefix("Same choice"))
    let step = try #require(verdict.steps.last { $0.isHeavy })
    #expect(step.words.contains("quantize") && step.comparison?.compared ?? 0 > 3)
    #expect(
      verdict.steps.contains { $0.note?.contains("the machine is taken as recorded") == true })
  }

  @Test func aFigureThatWasTamperedWithIsFound() throws {
    var session = try Self.session("weights-rtn", upTo: QuantizeJob.name)
    guard case .message(.job(.finished(let id, let report))) = session.lines.last?.item,
      var quantized = report.value as? QuantizeReport
    else {
      Issue.record("no report")
      return
    }
    for index in quantized.layers.indices { quantized.layers[index].relativeError *= 0.5 }
    session.lines[session.lines.count - 1].item = .message(
      .job(event: .finished(id: id, QuantizeJob.self, quantized)))
    let verdict = try Self.verdict(session)
    #expect(!verdict.holds)
    let moved = verdict.moved.first { $0.figure.name == "layers.*.relativeError" }
    #expect(moved?.figure.isWithin == false)
  }

  @Test func aModelThatIsNotHereIsNamed() throws {
    var session = try Self.session("weights-rtn", upTo: LoadJob.name)
    for index in session.lines.indices {
      if case .message(.launch) = session.lines[index].item {
        session.lines[index].item = .message(.launch(model: "/no/such/model"))
      }
    }
    let error = #expect(throws: SessionError.self) { try Self.verdict(session) }
    #expect("\(error.map(String.init(describing:)) ?? "")".contains("/no/such/model"))
  }
}
