import Engine
import Synchronization
import Testing

/// Who measures beyond a model's context is told so.
@Suite struct BeyondContextTests {
  private func notes<Kind: Job>(_ job: Kind) throws -> [String] {
    let notes = Mutex<[String]>([])
    let laboratory = try Laboratory(threads: 2)
    _ = try perform(laboratory, LoadJob(path: nil))
    _ = try perform(laboratory, job) { event in
      if case .log(_, let text) = event, text.contains("beyond the model's context") {
        notes.withLock { $0.append(text) }
      }
    }
    return notes.withLock { $0 }
  }

  @Test func depthIsHeldAgainstTheContext() throws {
    func job(_ depth: Int) -> CacheSpeedJob {
      CacheSpeedJob(options: .init(caches: [], depths: [depth], steps: 1, repetitions: 1))
    }
    #expect(try notes(job(16)).isEmpty)
    #expect(try notes(job(1030)).count == 1)
  }
}
