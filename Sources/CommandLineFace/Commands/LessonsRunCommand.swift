import ArgumentParser
import CursesBackend
import Engine
import FoundationEssentials
import Shell
import TerminalUI
import Workbench

/// Who takes a lesson, and in which class.
struct ClassOptions: ParsableArguments {
  @Option(
    name: .customLong("class"),
    help: "A class file: lessons, times, and the machine that every laptop is taken for.")
  var file: String?
  @Option(help: "Whose answers they are; each learner has a file of their own.")
  var learner: String?

  func validate() throws {
    if let learner, learner.isEmpty || learner.contains("/") || learner.hasPrefix(".") {
      throw ValidationError("--learner: expected a name without '/', found '\(learner)'")
    }
  }

  func course() throws -> LessonClass? {
    do {
      return try file.map { try LessonClass(reading: $0) }
    } catch let problem as LessonProblem {
      throw CommandFailure(message: "\(problem)")
    }
  }
}

/// Takes a lesson in the workbench; without a terminal its words are printed.
struct LessonsRunCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run", abstract: "Take a lesson; without a terminal its text is printed.")

  @Argument(
    help: "The lesson: its name, its number in the course, or its folder; of a class its next one.")
  var name: String?
  @OptionGroup var language: LanguageOption
  @OptionGroup var group: ClassOptions
  @Option(
    help: "What is drawn, such as the cases of the last lesson; another each time without it.")
  var seed: Int?
  @Flag(
    help: "For a room: the screen and what is said, nothing else; 'lessons notes' has the notes.")
  var present = false
  @OptionGroup var screen: ScreenOptions
  @OptionGroup var runtime: RuntimeOptions
  @OptionGroup var output: OutputOptions

  func validate() throws {
    if name == nil, group.file == nil {
      throw ValidationError("lessons run: expected a lesson or --class FILE, found neither")
    }
    if let seed, !(0...Int(Int32.max)).contains(seed) {
      throw ValidationError("--seed: expected 0 to \(Int32.max), found \(seed)")
    }
  }

  func run() throws {
    let course = try group.course()
    let desk = screen.lessonDesk(
      course: course, learner: group.learner, seed: seed.map { UInt64($0) })
    let reader = LessonReader(folder: try folder(course, desk))
    let lesson: Lesson
    do {
      lesson = try desk.lesson(reader, language.language ?? course?.language ?? language.chosen)
    } catch {
      throw CommandFailure(message: "\(error)")
    }
    if output.json { return try Output.json(lesson) }
    guard Output.streams.get().hasTerminal else { return show(lesson) }
    let laboratory = try runtime.laboratory()
    if let machine = course?.machine { laboratory.take(machine) }
    let code = try MainActor.assumeIsolated { try take(lesson, reader.folder, desk, laboratory) }
    if code != 0 { throw ExitCode(code) }
  }

  /// The lesson that is asked for, or the first of the class that is not finished.
  private func folder(_ course: LessonClass?, _ desk: LessonDesk) throws -> String {
    if let name { return try LessonPath.resolve(name, screen) }
    let (entries, problems) = desk.listing
    for problem in problems { ProgressLine().note("\(problem)") }
    for entry in entries {
      if let problem = entry.problem { ProgressLine().note(problem) }
    }
    let usable = entries.filter { $0.stops > 0 }
    let finished = try desk.progress().lessons.filter { $0.value.isFinished }
    guard let next = usable.first(where: { finished[$0.id] == nil }) ?? usable.first else {
      throw CommandFailure(
        message: "\(course?.path ?? ""): expected lessons that are here, found none")
    }
    return next.path
  }

  private func show(_ lesson: Lesson) {
    print("\(lesson.title)\n\(lesson.about)\n")
    for (index, stop) in lesson.stops.enumerated() {
      print("\(index + 1). \(stop.kind.rawValue)\n\(stop.text.body)")
      for choice in stop.choices { print("  - \(choice.label)") }
      print("")
    }
  }

  @MainActor private func take(
    _ lesson: Lesson, _ folder: String, _ desk: LessonDesk, _ laboratory: Laboratory
  ) throws -> Int32 {
    let terminal = try screen.openTerminal()
    let themes = screen.themeCatalog()
    var state = State(size: terminal.size)
    if let theme = screen.theme { state.theme = theme }
    var loop = WorkbenchLoop(
      terminal: terminal, store: Store(state: state), laboratory: laboratory, themes: themes,
      recordings: screen.recordings(), lessons: desk,
      beacon: present ? screen.beacon() : nil)
    let catalog = CatalogSource(
      laboratory: laboratory, themes: themes, sessionFolders: screen.sessionFolders(), model: nil,
      lessons: desk)
    let before = try desk.progress().records
    loop.begin(
      catalog.messages() + [
        .launch(model: lesson.model), .lesson(event: .begin(lesson: lesson, before: before)),
      ] + (present ? [.lesson(event: .presenting)] : []))
    let code = loop.run()
    for line in loop.end() { print(line) }
    return code
  }
}
