import FoundationEssentials
import Platform
package import Workbench

/// Tells a second terminal how far a lesson is that is shown to a room: one small file, replaced whenever that changes.
package struct LessonBeacon {
  /// What the file says.
  package struct Signal: Hashable, Sendable, Codable {
    package var lesson: String
    package var language: String
    package var title: String
    /// The place of the stop, from 0; nil once the lesson is over.
    package var index: Int?
    package var stops: Int
    package var stop: String
    package var page: Int
    package var pages: Int
    package var isSettled: Bool
    /// What the teacher's notes say of the stop, and the answers that are known, filled in.
    package var notes: String
    package var answer: String?
    package var next: String?
    /// Seconds since the lesson began.
    package var seconds: Int
    package var secondsLeft: Int?
  }

  package let path: String
  private var last: Signal?
  private var hasFailed = false

  package init(path: String) { self.path = path }

  /// Writes the file where what it says has changed; yields, once, why that cannot be: the room goes on.
  package mutating func show(_ state: State) -> String? {
    guard var signal = Self.signal(state) ?? over else { return nil }
    let seconds = signal.seconds
    // The clock alone is written every five seconds.
    signal.seconds = seconds / 5 * 5
    guard signal != last else { return nil }
    last = signal
    signal.seconds = seconds
    do {
      try Self.write(signal, to: path)
      hasFailed = false
    } catch {
      defer { hasFailed = true }
      if !hasFailed {
        return "A second terminal is not told of the lesson: \(ErrorWords.of(error))"
      }
    }
    return nil
  }

  /// The lesson that was shown, ended.
  private var over: Signal? {
    guard var signal = last, signal.index != nil else { return nil }
    signal.index = nil
    return signal
  }

  private static func signal(_ state: State) -> Signal? {
    guard let run = state.lesson else { return nil }
    let stop = run.stop
    let next = run.isLast ? nil : run.lesson.stops[run.index + 1].id
    return Signal(
      lesson: run.lesson.id, language: run.lesson.language, title: run.lesson.title,
      index: run.index, stops: run.lesson.stops.count, stop: stop.id, page: run.page,
      pages: state.lessonPages, isSettled: run.isSettled, notes: state.lessonNotes,
      answer: state.lessonAnswer(stop), next: next, seconds: max(0, state.now - run.since) / 1000,
      secondsLeft: run.secondsLeft(at: state.now).map { $0 / 5 * 5 })
  }

  private static func write(_ signal: Signal, to path: String) throws {
    let folder = path.split(separator: "/", omittingEmptySubsequences: false).dropLast()
      .joined(separator: "/")
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    try WholeFile.write([UInt8](try JSONEncoder().encode(signal)), to: path)
  }

  /// What the file says now; nil where there is none.
  ///
  /// - Throws: `LessonProblem` for a file that is none.
  package func read() throws(LessonProblem) -> Signal? {
    guard let data = FileManager.default.contents(atPath: path) else { return nil }
    do {
      return try JSONDecoder().decode(Signal.self, from: data)
    } catch {
      throw LessonProblem(path, "expected how far a lesson is, found something else")
    }
  }
}
