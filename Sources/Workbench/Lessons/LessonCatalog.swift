import Platform

/// The lessons of some folders, as the browser lists them.
package enum LessonCatalog {
  /// The folder of lessons within a folder of sessions.
  package static let folderName = "Lessons"

  /// The folder of every lesson, the learner's own before those that ship, each name once.
  package static func folders(in sessionFolders: [String]) -> [String] {
    listing(in: sessionFolders).folders
  }

  /// The folder of every lesson, and the folders of lessons that are there and cannot be listed.
  package static func listing(
    in sessionFolders: [String]
  ) -> (folders: [String], problems: [LessonProblem]) {
    var seen: Set<String> = []
    var folders: [String] = []
    var problems: [LessonProblem] = []
    for lessons in sessionFolders.map({ $0 + "/" + folderName }) {
      do {
        let names = try FolderListing.names(in: lessons).sorted()
        folders += names.filter { !$0.hasPrefix(".") && seen.insert($0).inserted }
          .map { lessons + "/" + $0 }
      } catch {
        problems.append(LessonProblem(lessons, "cannot be listed: \(error)"))
      }
    }
    return (folders, problems)
  }

  /// What the browser shows, in the order of the course; folders that cannot be listed are entries with their problem.
  package static func entries(
    in sessionFolders: [String], progress: LessonProgress
  ) -> [LessonEntry] {
    let (folders, problems) = listing(in: sessionFolders)
    let unread = problems.map { problem in
      LessonEntry(
        id: problem.path, path: problem.path, number: 0, minutes: 0, stops: 0, titles: [:],
        languages: [], done: 0, problem: "\(problem)")
    }
    return folders.map { entry($0, progress: progress) }
      .sorted { ($0.order, $0.id) < ($1.order, $1.id) } + unread
  }

  /// The lesson of a folder as the browser shows it.
  package static func entry(_ folder: String, progress: LessonProgress) -> LessonEntry {
    let reader = LessonReader(folder: folder)
    let kept = progress.lessons[reader.id]
    var titles: [String: String] = [:]
    for language in reader.languages { titles[language] = reader.title(language) ?? reader.id }
    return LessonEntry(
      id: reader.id, path: folder, number: reader.number, minutes: reader.minutes,
      stops: reader.stopCount, titles: titles, languages: reader.languages,
      done: kept?.stops.values.count { $0.isDone } ?? 0,
      problem: reader.problems.first.map { "\($0)" })
  }
}
