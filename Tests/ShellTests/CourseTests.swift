import Engine
import Shell
import TerminalUI
import TestSupport
import Testing
import Workbench

/// The course, taken to its end by learners made of rules, with the real engine on the built-in model.
///
/// Measurements read little text. What one learner measured is told to the next one again where all before it was the same.
@Suite(.serialized) struct CourseTests {
  private static let sessions: String = {
    var parts = #filePath.split(separator: "/", omittingEmptySubsequences: false)
    parts.removeLast(3)
    return parts.joined(separator: "/") + "/Sessions"
  }()

  static let sizes = [Size(width: 80, height: 24), Size(width: 120, height: 36)]

  @Test func everyLessonIsTakenToItsEnd() throws {
    let folder = try TemporaryFolder()
    let engine = LessonEngine(
      laboratory: try Laboratory(threads: 1, workspace: Workspace(directory: folder.path("runs"))))
    let desk = LessonDesk(folders: [Self.sessions])
    let readers = LessonCatalog.folders(in: [Self.sessions]).map { LessonReader(folder: $0) }
    try #require(readers.count == 9)
    var before: [String: [String: LessonRecord]] = [:]
    for reader in readers.sorted(by: { $0.number < $1.number }) {
      for language in reader.languages {
        for learner in LessonWalk.Learner.allCases {
          var lesson = try #require(reader.lesson(language))
          lesson.sizes = .least
          var walk = LessonWalk(engine: engine, desk: desk, learner: learner, sizes: Self.sizes)
          let outcome = walk.take(lesson, before: before)
          check(outcome, lesson, learner)
          if learner == .right { before[lesson.id] = outcome.records }
        }
      }
    }
  }

  private func check(
    _ outcome: LessonWalk.Outcome, _ lesson: Lesson, _ learner: LessonWalk.Learner
  ) {
    let name = "\(lesson.id) \(lesson.language) \(learner)"
    #expect(outcome.isFinished, "\(name) did not end")
    // Whoever skips tasks cannot measure what they would have prepared.
    if learner != .wrong { #expect(outcome.problems.isEmpty, "\(name): \(outcome.problems)") }
    for stop in lesson.stops where learner == .right {
      #expect(outcome.records[stop.id] != nil, "\(name): \(stop.id) was not visited")
      if stop.kind == .ask {
        #expect(outcome.records[stop.id]?.isRight == true, "\(name): \(stop.id)")
      }
    }
    if learner == .wrong {
      let asked = lesson.stops.filter { $0.kind == .ask }.compactMap {
        outcome.records[$0.id]?.isRight
      }
      #expect(asked.allSatisfy { !$0 }, "\(name)")
    }
    // With right answers every figure that a text speaks of is known.
    for (stop, text) in outcome.said where learner == .right {
      #expect(!text.contains("–"), "\(name) \(stop):\n\(text)")
    }
    for (stop, texts) in outcome.screens {
      for (text, size) in zip(texts, Self.sizes) {
        let rows = text.split(separator: "\n", omittingEmptySubsequences: false)
        #expect(rows.count == size.height, "\(name) \(stop)")
        #expect(!text.contains("{{"), "\(name) \(stop)")
      }
    }
  }
}
