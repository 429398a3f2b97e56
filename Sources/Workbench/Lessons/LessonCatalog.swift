import Platform

/// The lessons of some folders, as the browser lists them.
package enum LessonCatalog {
  /// The folder of lessons within a folder of sessions.
  package static let folderName = "Lessons"

  /// The folder of every lesson, the learner's own before those that ship, each name once.
  package static func folders(in sessionFolders: [String]) -> [String] {
    var seen: Set<String> = []
    return sessionFolders.flatMap { folder -> [String] in
      let lessons = folder + "/" + folderName
      let names = (try? FolderListing.names(in: lessons)) ?? []
      return names.sorted().filter { !$0.hasPrefix(".") && seen.insert($0).inserted }
        .map { lessons + "/" + $0 }
    }
  }

  /// What the browser shows, in the order of the course.
  package static func entries(
    in sessionFolders: [String], progress: LessonProgress
  ) -> [LessonEntry] {
    folders(in: sessionFolders).map { folder in
      let reader = LessonReader(folder: folder)
      let kept = progress.lessons[reader.id]
      var titles: [String: String] = [:]
      for language in reader.languages { titles[language] = reader.title(language) ?? reader.id }
      return LessonEntry(
        id: reader.id, path: folder, number: reader.number, minutes: reader.minutes,
        stops: reader.stopCount, titles: titles, languages: reader.languages,
        done: kept?.stops.values.count { $0.isDone } ?? 0,
        problem: reader.problems.first.map { "\($0)" })
    }.sorted { ($0.order, $0.id) < ($1.order, $1.id) }
  }
}
