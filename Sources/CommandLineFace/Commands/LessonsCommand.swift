import ArgumentParser
import Engine
import FoundationEssentials
import Platform
import Shell
import Workbench

/// The course: its lessons, how far the learner is, and what teachers need to write their own.
struct LessonsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "lessons", abstract: "Take, list, check, write and teach lessons.",
    subcommands: [
      LessonsListCommand.self, LessonsRunCommand.self, LessonsCheckCommand.self,
      LessonsNewCommand.self, LessonsProgressCommand.self, LessonsResetCommand.self,
      LessonsNotesCommand.self, LessonsHandoutCommand.self, LessonsExportCommand.self,
      LessonsTableCommand.self,
    ],
    defaultSubcommand: LessonsListCommand.self)
}

/// Which language lessons are told in.
struct LanguageOption: ParsableArguments {
  @Option(help: "Language of the words: en or ko; that of the environment without it.")
  var language: String?

  func validate() throws {
    if let language, !["en", "ko"].contains(language) {
      throw ValidationError("--language: expected en or ko, found '\(language)'")
    }
  }

  var chosen: String {
    language ?? LessonDesk.userLanguage(ProcessInfo.processInfo.environment)
  }
}

/// Finds a lesson by its name or its folder.
enum LessonPath {
  static func resolve(_ name: String, _ screen: ScreenOptions) throws -> String {
    let path = name.count > 1 && name.hasSuffix("/") ? String(name.dropLast()) : name
    if FileManager.default.fileExists(atPath: path + "/" + LessonReader.planFile) { return path }
    let folders = LessonCatalog.folders(in: screen.sessionFolders())
    if let found = folders.first(where: { $0.hasSuffix("/" + path) }) { return found }
    if let number = Int(path),
      let found = folders.first(where: { LessonReader(folder: $0).number == number })
    {
      return found
    }
    let known = folders.compactMap { $0.split(separator: "/").last.map(String.init) }
    throw CommandFailure(
      message: "no lesson '\(name)': expected a folder with \(LessonReader.planFile), or one of "
        + (known.isEmpty ? "none that was found" : known.joined(separator: ", ")))
  }
}

/// Lists the lessons.
struct LessonsListCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "List the lessons and how far you are (the default).")

  @Argument(help: "Only these, by name or folder.")
  var names: [String] = []
  @OptionGroup var language: LanguageOption
  @OptionGroup var screen: ScreenOptions
  @OptionGroup var output: OutputOptions

  func run() throws {
    let wanted = try names.map { try LessonPath.resolve($0, screen) }
    let (all, problems) = screen.lessonDesk().listing
    for problem in problems {
      ProgressLine().note("What was done of the lessons is not known: \(problem)")
    }
    let entries = all.filter { names.isEmpty || wanted.contains($0.path) }
    if output.json { return try Output.json(entries) }
    guard !entries.isEmpty else {
      return print("None found in \(screen.sessionFolders().joined(separator: ", ")).")
    }
    Output.table(
      ["lesson", "title", "minutes", "done", "languages", "problem"],
      entries.map {
        [
          $0.id, $0.title(language.chosen), "\($0.minutes)", "\($0.done)/\($0.stops)",
          $0.languages.joined(separator: " "), $0.problem ?? "",
        ]
      })
  }
}

/// Says what is wrong with lessons.
struct LessonsCheckCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check", abstract: "Check lessons: file, line and what is wrong.")

  @Argument(help: "Lessons to check, by name or folder; all that are found without any.")
  var names: [String] = []
  @Flag(help: "Also take each lesson to its end, tasks done by the keys of 'way'; takes minutes.")
  var walk = false
  @OptionGroup var screen: ScreenOptions
  @OptionGroup var runtime: RuntimeOptions
  @OptionGroup var output: OutputOptions

  func run() throws {
    let folders =
      names.isEmpty
      ? LessonCatalog.folders(in: screen.sessionFolders())
      : try names.map { try LessonPath.resolve($0, screen) }
    let readers = folders.map { LessonReader(folder: $0) }
    var problems = names.isEmpty ? LessonCatalog.listing(in: screen.sessionFolders()).problems : []
    problems += readers.flatMap(\.problems)
    if walk { problems += try walked(readers) }
    if output.json {
      try Output.json(problems)
    } else {
      for problem in problems { print("\(problem)") }
      print(
        "\(Self.counted(readers.count, "lesson")) checked, \(Self.counted(problems.count, "problem"))."
      )
    }
    if !problems.isEmpty {
      throw CommandFailure(
        message: "\(Self.counted(problems.count, "problem")) in lessons", code: 3)
    }
  }

  private static func counted(_ count: Int, _ noun: String) -> String {
    "\(count) \(noun)\(count == 1 ? "" : "s")"
  }

  /// What does not go as a lesson says when it is taken.
  private func walked(_ readers: [LessonReader]) throws -> [LessonProblem] {
    let engine = LessonEngine(laboratory: try runtime.laboratory())
    return readers.flatMap { reader -> [LessonProblem] in
      guard reader.problems.isEmpty,
        var lesson = reader.languages.first.flatMap({ reader.lesson($0) })
      else { return [] }
      lesson.sizes = .least
      var walk = LessonWalk(engine: engine, desk: screen.lessonDesk())
      return walk.take(lesson).problems.map { LessonProblem(reader.folder, $0) }
    }
  }
}

/// Writes a lesson to begin with.
struct LessonsNewCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "new", abstract: "Write a lesson to begin with: one stop of each kind.")

  @Argument(help: "The folder to make.")
  var folder: String

  func run() throws {
    guard !FileManager.default.fileExists(atPath: folder) else {
      throw CommandFailure(
        message: "\(folder): expected a folder to be made, found one that is there")
    }
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    try WholeFile.write(LessonTemplate.plan, to: folder + "/" + LessonReader.planFile)
    try WholeFile.write(LessonTemplate.text, to: folder + "/en.md")
    print("Wrote \(folder)/\(LessonReader.planFile) and \(folder)/en.md.")
    print("Check it: nibble lessons check \(folder)")
    print("Take it:  nibble lessons run \(folder)")
  }
}

/// Shows what the learner answered and measured.
struct LessonsProgressCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "progress",
    abstract: "Show what was done and answered; several files make a table.")

  @Argument(help: "Progress files of learners, one a row; your own without any.")
  var files: [String] = []
  @OptionGroup var screen: ScreenOptions
  @OptionGroup var output: OutputOptions

  func run() throws {
    guard files.isEmpty else { return try table() }
    let progress = try screen.lessonDesk().progress()
    if output.json { return try Output.json(progress) }
    guard !progress.lessons.isEmpty else { return print("No lesson was taken yet.") }
    Output.table(
      ["lesson", "language", "done", "right", "finished"],
      progress.lessons.sorted { $0.key < $1.key }.map { id, kept in
        [
          id, kept.language, "\(kept.stops.values.count { $0.isDone })",
          "\(kept.right)/\(kept.judged)", kept.isFinished ? "yes" : "no",
        ]
      })
  }

  /// Many learners, a row each.
  private func table() throws {
    let all = try files.map { path in
      guard FileManager.default.fileExists(atPath: path) else {
        throw CommandFailure(message: "\(path): expected the progress of a learner, found no file")
      }
      return (path: path, progress: try LessonProgress(reading: path))
    }
    if output.json {
      return try Output.json(Dictionary(all.map { ($0.path, $0.progress) }) { first, _ in first })
    }
    let lessons = Set(all.flatMap { $0.progress.lessons.keys }).sorted()
    Output.table(
      ["learner"] + lessons,
      all.map { learner in
        let name = learner.path.split(separator: "/").last.map(String.init) ?? learner.path
        return [name]
          + lessons.map { id in
            learner.progress.lessons[id].map { "\($0.right)/\($0.judged)" } ?? "-"
          }
      })
  }
}

/// Forgets what was answered.
struct LessonsResetCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "reset", abstract: "Forget what was done and answered, of one lesson or of all.")

  @Argument(help: "The lesson; all of them without one.")
  var name: String?
  @OptionGroup var screen: ScreenOptions

  func run() throws {
    guard let path = screen.lessonDesk().path else { return }
    guard let name else {
      if FileManager.default.fileExists(atPath: path) {
        try FileManager.default.removeItem(atPath: path)
      }
      return print("All answers are forgotten.")
    }
    var progress = try LessonProgress(reading: path)
    guard progress.lessons.removeValue(forKey: name) != nil else {
      throw CommandFailure(
        message: "no answers in '\(name)': expected one of "
          + progress.lessons.keys.sorted().joined(separator: ", "))
    }
    try progress.write(to: path)
    print("The answers in \(name) are forgotten.")
  }
}
