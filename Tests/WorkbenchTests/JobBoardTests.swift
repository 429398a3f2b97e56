import Engine
import Planning
import Testing
import Workbench

@Suite struct JobBoardTests {
  @Test func heavyJobsRunOneAtATimeAndLightOnesBeside() {
    var board = JobBoard()
    #expect(board.start(MachineJob(), now: 0).count == 1)
    #expect(board.start(RecallJob(documents: 1), now: 0).isEmpty)
    #expect(board.start(PlanJob(workload: Workload(context: 1), machine: nil), now: 0).count == 1)
    #expect(board.queued.count == 1)
    let effects = board.apply(.failed(id: JobID(number: 1), message: "no"), now: 5)
    #expect(effects == [.run(id: JobID(number: 2), request: JobRequest(RecallJob(documents: 1)))])
    #expect(board.active?.id == JobID(number: 2))
  }

  @Test func cancellingDropsWhatWaits() {
    var board = JobBoard()
    _ = board.start(MachineJob(), now: 0)
    _ = board.start(RecallJob(documents: 1), now: 0)
    #expect(board.apply(.cancelled(id: JobID(number: 1)), now: 1).isEmpty)
    #expect(board.queued.isEmpty && board.active == nil)
  }

  @Test func theBoardForgetsOldJobsButNotRunningOnes() {
    var board = JobBoard()
    _ = board.start(MachineJob(), now: 0)
    for number in 2...200 {
      _ = board.start(SaveJob(), now: 0)
      _ = board.apply(.cancelled(id: JobID(number: number)), now: 0)
    }
    #expect(board.jobs.count <= 41)
    #expect(board.active?.id == JobID(number: 1))
  }

  /// A recording whose answers were lost does not grow without end.
  @Test func jobsWithoutAnEndAreForgottenToo() {
    var board = JobBoard()
    _ = board.start(MachineJob(), now: 0)
    for _ in 0..<1000 {
      _ = board.start(PlanJob(workload: Workload(context: 1), machine: nil), now: 0)
    }
    #expect(board.jobs.count <= 257)
    #expect(board.active?.id == JobID(number: 1))
  }

  @Test func eventsOfUnknownJobsAreIgnored() {
    var board = JobBoard()
    #expect(board.apply(.cancelled(id: JobID(number: 77)), now: 0).isEmpty)
    #expect(board.jobs.isEmpty)
  }
}
