import FoundationEssentials
import Platform

/// What one learner answered and measured, as a teacher collects it: one JSON file a learner.
package struct LearnerSheet: Hashable, Sendable, Codable {
  package static let currentFormat = 1

  package var format = Self.currentFormat
  package var learner: String
  /// The class it was taken in.
  package var course: String?
  /// The version of the program.
  package var program: String
  package var lessons: [String: LessonProgress.Kept]

  package init(
    learner: String, course: String?, program: String, lessons: [String: LessonProgress.Kept]
  ) {
    self.learner = learner
    self.course = course
    self.program = program
    self.lessons = lessons
  }

  /// Reads a sheet, or a learner's own progress file, which has the name of its file.
  ///
  /// - Throws: `LessonProblem` naming the file.
  package init(reading path: String) throws(LessonProblem) {
    struct Probe: Decodable {
      var learner: String?
      var format: Int?
    }
    do {
      let file = try MappedFile(path: path)
      let bytes = try file.read(at: 0, count: min(file.byteCount, 64 << 20))
      let probe = try SessionCodec.decode(Probe.self, bytes)
      guard probe.learner != nil else {
        let progress = try LessonProgress(reading: path)
        let name = path.split(separator: "/").last.map(String.init) ?? path
        self.init(
          learner: name.hasSuffix(".json") ? String(name.dropLast(5)) : name, course: nil,
          program: "", lessons: progress.lessons)
        return
      }
      guard probe.format == Self.currentFormat else {
        throw LessonProblem(
          path, "expected format \(Self.currentFormat), found \(probe.format ?? 0)")
      }
      self = try SessionCodec.decode(LearnerSheet.self, bytes)
    } catch let problem as LessonProblem {
      throw problem
    } catch {
      throw LessonProblem(path, "expected the sheet of a learner: \(error)")
    }
  }

  /// The bytes of the file.
  package func encoded() throws(SessionError) -> [UInt8] { try SessionCodec.json(self) + [0x0A] }
}

/// Many learners in one table, and the questions that most of them got wrong.
package struct ClassTable: Hashable, Sendable, Codable {
  /// How the class answered one stop.
  package struct Question: Hashable, Sendable, Codable {
    package var lesson: String
    package var stop: String
    package var answered: Int
    package var right: Int
    /// The wrong answer that was given most, and how often.
    package var commonest: String?
    package var commonestCount: Int
  }

  package var sheets: [LearnerSheet]
  /// The hardest first.
  package var questions: [Question] = []

  package init(_ sheets: [LearnerSheet]) {
    self.sheets = sheets
    struct Place: Hashable {
      var lesson: String
      var stop: String
    }
    var records: [Place: [LessonRecord]] = [:]
    for sheet in sheets {
      for (lesson, kept) in sheet.lessons {
        for (stop, record) in kept.stops where record.isRight != nil {
          records[Place(lesson: lesson, stop: stop), default: []].append(record)
        }
      }
    }
    questions = records.map { place, records in
      var wrong: [String: Int] = [:]
      for record in records where record.isRight == false {
        wrong[record.answer?.words() ?? "-", default: 0] += 1
      }
      let commonest = wrong.max { ($0.value, $1.key) < ($1.value, $0.key) }
      return Question(
        lesson: place.lesson, stop: place.stop, answered: records.count,
        right: records.count { $0.isRight == true }, commonest: commonest?.key,
        commonestCount: commonest?.value ?? 0)
    }.sorted { one, other in
      (one.share, one.lesson, one.stop) < (other.share, other.lesson, other.stop)
    }
  }

  /// The lessons that anybody took.
  package var lessons: [String] { Set(sheets.flatMap { $0.lessons.keys }).sorted() }

  /// A row a learner: name, then for each lesson what was right of what was asked and whether it was finished, then the sum.
  package var rows: [[String]] {
    sheets.map { sheet in
      let cells = lessons.map { id -> String in
        guard let kept = sheet.lessons[id] else { return "-" }
        let late = kept.stops.values.count { $0.isLate == true }
        return "\(kept.right)/\(kept.judged)" + (kept.isFinished ? "" : " open")
          + (late > 0 ? ", \(late) late" : "")
      }
      let right = sheet.lessons.values.reduce(0) { $0 + $1.right }
      let judged = sheet.lessons.values.reduce(0) { $0 + $1.judged }
      return [sheet.learner] + cells + ["\(right)/\(judged)"]
    }
  }
}

extension ClassTable.Question {
  fileprivate var share: Double { answered > 0 ? Double(right) / Double(answered) : 1 }
}
