import FoundationEssentials
import Platform

/// What a learner answered, did and measured, by lesson: one file in the user's state folder, whole or absent.
package struct LessonProgress: Hashable, Sendable, Codable {
  /// How one lesson went.
  package struct Kept: Hashable, Sendable, Codable {
    package var language: String
    package var isFinished: Bool
    package var stops: [String: LessonRecord]

    package init(language: String, isFinished: Bool, stops: [String: LessonRecord]) {
      self.language = language
      self.isFinished = isFinished
      self.stops = stops
    }

    /// Answers that were right, and answers that can be.
    package var right: Int { stops.values.count { $0.isRight == true } }
    package var judged: Int { stops.values.count { $0.isRight != nil } }
  }

  /// The format of the file.
  package var format = Self.currentFormat
  package var lessons: [String: Kept] = [:]

  package static let currentFormat = 1

  package init() {}

  /// What a lesson that begins is told of the others.
  package var records: [String: [String: LessonRecord]] { lessons.mapValues(\.stops) }

  /// Takes in how a lesson went; answers of stops that it has none of stay.
  package mutating func take(
    _ id: String, language: String, records: [String: LessonRecord], isFinished: Bool
  ) {
    var kept = lessons[id] ?? Kept(language: language, isFinished: false, stops: [:])
    kept.language = language
    kept.isFinished = kept.isFinished || isFinished
    kept.stops.merge(records) { _, new in new }
    lessons[id] = kept
  }

  /// Reads the file; an empty progress where there is none.
  ///
  /// - Throws: `LessonProblem` for a file that is none, or of another format.
  package init(reading path: String) throws(LessonProblem) {
    guard FileManager.default.fileExists(atPath: path) else { return }
    do {
      let file = try MappedFile(path: path)
      let bytes = try file.read(at: 0, count: min(file.byteCount, 64 << 20))
      self = try SessionCodec.decode(LessonProgress.self, bytes)
    } catch {
      throw LessonProblem(path, "expected the progress of a learner: \(ErrorWords.of(error))")
    }
    guard format == Self.currentFormat else {
      throw LessonProblem(path, "expected format \(Self.currentFormat), found \(format)")
    }
  }

  /// Writes the file, whole.
  ///
  /// - Throws: `LessonProblem` naming the file.
  package func write(to path: String) throws(LessonProblem) {
    let folder = path.split(separator: "/", omittingEmptySubsequences: false).dropLast()
      .joined(separator: "/")
    do {
      if !folder.isEmpty {
        try FileManager.default.createDirectory(
          atPath: folder, withIntermediateDirectories: true)
      }
      try WholeFile.write(try SessionCodec.json(self), to: path)
    } catch {
      throw LessonProblem(path, ErrorWords.of(error))
    }
  }
}
