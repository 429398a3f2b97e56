import Engine
import FoundationEssentials
import Platform
import TerminalUI
package import Workbench

/// What lessons need from outside the state: their files, the learner's progress, recorded sessions, the glossary.
package struct LessonDesk: Sendable {
  /// Folders with sessions, lessons and glossaries, the most personal first.
  let folders: [String]
  /// The learner's file; nil keeps nothing.
  let progressPath: String?

  /// The learner's file.
  package var path: String? { progressPath }
  /// What is used where no language is asked for.
  let language: String
  /// What a teacher has fixed; nil outside of a class.
  let course: LessonClass?
  /// Of what lessons draw; nil draws anew each time.
  let seed: UInt64?

  package init(
    folders: [String] = [], progressPath: String? = nil, language: String = "en",
    course: LessonClass? = nil, seed: UInt64? = nil
  ) {
    self.folders = folders
    self.progressPath = progressPath
    self.language = course?.language ?? language
    self.course = course
    self.seed = seed ?? course?.seed
  }

  /// The language of the user's environment, of those that lessons are in.
  package static func userLanguage(_ environment: [String: String]) -> String {
    let said = ["LC_ALL", "LC_MESSAGES", "LANG"].compactMap { environment[$0] }.first {
      !$0.isEmpty
    }
    return said?.hasPrefix("ko") == true ? "ko" : "en"
  }

  /// What the lessons screen lists.
  package var entries: [LessonEntry] { listing.entries }

  /// What the lessons screen lists, and why it does not say what was done, if so.
  package var listing: (entries: [LessonEntry], problems: [LessonProblem]) {
    do throws(LessonProblem) {
      return (entries(try progress()), [])
    } catch {
      return (entries(LessonProgress()), [error])
    }
  }

  /// The lessons there are, or those of the class in its order: what lies next to the class file comes before all others.
  private func entries(_ progress: LessonProgress) -> [LessonEntry] {
    let all = LessonCatalog.entries(in: folders, progress: progress)
    guard let course, !course.lessons.isEmpty else { return all }
    return course.lessons.map { id in
      Self.folder(of: id, nextTo: course.path).map { LessonCatalog.entry($0, progress: progress) }
        ?? all.first { $0.id == id }
        ?? LessonEntry(
          id: id, path: id, number: 0, minutes: 0, stops: 0, titles: [:], languages: [], done: 0,
          problem: "\(course.path): expected a lesson that is here, found '\(id)'")
    }
  }

  /// The folder of a lesson that its teacher has put next to the class file; nil where there is none.
  private static func folder(of id: String, nextTo file: String) -> String? {
    guard !id.contains("/"), !id.hasPrefix(".") else { return nil }
    let parts = file.split(separator: "/", omittingEmptySubsequences: false).dropLast()
    let folder = parts.isEmpty ? id : parts.joined(separator: "/") + "/" + id
    let plan = folder + "/" + LessonReader.planFile
    return FileManager.default.fileExists(atPath: plan) ? folder : nil
  }

  /// A lesson as it is taken here: drawn, and as the class has it.
  ///
  /// - Throws: `LessonProblem`, the first of what is wrong with its files.
  package func lesson(
    _ reader: LessonReader, _ language: String? = nil
  ) throws(LessonProblem) -> Lesson {
    let seed = seed ?? UInt64.random(in: 1...UInt64(Int32.max))
    guard let lesson = reader.lesson(language ?? self.language, seed: seed) else {
      throw reader.problems.first ?? LessonProblem(reader.folder, "there is no lesson")
    }
    return course?.fitted(lesson) ?? lesson
  }

  /// - Throws: `LessonProblem` for a file that is none.
  package func progress() throws(LessonProblem) -> LessonProgress {
    guard let progressPath else { return LessonProgress() }
    return try LessonProgress(reading: progressPath)
  }

  /// A session by its name.
  ///
  /// - Throws: `SessionError`.
  func session(_ name: String) throws(SessionError) -> Session {
    let paths = folders.map { "\($0)/\(name)\(SessionFile.ending)" }
    guard let path = paths.first(where: { FileManager.default.fileExists(atPath: $0) }) else {
      throw .unreadable(path: name + SessionFile.ending, reason: "it is in no Sessions folder")
    }
    return try SessionFile.read(path)
  }

  /// Does what the state asked for; what came of it.
  func messages(for effect: Effect, _ state: State) -> [Message] {
    switch effect {
    case .openLesson(let path, let language): return open(path, language)
    case .keepProgress(let lesson, let language, let records, let isFinished):
      return keep(lesson, language, records, isFinished)
    case .standIn(let name, let jobs): return standIn(name, jobs)
    case .openGlossary(let language):
      do throws(LessonProblem) {
        let terms = try Glossary.terms(language ?? self.language, in: folders)
        let screen = WorkbenchView.text(state, size: state.size)
        return [.glossary(terms: Glossary.sorted(terms, for: screen))]
      } catch {
        return [.notice(kind: .problem, text: "\(error)")]
      }
    default: return []
    }
  }

  private func open(_ path: String, _ language: String?) -> [Message] {
    let lesson: Lesson
    do throws(LessonProblem) {
      lesson = try self.lesson(LessonReader(folder: path), language)
    } catch {
      return [.notice(kind: .problem, text: "\(error)")]
    }
    do throws(LessonProblem) {
      return [.lesson(event: .begin(lesson: lesson, before: try progress().records))]
    } catch {
      // The lesson can be taken; what was answered earlier cannot be read.
      return [
        .lesson(event: .begin(lesson: lesson, before: [:])),
        .notice(kind: .problem, text: "\(error)"),
      ]
    }
  }

  private func keep(
    _ lesson: String, _ language: String, _ records: [String: LessonRecord], _ isFinished: Bool
  ) -> [Message] {
    guard let progressPath else { return [] }
    do throws(LessonProblem) {
      var progress = try progress()
      progress.take(lesson, language: language, records: records, isFinished: isFinished)
      try progress.write(to: progressPath)
      return [
        .catalog(
          part: .lessons(entries: entries(progress), language: language))
      ]
    } catch {
      return [.notice(kind: .problem, text: "\(error)")]
    }
  }

  /// The newest recorded report of each job.
  private func standIn(_ name: String, _ jobs: [String]) -> [Message] {
    do throws(SessionError) {
      let session = try session(name)
      var reports: [String: JobEvent] = [:]
      for line in session.lines {
        if case .message(.job(let event)) = line.item, case .finished(_, let report) = event {
          reports[report.job] = event
        }
      }
      let lacking = jobs.filter { reports[$0] == nil }
      guard lacking.isEmpty else {
        let reason =
          "\(name)\(SessionFile.ending) has no report of: \(lacking.joined(separator: ", "))"
        return [.lesson(event: .lacking(reason: reason))]
      }
      return [
        .lesson(event: .stoodIn(session: name, reports: jobs.compactMap { reports[$0] }))
      ]
    } catch {
      return [.lesson(event: .lacking(reason: "\(error)"))]
    }
  }
}
