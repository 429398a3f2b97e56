import Quantization
import TOMLKit
import TerminalUI

/// What no language changes of a lesson, as `lesson.toml` has it.
///
///     number = 2
///     minutes = 8
///     source = "en"
///     [sizes]
///     windows = 8
///     [[stop]]
///     id = "worst"
///     kind = "predict"
///     guess = "cell"
///     answer = "heatmap.worst"
struct LessonPlan {
  var path: String
  var number = 0
  var minutes = 8
  /// The language that others are made from.
  var source = "en"
  var sizes = LessonSizes()
  var stops: [LessonStop] = []
  /// The line each stop begins on.
  var lines: [Int] = []
  private let rows: LessonRows

  private static let keys = ["number", "minutes", "source", "sizes", "stop"]
  private static let sizeKeys = ["samples", "sample-length", "windows", "seconds"]
  static let stopKeys = [
    "id", "kind", "screen", "guess", "choices", "answer", "within", "check", "keep", "jobs",
    "recipe", "caches", "workload", "workloads", "like", "planting", "session", "from", "to",
    "reveals", "quiet", "way",
  ]

  /// Reads a plan; what is wrong is told with its line, and the rest is read.
  init(parsing text: String, path: String, problems: inout [LessonProblem]) {
    self.path = path
    rows = LessonRows(text)
    let table: TOMLTable
    do throws(TOMLText.Problem) {
      table = try TOMLText.table(text)
    } catch {
      problems.append(
        LessonProblem(
          path, line: error.line ?? 1, "expected \(error.expected), found \(error.found)"))
      return
    }
    lines = rows.rows.enumerated().filter {
      LessonText.trimmed($0.element[...]).hasPrefix("[[stop]]")
    }
    .map { $0.offset + 1 }
    for key in table.keys where !Self.keys.contains(key) {
      problems.append(unknown(key, among: Self.keys, from: 1))
    }
    number = table["number"]?.int ?? 0
    minutes = table["minutes"]?.int ?? 8
    source = table["source"]?.string ?? "en"
    if let sizes = table["sizes"]?.table { read(sizes, &problems) }
    guard let list = table["stop"]?.array else {
      problems.append(LessonProblem(path, line: rows.rows.count, "expected [[stop]], found none"))
      return
    }
    for (index, entry) in list.enumerated() {
      guard let stop = entry.table else { continue }
      read(stop, line: lines.indices.contains(index) ? lines[index] : 1, &problems)
    }
  }

  private mutating func read(_ table: TOMLTable, _ problems: inout [LessonProblem]) {
    for key in table.keys where !Self.sizeKeys.contains(key) {
      problems.append(unknown(key, among: Self.sizeKeys, from: 1))
    }
    func size(_ key: String, _ standard: Int, _ range: ClosedRange<Int>) -> Int {
      guard let value = table[key] else { return standard }
      guard let number = value.int, range.contains(number) else {
        problems.append(
          LessonProblem(
            path, line: line(of: key, from: 1),
            "\(key): expected \(range.lowerBound) to \(range.upperBound), found \(value.debugDescription)"
          ))
        return standard
      }
      return number
    }
    sizes.samples = size("samples", sizes.samples, 1...1000)
    sizes.sampleLength = size("sample-length", sizes.sampleLength, 8...4096)
    sizes.windows = size("windows", sizes.windows, 2...1000)
    sizes.seconds = Double(size("seconds", Int(sizes.seconds), 1...3600))
  }

  private mutating func read(_ table: TOMLTable, line start: Int, _ problems: inout [LessonProblem])
  {
    let fields = LessonFields(table: table, path: path, rows: rows, start: start)
    var found: [LessonProblem] = []
    for key in table.keys where !Self.stopKeys.contains(key) {
      found.append(unknown(key, among: Self.stopKeys, from: start))
    }
    guard let id = fields.text("id", &found), !id.isEmpty else {
      problems += found + [LessonProblem(path, line: start, "expected an id, found none")]
      return
    }
    if stops.contains(where: { $0.id == id }) {
      found.append(LessonProblem(path, line: start, "the id '\(id)' stands here twice"))
    }
    guard let kind = fields.choice("kind", LessonStop.Kind.self, &found) else {
      problems += found
      if found.isEmpty {
        problems.append(LessonProblem(path, line: start, "\(id): expected a kind, found none"))
      }
      return
    }
    var stop = LessonStop(id: id, kind: kind)
    stop.screen = fields.text("screen", &found)
    stop.guess = fields.choice("guess", LessonStop.Guess.self, &found)
    stop.choices = fields.texts("choices", &found).map { LessonChoice(id: $0, label: "", why: "") }
    stop.answer = fields.text("answer", &found)
    stop.within = fields.number("within", &found) ?? stop.within
    stop.check = fields.text("check", &found)
    stop.keeps = fields.table("keep", &found).sorted { $0.key < $1.key }.map {
      LessonKeep(name: $0.key, expression: $0.value)
    }
    stop.jobs = fields.texts("jobs", &found)
    stop.recipe = fields.text("recipe", &found)
    stop.caches = fields.texts("caches", &found)
    stop.workload = fields.workload("workload", &found)
    stop.workloads = fields.workloads(&found)
    stop.like = fields.text("like", &found)
    stop.planting = fields.text("planting", &found)
    stop.session = fields.text("session", &found)
    stop.from = fields.number("from", &found).map { Int($0 * 1000) }
    stop.to = fields.number("to", &found).map { Int($0 * 1000) }
    stop.reveals = fields.texts("reveals", &found)
    stop.isQuiet = table["quiet"]?.bool ?? false
    stop.way = fields.texts("way", &found)
    problems += found
    stops.append(stop)
    if lines.count < stops.count { lines.append(start) }
  }

  /// The line on which a key of the stop that begins at `start` stands.
  func line(of key: String, from start: Int) -> Int { rows.line(of: key, from: start) }

  private func unknown(_ key: String, among keys: [String], from start: Int) -> LessonProblem {
    let nearest = NearestName.of(key, among: keys).map { "; did you mean \"\($0)\"?" } ?? ""
    return LessonProblem(
      path, line: line(of: key, from: start), "there is no key \"\(key)\"\(nearest)")
  }
}

/// The lines of a plan, to find where a key stands.
private struct LessonRows {
  let rows: [String]

  init(_ text: String) {
    rows = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
  }

  /// The line on which a key of the stop that begins at `start` stands; `start` where it is not found.
  func line(of key: String, from start: Int) -> Int {
    for number in start..<max(start, rows.count) {
      let row = LessonText.trimmed(rows[number][...])
      if row.hasPrefix("[[") { break }
      if row.hasPrefix(key), row.dropFirst(key.count).first.map({ " =.".contains($0) }) ?? false {
        return number + 1
      }
    }
    return start
  }
}

/// The fields of a stop, each of the type that is expected, or a problem with its line.
private struct LessonFields {
  let table: TOMLTable
  let path: String
  let rows: LessonRows
  let start: Int

  private func line(_ key: String) -> Int { rows.line(of: key, from: start) }

  func text(_ key: String, _ problems: inout [LessonProblem]) -> String? {
    value(key, "a text in quotes", &problems) { $0.string }
  }

  func number(_ key: String, _ problems: inout [LessonProblem]) -> Double? {
    value(key, "a number", &problems) { $0.double ?? $0.int.map(Double.init) }
  }

  func texts(_ key: String, _ problems: inout [LessonProblem]) -> [String] {
    value(key, "a list of texts", &problems) { value in
      guard let list = value.array else { return nil }
      let texts = list.compactMap { $0.string }
      return texts.count == list.count ? texts : nil
    } ?? []
  }

  func table(_ key: String, _ problems: inout [LessonProblem]) -> [String: String] {
    value(key, "a table of texts", &problems) { value in
      guard let inner = value.table else { return nil }
      var found: [String: String] = [:]
      for name in inner.keys {
        guard let text = inner[name]?.string else { return nil }
        found[name] = text
      }
      return found
    } ?? [:]
  }

  func workload(_ key: String, _ problems: inout [LessonProblem]) -> [String: Int]? {
    value(key, Self.expectedWorkload, &problems) { $0.table.flatMap(Self.numbers) }
  }

  func workloads(_ problems: inout [LessonProblem]) -> [[String: Int]]? {
    value("workloads", "a list of tables, each \(Self.expectedWorkload)", &problems) { value in
      guard let list = value.array, !list.isEmpty else { return nil }
      let tables = list.compactMap { $0.table.flatMap(Self.numbers) }
      return tables.count == list.count ? tables : nil
    }
  }

  private static let expectedWorkload =
    "a table with context, requests, prompt and generate, each 1 or more"

  private static func numbers(_ table: TOMLTable) -> [String: Int]? {
    var found: [String: Int] = [:]
    for name in table.keys {
      guard ["context", "requests", "prompt", "generate"].contains(name),
        let number = table[name]?.int, (1...100_000_000).contains(number)
      else { return nil }
      found[name] = number
    }
    return found
  }

  func choice<Value: RawRepresentable & CaseIterable>(
    _ key: String, _ type: Value.Type, _ problems: inout [LessonProblem]
  ) -> Value? where Value.RawValue == String {
    let names = type.allCases.map(\.rawValue).joined(separator: ", ")
    guard let word = text(key, &problems) else { return nil }
    guard let found = Value(rawValue: word) else {
      problems.append(
        LessonProblem(path, line: line(key), "\(key): expected one of \(names), found '\(word)'"))
      return nil
    }
    return found
  }

  private func value<Value>(
    _ key: String, _ expected: String, _ problems: inout [LessonProblem],
    _ read: (any TOMLValueConvertible) -> Value?
  ) -> Value? {
    guard let value = table[key] else { return nil }
    guard let found = read(value) else {
      problems.append(LessonProblem(path, line: line(key), "\(key): expected \(expected)"))
      return nil
    }
    return found
  }
}
