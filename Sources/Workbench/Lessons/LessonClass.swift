import Engine
package import Operators
import Platform
import Quantization
import TOMLKit

/// What a teacher fixes for everybody in the room, so that twenty laptops show the same plans: lessons, times, a machine.
///
///     name = "Group 3"
///     lessons = ["targets", "rounding"]
///     language = "en"
///     model = "built-in"
///     seed = 7
///     minutes = 10
///     [limits]
///     rounding = 12
///     [[machine]]
///     name = "class laptop"
///     memory-gb = 16
///     bandwidth-gbs = 40
///     fp32-tflops = 0.6
package struct LessonClass: Hashable, Sendable {
  package var path: String
  package var name = ""
  /// By name, in the order in which they are taken; empty for all there are.
  package var lessons: [String] = []
  /// nil for each learner's own.
  package var language: String?
  /// nil for the built-in one.
  package var model: String?
  /// Of what lessons draw.
  package var seed: UInt64 = 0
  /// Minutes for each lesson; nil for no limit.
  package var minutes: Int?
  /// Minutes for single lessons.
  package var limits: [String: Int] = [:]
  /// What every laptop is taken for; nil for what each of them is.
  package var machine: MachinePeaks?

  private static let keys = [
    "name", "lessons", "language", "model", "seed", "minutes", "limits", "machine",
  ]
  private static let longest = 1 << 20

  /// Reads a class file.
  ///
  /// - Throws: `LessonProblem` naming file, line and field.
  package init(reading path: String) throws(LessonProblem) {
    let text: String
    do {
      let file = try MappedFile(path: path)
      let bytes = try file.read(at: 0, count: min(file.byteCount, Self.longest))
      guard let read = String(validating: bytes, as: UTF8.self) else {
        throw LessonProblem(path, "expected UTF-8, found other bytes")
      }
      text = read
    } catch let problem as LessonProblem {
      throw problem
    } catch {
      throw LessonProblem(path, "\(error)")
    }
    try self.init(parsing: text, path: path)
  }

  package init(parsing text: String, path: String) throws(LessonProblem) {
    self.path = path
    let table: TOMLTable
    do throws(TOMLText.Problem) {
      table = try TOMLText.table(text)
    } catch {
      throw LessonProblem(
        path, line: error.line ?? 1, "expected \(error.expected), found \(error.found)")
    }
    let fields = ClassFields(table: table, path: path, rows: text)
    for key in table.keys where !Self.keys.contains(key) {
      throw fields.problem(
        key, "expected one of \(Self.keys.joined(separator: ", ")), found \(key)")
    }
    name = try fields.text("name") ?? path.split(separator: "/").last.map(String.init) ?? path
    lessons = try fields.texts("lessons")
    language = try fields.text("language")
    if let language, !["en", "ko"].contains(language) {
      throw fields.problem("language", "language: expected en or ko, found '\(language)'")
    }
    model = try fields.text("model")
    if model == LoadJob.builtIn { model = nil }
    seed = UInt64(try fields.number("seed", 0...Int(Int32.max)) ?? 0)
    minutes = try fields.number("minutes", 1...600)
    limits = try fields.limits()
    machine = try Self.machine(text, path)
  }

  /// Seconds for a lesson.
  package func limit(of lesson: String) -> Int? { (limits[lesson] ?? minutes).map { $0 * 60 } }

  /// A lesson as this class takes it.
  package func fitted(_ lesson: Lesson) -> Lesson {
    var lesson = lesson
    lesson.model = model
    lesson.limit = limit(of: lesson.id)
    return lesson
  }

  /// The machine of the file: from its first `[[machine]]` on, with as many lines before it, so that problems name the right one.
  private static func machine(_ text: String, _ path: String) throws(LessonProblem) -> MachinePeaks?
  {
    let rows = text.split(separator: "\n", omittingEmptySubsequences: false)
    guard let start = rows.firstIndex(where: { $0.hasPrefix("[[machine]]") }) else { return nil }
    let end = rows[(start + 1)...].firstIndex { $0.hasPrefix("[") } ?? rows.count
    let part =
      Array(repeating: "", count: start) + rows[start..<end].map(String.init)
    do {
      return try MachineFile(parsing: part.joined(separator: "\n"), path: path).machines.first
    } catch {
      throw LessonProblem(
        path, line: error.line ?? 0,
        (error.field.map { "\($0): " } ?? "") + "expected \(error.expected), found "
          + (error.found ?? "none"))
    }
  }
}

/// The fields of a class file, each of the type that is expected, or a problem with its line.
private struct ClassFields {
  let table: TOMLTable
  let path: String
  let rows: [Substring]

  init(table: TOMLTable, path: String, rows text: String) {
    self.table = table
    self.path = path
    rows = text.split(separator: "\n", omittingEmptySubsequences: false)
  }

  func problem(_ key: String, _ reason: String) -> LessonProblem {
    let line = rows.firstIndex { row in
      row.hasPrefix(key) || row.hasPrefix("[\(key)]")
    }
    return LessonProblem(path, line: line.map { $0 + 1 } ?? 0, reason)
  }

  func text(_ key: String) throws(LessonProblem) -> String? {
    guard let value = table[key] else { return nil }
    guard let text = value.string, !text.isEmpty, text.count <= 200,
      !text.unicodeScalars.contains(where: { $0.value < 32 || $0.value == 127 })
    else { throw problem(key, "\(key): expected a text in quotes, without control characters") }
    return text
  }

  func texts(_ key: String) throws(LessonProblem) -> [String] {
    guard let value = table[key] else { return [] }
    guard let list = value.array else { throw problem(key, "\(key): expected a list of texts") }
    let texts = list.compactMap { $0.string }
    guard texts.count == list.count else { throw problem(key, "\(key): expected a list of texts") }
    return texts
  }

  func number(_ key: String, _ range: ClosedRange<Int>) throws(LessonProblem) -> Int? {
    guard let value = table[key] else { return nil }
    guard let number = value.int, range.contains(number) else {
      throw problem(
        key,
        "\(key): expected \(range.lowerBound) to \(range.upperBound), found \(value.debugDescription)"
      )
    }
    return number
  }

  func limits() throws(LessonProblem) -> [String: Int] {
    guard let value = table["limits"] else { return [:] }
    let expected = "limits: expected lessons with 1 to 600 minutes each"
    guard let inner = value.table else { throw problem("limits", expected) }
    var found: [String: Int] = [:]
    for name in inner.keys {
      guard let minutes = inner[name]?.int, (1...600).contains(minutes) else {
        throw problem(name, "\(expected), found \(name) = \(inner[name]?.debugDescription ?? "")")
      }
      found[name] = minutes
    }
    return found
  }
}
