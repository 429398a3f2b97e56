import ArgumentParser
import Engine
import FoundationEssentials
import Glibc
import Platform
import Shell
import Wording
import Workbench

/// Follows a lesson that is shown to a room, on a second terminal: what to say, the answers, what comes next.
struct LessonsNotesCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "notes",
    abstract: "Follow 'lessons run --present' on a second terminal: notes, answers, time.")

  @Flag(help: "Print what there is now and end.")
  var once = false
  @OptionGroup var screen: ScreenOptions
  @OptionGroup var output: OutputOptions

  func run() throws {
    guard let beacon = screen.beacon() else {
      throw CommandFailure(message: "there is no state folder: set XDG_STATE_HOME or HOME")
    }
    let follows = !once && !output.json && Output.streams.get().hasTerminal
    var shown: LessonBeacon.Signal?
    var isFirst = true
    while !Interrupt.control.isCancelled {
      let signal: LessonBeacon.Signal?
      do {
        signal = try beacon.read()
      } catch {
        throw CommandFailure(message: "\(error)")
      }
      if !follows {
        guard let signal else {
          throw CommandFailure(
            message: "\(beacon.path): no lesson is shown; 'lessons run --present' shows one")
        }
        if output.json { return try Output.json(signal) }
        return print(Self.text(signal))
      }
      if isFirst || signal != shown {
        // The screen is cleared, then written from its first line on.
        Output.streams.get().clear()
        print(
          signal.map(Self.text) ?? "No lesson is shown yet; waiting for 'lessons run --present'.")
        shown = signal
        isFirst = false
      }
      usleep(300_000)
    }
  }

  static func text(_ signal: LessonBeacon.Signal) -> String {
    let time = Quantity.clock(milliseconds: Double(signal.seconds) * 1000)
    var lines = ["\(signal.title)  (\(signal.lesson), \(signal.language))"]
    guard let index = signal.index else { return lines[0] + "\nThe lesson is over, after \(time)." }
    var place = "Stop \(index + 1) of \(signal.stops): \(signal.stop)"
    if signal.pages > 1 { place += ", page \(signal.page + 1) of \(signal.pages)" }
    lines += [place + (signal.isSettled ? "" : ", open"), "After \(time)"]
    if let left = signal.secondsLeft {
      lines[2] +=
        left < 0
        ? ", time is up" : ", \(Quantity.clock(milliseconds: Double(left) * 1000)) left"
    }
    lines.append("")
    lines.append(
      signal.notes.isEmpty ? "(no notes: '### notes' in the text of the stop)" : signal.notes)
    if let answer = signal.answer { lines += ["", "Right: \(answer)"] }
    lines += ["", signal.next.map { "Next: \($0)" } ?? "This is the last stop."]
    return lines.joined(separator: "\n")
  }
}

/// Writes a lesson as a page to hand out.
struct LessonsHandoutCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "handout",
    abstract: "Write a lesson as one HTML page with its screens; it is taken once for that.")

  @Argument(help: "The lesson: its name, its number in the course, or its folder.")
  var name: String
  @Option(name: [.customShort("o"), .long], help: "The file to write.")
  var output: String
  @OptionGroup var language: LanguageOption
  @OptionGroup var group: ClassOptions
  @Flag(help: "Measure on as little text as gives figures at all.")
  var quick = false
  @OptionGroup var screen: ScreenOptions
  @OptionGroup var runtime: RuntimeOptions

  func run() throws {
    let course = try group.course()
    let desk = screen.lessonDesk(course: course, seed: course == nil ? 0 : nil)
    let reader = LessonReader(folder: try LessonPath.resolve(name, screen))
    var lesson: Lesson
    do {
      lesson = try desk.lesson(reader, language.language ?? course?.language ?? language.chosen)
    } catch {
      throw CommandFailure(message: "\(error)")
    }
    if quick { lesson.sizes = .least }
    let laboratory = try runtime.laboratory()
    if let machine = course?.machine { laboratory.take(machine) }
    // Whoever is asked to hand out a page has not answered anything in a file.
    let readerDesk = LessonDesk(folders: screen.sessionFolders())
    var walk = LessonWalk(engine: LessonEngine(laboratory: laboratory), desk: readerDesk)
    let outcome = walk.take(lesson)
    for problem in outcome.problems { ProgressLine().note("\(name): \(problem)") }
    let html = LessonHandout(lesson, visits: outcome.states).html
    try WholeFile.write(html, to: output)
    print("Wrote \(output), \(Quantity.bytes(html.utf8.count)), \(lesson.stops.count) stops.")
  }
}

/// Writes a learner's answers for the teacher.
struct LessonsExportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export",
    abstract: "Write what a learner answered as one JSON file, for the teacher.")

  @Option(name: [.customShort("o"), .long], help: "The file to write; standard output without it.")
  var output: String?
  @OptionGroup var group: ClassOptions
  @OptionGroup var screen: ScreenOptions

  func run() throws {
    let course = try group.course()
    let progress: LessonProgress
    do {
      progress = try screen.lessonDesk(course: course, learner: group.learner).progress()
    } catch {
      throw CommandFailure(message: "\(error)")
    }
    let user = ProcessInfo.processInfo.environment["USER"] ?? "learner"
    let wanted = course?.lessons ?? []
    let sheet = LearnerSheet(
      learner: group.learner ?? user, course: course?.name, program: ProgramVersion.current,
      lessons: progress.lessons.filter { wanted.isEmpty || wanted.contains($0.key) })
    let bytes = try sheet.encoded()
    guard let output else { return print(String(decoding: bytes, as: UTF8.self), terminator: "") }
    try WholeFile.write(bytes, to: output)
    let count = sheet.lessons.count
    print("Wrote \(output): \(count) lesson\(count == 1 ? "" : "s") of \(sheet.learner).")
  }
}

/// Merges the files of a class into one table.
struct LessonsTableCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "table",
    abstract: "Merge the files of learners into one table, and tell what was hardest.")

  @Argument(help: "Files of 'lessons export', or progress files, one a learner.")
  var files: [String]
  @Option(help: "How many of the hardest questions are told.")
  var hardest = 8
  @OptionGroup var output: OutputOptions

  func validate() throws {
    if !(0...1000).contains(hardest) {
      throw ValidationError("--hardest: expected 0 to 1000, found \(hardest)")
    }
  }

  func run() throws {
    var sheets: [LearnerSheet] = []
    var problems: [String] = []
    for path in files {
      do {
        sheets.append(try LearnerSheet(reading: path))
      } catch {
        problems.append("\(error)")
      }
    }
    for problem in problems { ProgressLine().note(problem) }
    let table = ClassTable(sheets)
    if output.json {
      try Output.json(table)
    } else if !sheets.isEmpty {
      Output.table(["learner"] + table.lessons + ["right"], table.rows)
      let hard = table.questions.filter { $0.right < $0.answered }.prefix(hardest)
      if !hard.isEmpty {
        print("")
        Output.table(
          ["hardest", "right", "commonest wrong answer"],
          hard.map { question in
            [
              "\(question.lesson) \(question.stop)", "\(question.right)/\(question.answered)",
              question.commonest.map { "\($0) (\(question.commonestCount))" } ?? "-",
            ]
          })
      }
    }
    if !problems.isEmpty {
      throw CommandFailure(
        message: problems.count == 1
          ? "1 file cannot be read" : "\(problems.count) files cannot be read", code: 3)
    }
  }
}
