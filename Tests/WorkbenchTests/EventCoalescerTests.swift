import Engine
import Testing
import Workbench

@Suite struct EventCoalescerTests {
  static let id = JobID(number: 1)

  static func progress(_ done: Int) -> JobEvent {
    .progressed(
      id: id, progress: JobProgress(phase: "", done: done, total: 1000, unit: "", secondsElapsed: 0)
    )
  }

  @Test func atMostTwentyReportsASecondPassAndTheLastIsNotLost() {
    var coalescer = EventCoalescer()
    var passed: [JobEvent] = []
    for step in 0..<1000 { passed += coalescer.take(Self.progress(step), at: step) }
    #expect(passed.count <= 21)
    #expect(coalescer.wait(at: 1000) != nil)
    passed += coalescer.flush(at: 2000)
    #expect(passed.last == Self.progress(999))
    #expect(coalescer.wait(at: 2000) == nil)
  }

  @Test func otherEventsPassAtOnceAfterWhatWasHeld() {
    var coalescer = EventCoalescer()
    _ = coalescer.take(Self.progress(1), at: 0)
    #expect(coalescer.take(Self.progress(2), at: 1).isEmpty)
    let end = JobEvent.cancelled(id: Self.id)
    #expect(coalescer.take(end, at: 2) == [Self.progress(2), end])
    #expect(coalescer.flush(at: 1000).isEmpty)
  }
}
