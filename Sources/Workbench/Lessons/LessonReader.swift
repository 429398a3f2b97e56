import Platform
import Quantization

/// Reads the folder of a lesson: its plan, its texts, and whether they fit together.
package struct LessonReader: Sendable {
  package let folder: String
  /// The name of the folder, which the lesson is known by.
  package let id: String
  private let plan: LessonPlan?
  private let texts: [LessonText]
  /// Everything that is wrong, files in the order they were read.
  package private(set) var problems: [LessonProblem] = []

  package static let planFile = "lesson.toml"
  private static let textEnding = ".md"
  /// The longest file of a lesson.
  private static let mostBytes = 1 << 20

  /// Reads all files of a folder.
  package init(folder: String) {
    self.folder = folder
    id = folder.split(separator: "/").last.map(String.init) ?? folder
    var found: [LessonProblem] = []
    let path = folder + "/" + Self.planFile
    plan = Self.text(path, &found).map { LessonPlan(parsing: $0, path: path, problems: &found) }
    var read: [LessonText] = []
    do {
      for name in try FolderListing.names(in: folder).sorted() where name.hasSuffix(Self.textEnding)
      {
        let path = folder + "/" + name
        guard let text = Self.text(path, &found) else { continue }
        var parsed = LessonText(parsing: text, path: path, problems: &found)
        let language = String(name.dropLast(Self.textEnding.count))
        if parsed.language.isEmpty { parsed.language = language }
        if parsed.language != language {
          found.append(
            LessonProblem(
              path, line: 2,
              "language: expected \(language), as the file is called, found \(parsed.language)"))
        }
        read.append(parsed)
      }
    } catch {
      found.append(LessonProblem(folder, "\(error)"))
    }
    texts = read
    problems = found
    check()
  }

  /// The languages there are, the one that others are made from first.
  package var languages: [String] {
    let all = texts.map(\.language)
    return all.filter { $0 == plan?.source } + all.filter { $0 != plan?.source }
  }

  package var number: Int { plan?.number ?? 0 }
  package var minutes: Int { plan?.minutes ?? 0 }
  package var stopCount: Int { plan?.stops.count ?? 0 }

  package func title(_ language: String) -> String? {
    texts.first { $0.language == language }.map(\.title)
  }

  /// The lesson in a language, or in the one it was written in; nil where a file is missing or no stop has words.
  ///
  /// - Parameter seed: of what is drawn; 0 takes the first of everything.
  package func lesson(_ language: String, seed: UInt64 = 0) -> Lesson? {
    guard let plan, !plan.stops.isEmpty,
      let text = texts.first(where: { $0.language == language })
        ?? texts.first(where: { $0.language == plan.source }) ?? texts.first
    else { return nil }
    let source = texts.first { $0.language == plan.source }
    let stops = LessonDraw(seed: seed).drawn(plan.stops).map { stop in
      var stop = stop
      // A stop that is not translated yet is told in the source's words.
      guard let section = text[stop.id] ?? source?[stop.id] else { return stop }
      stop.text = section.words
      stop.choices = stop.choices.map { choice in
        section.choices.first { $0.id == choice.id }
          ?? LessonChoice(id: choice.id, label: choice.id, why: "")
      }
      return stop
    }
    return Lesson(
      id: id, number: plan.number, title: text.title, about: text.about, language: text.language,
      minutes: plan.minutes, sizes: plan.sizes, stops: stops)
  }

  private static func text(_ path: String, _ problems: inout [LessonProblem]) -> String? {
    do {
      let file = try MappedFile(path: path)
      guard file.byteCount <= mostBytes else {
        problems.append(
          LessonProblem(path, "expected \(mostBytes) bytes at most, found \(file.byteCount)"))
        return nil
      }
      let bytes = try file.read(at: 0, count: file.byteCount)
      guard let text = String(validating: bytes, as: UTF8.self) else {
        problems.append(LessonProblem(path, "expected UTF-8, found other bytes"))
        return nil
      }
      return text
    } catch {
      problems.append(LessonProblem(path, "\(error)"))
      return nil
    }
  }
}

/// Whether plan and texts fit together.
extension LessonReader {
  private mutating func check() {
    guard let plan else { return }
    for (index, stop) in plan.stops.enumerated() {
      check(stop, plan, line: plan.lines.indices.contains(index) ? plan.lines[index] : 1)
    }
    let source = texts.first { $0.language == plan.source }
    if source == nil {
      problems.append(LessonProblem(folder, "expected \(plan.source).md, the source, found none"))
    }
    for text in texts { check(text, plan, source) }
  }

  private mutating func check(_ stop: LessonStop, _ plan: LessonPlan, line start: Int) {
    func problem(_ key: String, _ reason: String) {
      problems.append(
        LessonProblem(plan.path, line: plan.line(of: key, from: start), "\(stop.id): \(reason)"))
    }
    if let screen = stop.screen, Screens.named(screen) == nil {
      problem(
        "screen",
        "expected one of \(Screens.all.map { $0.id }.joined(separator: ", ")), found '\(screen)'")
    }
    let expressions =
      [("check", stop.check), ("answer", stop.answer)] + stop.keeps.map { ("keep", $0.expression) }
    for (key, expression) in expressions {
      guard let expression else { continue }
      for reason in Self.faults(expression, plan) { problem(key, "\(key): \(reason)") }
    }
    switch stop.kind {
    case .do where stop.check == nil: problem("kind", "a task needs a check")
    case .ask where stop.choices.count < 2 || stop.choices.count > 9,
      .predict where stop.guess ?? .choice == .choice && !(2...9).contains(stop.choices.count):
      problem("choices", "expected 2 to 9 choices, found \(stop.choices.count)")
    case .ask where stop.answer == nil, .predict where stop.answer == nil:
      problem("kind", "a \(stop.kind.rawValue) needs an answer")
    case .measure where stop.jobs.isEmpty: problem("kind", "a measurement needs jobs")
    case .watch where stop.session == nil: problem("kind", "watching needs a session")
    default: break
    }
    for job in stop.jobs where !LessonJobs.names.contains(job) {
      problem("jobs", "expected one of \(LessonJobs.names.joined(separator: ", ")), found '\(job)'")
    }
    for (key, line) in [("recipe", stop.recipe)] + stop.caches.map({ ("caches", $0) }) {
      guard let line else { continue }
      do { _ = try RecipeText.recipe(line) } catch { problem(key, "\(key): \(error)") }
    }
    if let planting = stop.planting, planting != "none" {
      do { _ = try OutlierPlanting(planting) } catch { problem("planting", "\(error)") }
    }
    if let like = stop.like,
      !plan.stops.prefix(while: { $0.id != stop.id }).contains(where: { $0.id == like })
    {
      problem("like", "like: expected the id of a stop before this one, found '\(like)'")
    }
    for id in stop.reveals where !plan.stops.contains(where: { $0.id == id && $0.kind == .predict })
    {
      problem("reveals", "expected the id of a predict, found '\(id)'")
    }
  }

  private mutating func check(_ text: LessonText, _ plan: LessonPlan, _ source: LessonText?) {
    func problem(_ line: Int, _ reason: String) {
      problems.append(LessonProblem(text.path, line: line, reason))
    }
    for stop in plan.stops {
      guard let section = text[stop.id] else {
        problem(0, "the stop '\(stop.id)' is missing")
        continue
      }
      for choice in stop.choices where section.choiceLines[choice.id] == nil {
        problem(section.line, "\(stop.id): the choice '\(choice.id)' is missing")
      }
      for (name, line) in section.choiceLines.sorted(by: { $0.value < $1.value })
      where !stop.choices.contains(where: { $0.id == name }) {
        problem(
          line,
          "\(stop.id): '### \(name)' is no choice of lesson.toml, and none of "
            + LessonText.Section.parts.joined(separator: ", "))
      }
      let words = section.words
      let all =
        [words.body, words.hint, words.right, words.wrong, words.done, words.notes].compactMap {
          $0
        }
        + section.choices.flatMap { [$0.label, $0.why] }
      if words.body.isEmpty { problem(section.line, "\(stop.id): nothing is said") }
      for place in all.flatMap({ LessonPlaceholder.all(in: $0) }) {
        for reason in Self.faults(place.expression, plan) {
          problem(section.line, "\(stop.id): \(reason)")
        }
        if place.format == nil {
          let known = Figure.Format.allCases.map(\.rawValue).joined(separator: ", ")
          problem(
            section.line, "\(stop.id): expected a format of \(known), found '\(place.formatName)'")
        }
      }
    }
    for section in text.sections where !plan.stops.contains(where: { $0.id == section.id }) {
      problem(section.line, "'## \(section.id)' is no stop of lesson.toml")
    }
    guard let source, source.language != text.language else { return }
    guard let of = text.of else {
      return problem(
        2, "expected 'of: REVISION', the revision of \(source.language).md it is made from")
    }
    if of < source.revision {
      problem(
        2, "made from revision \(of) of \(source.language).md, which is at \(source.revision)")
    }
  }

  /// What is wrong with an expression.
  private static func faults(_ expression: String, _ plan: LessonPlan) -> [String] {
    do {
      return try LessonExpression(expression).names.compactMap { fault($0, plan) }
    } catch {
      return ["\(error)"]
    }
  }

  /// Why a name can never be something; nil where it can.
  private static func fault(_ name: String, _ plan: LessonPlan) -> String? {
    guard LessonFigures.isKnown(name) else {
      return "'\(name)' is no figure: it begins with none of "
        + LessonFigures.roots.joined(separator: ", ") + " and no job"
    }
    let parts = name.split(separator: ".").map(String.init)
    let rest = parts.dropFirst().joined(separator: ".")
    func words(_ names: [String]) -> String {
      names.isEmpty ? "none" : names.joined(separator: ", ")
    }
    switch parts[0] {
    case "kept":
      let kept = Set(plan.stops.flatMap { $0.keeps.map(\.name) }).sorted()
      return kept.contains(rest)
        ? nil : "'\(name)' is kept at no stop: expected one of \(words(kept)) after 'kept.'"
    case "guess", "truth":
      let asked = plan.stops.filter { [.predict, .ask].contains($0.kind) }.map(\.id)
      return asked.contains(rest)
        ? nil : "'\(name)' is of no question: expected one of \(words(asked)) after '\(parts[0]).'"
    default: return nil
    }
  }
}
