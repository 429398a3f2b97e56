import Engine
import Evaluation
import Operators
import Planning
import Profiling
import Quantization

/// What a lesson may speak of, by name: reports of jobs, what was chosen, where the cursors are, what was kept and guessed.
///
/// | name | what it is |
/// |---|---|
/// | `evaluate.kl.mean` | a value of the newest report of a job, as its JSON has it; a row of a list by its number or its name |
/// | `workload.context`, `recipe.weights`, `recipe.weights.bits`, `recipe.exceptions` | what was chosen |
/// | `screen`, `heatmap.cell`, `heatmap.worst`, `heatmap.worst-error`, `heatmap.metric`, `heatmap.marked` | what is shown |
/// | `plan.heaviest`, `plan.decode-reads`, `plan.fits` | what the plan comes to |
/// | `kept.NAME`, `guess.STOP`, `answers.right`, `answers.asked`, `before.LESSON.STOP`, `before.LESSON.right` | the lesson itself |
struct LessonFigures {
  let state: State
  private let trees = ReportTrees()

  init(state: State) { self.state = state }

  /// The first words of names that are none of a report.
  static let roots = [
    "workload", "recipe", "screen", "heatmap", "kept", "guess", "truth", "answers", "before",
    "theme", "cache-view", "profile-phase",
  ]

  /// Whether a name can ever be something.
  static func isKnown(_ name: String) -> Bool {
    let root = name.split(separator: ".").first.map(String.init) ?? ""
    return roots.contains(root) || Jobs.all.contains { $0.name == root }
  }

  /// The value of a name; nil while it is not known.
  subscript(_ name: String) -> Figure? {
    let parts = name.split(separator: ".").map(String.init)
    guard let root = parts.first else { return nil }
    let rest = Array(parts.dropFirst())
    switch root {
    case "screen": return .text(state.screen)
    case "theme": return .text(state.theme)
    case "cache-view": return .text(state[CacheScreen.self].pane.rawValue)
    case "profile-phase": return .text("\(state[ProfileScreen.self].phase)")
    case "workload": return JSONTree(state.choices.workload)?[rest]
    case "recipe": return recipe(rest)
    case "heatmap": return heatmap(rest.first ?? "")
    case "kept": return state.lesson?.kept[rest.joined(separator: ".")]
    case "guess": return state.lesson?.records[rest.joined(separator: ".")]?.answer
    case "truth": return state.lesson?.records[rest.joined(separator: ".")]?.truth
    case "answers": return answers(rest.first ?? "", state.lesson?.records ?? [:])
    case "before": return before(rest)
    case "plan": return plan(rest) ?? report(root, rest)
    case "providers": return providers(rest) ?? report(root, rest)
    case "batch": return batch(rest) ?? report(root, rest)
    case "choose": return choose(rest) ?? report(root, rest)
    default: return report(root, rest)
    }
  }

  /// The value of an expression; nil while it is not known, or where it is none.
  func value(_ expression: String) -> Figure? {
    guard let parsed = try? LessonExpression(expression) else { return nil }
    return parsed.value { self[$0] }
  }

  /// Whether a condition holds now.
  func holds(_ condition: String) -> Bool { value(condition)?.holds ?? false }

  /// A text with its `{{EXPRESSION|FORMAT}}` filled in; `–` for what is not known yet.
  func filled(_ text: String) -> String {
    var filled = ""
    var rest = text[...]
    while let open = rest.firstRange(of: "{{") {
      filled += rest[..<open.lowerBound]
      rest = rest[open.upperBound...]
      guard let close = rest.firstRange(of: "}}") else { break }
      let place = LessonPlaceholder(String(rest[..<close.lowerBound]))
      filled += value(place.expression)?.words(place.format ?? .plain) ?? "–"
      rest = rest[close.upperBound...]
    }
    return filled + rest
  }
}

/// Reports as trees, each made once, since a report may be large and a text speak of it often.
private final class ReportTrees {
  var known: [String: JSONTree] = [:]
}

/// What stands between `{{` and `}}`: an expression, and after a bar how it is written.
struct LessonPlaceholder: Hashable, Sendable {
  var expression: String
  /// nil for a format that is none.
  var format: Figure.Format?
  var formatName: String

  init(_ text: String) {
    let parts = text.split(separator: "|", maxSplits: 1).map { part in
      String(part.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
    }
    expression = parts.first ?? ""
    formatName = parts.count > 1 ? parts[1] : "plain"
    format = Figure.Format(rawValue: formatName)
  }

  /// All of a text.
  static func all(in text: String) -> [LessonPlaceholder] {
    var found: [LessonPlaceholder] = []
    var rest = text[...]
    while let open = rest.firstRange(of: "{{") {
      rest = rest[open.upperBound...]
      guard let close = rest.firstRange(of: "}}") else { break }
      found.append(LessonPlaceholder(String(rest[..<close.lowerBound])))
      rest = rest[close.upperBound...]
    }
    return found
  }
}

extension LessonFigures {
  private func report(_ job: String, _ path: [String]) -> Figure? {
    if let tree = trees.known[job] { return tree[path] }
    guard let kind = Jobs.all.first(where: { $0.name == job }) else { return nil }
    let tree = tree(of: kind) ?? .nothing
    trees.known[job] = tree
    return tree[path]
  }

  private func tree<Kind: Job>(of kind: Kind.Type) -> JSONTree? {
    state.facts.reports[kind].flatMap { JSONTree($0) }
  }

  private func recipe(_ path: [String]) -> Figure? {
    let recipe = state.choices.recipe
    guard let first = path.first else { return .text("\(recipe)") }
    if first == "exceptions" { return .number(Double(recipe.exceptions.count)) }
    guard let slot = Slot(rawValue: first) else { return nil }
    guard path.count > 1 else { return .text(recipe[slot]?.method ?? "fp") }
    return recipe[slot].flatMap { JSONTree($0.options) }?[[path[1]]]
  }

  private func heatmap(_ what: String) -> Figure? {
    if what == "metric" { return .text(HeatmapScreen.metric(state).rawValue) }
    let view = state[HeatmapScreen.self]
    if what == "marked" { return .number(Double(view.restored.count)) }
    if what == "open" { return .number(view.isOpen ? 1 : 0) }
    guard let map = HeatmapScreen.map(state) else { return nil }
    let cells = map.cells.enumerated().flatMap { row, cells in
      cells.enumerated().compactMap { column, cell in
        cell.values[.relativeError].map { (row: row, column: column, error: $0) }
      }
    }
    switch what {
    case "cell": return .text(map.name(view.row, view.column))
    case "cell-error":
      return cells.first { $0.row == view.row && $0.column == view.column }.map {
        .number($0.error)
      }
    case "worst":
      return cells.max { $0.error < $1.error }.map { .text(map.name($0.row, $0.column)) }
    case "best":
      return cells.min { $0.error < $1.error }.map { .text(map.name($0.row, $0.column)) }
    case "worst-error": return cells.map(\.error).max().map { .number($0) }
    case "best-error": return cells.map(\.error).min().map { .number($0) }
    default: return nil
    }
  }

  private func plan(_ path: [String]) -> Figure? {
    guard let plan = state.facts.plan, path.count == 1 else { return nil }
    switch path[0] {
    case "total": return .number(plan.memory.total)
    case "fits": return .number(plan.memory.total <= plan.memory.budget ? 1 : 0)
    case "heaviest":
      let kinds = [
        ("weights", plan.memory.weights), ("cache", plan.memory.kvCache),
        ("activations", plan.memory.activations),
      ]
      return kinds.max { $0.1 < $1.1 }.map { .text($0.0) }
    case "decode-reads":
      let sides = [
        ("weights", plan.decode.weightSeconds), ("cache", plan.decode.cacheSeconds),
        ("arithmetic", plan.decode.computeSeconds),
      ]
      return sides.max { $0.1 < $1.1 }.map { .text($0.0) }
    default: return nil
    }
  }

  /// `providers.generic`, `providers.best`, `providers.without`: tokens decoded a second in plain C, by the best provider, and by
  /// it without the kernel that does most of the work.
  private func providers(_ path: [String]) -> Figure? {
    guard let report = state.facts.providers, path.count == 1 else { return nil }
    let row =
      switch path[0] {
      case "generic": report.rows.first { $0.provider == .generic && $0.disabled.isEmpty }
      case "best": report.best
      case "without", "without-native", "taken-away": report.rows.last { !$0.disabled.isEmpty }
      default: nil as ProviderReport.Row?
      }
    guard let row else { return nil }
    switch path[0] {
    case "without-native": return .number(row.nativeShare)
    case "taken-away": return .text(row.disabled.joined(separator: ", "))
    default: return .number(row.decode.tokensPerSecond)
    }
  }

  /// `batch.W4A16.least`, `batch.W4A16.most`: tokens decoded a second in a form at the least and the greatest batch.
  private func batch(_ path: [String]) -> Figure? {
    guard let report = state.facts.batches else { return nil }
    if path == ["greatest"] { return report.batches.max().map { .number(Double($0)) } }
    guard path.count == 2,
      let wanted = path[1] == "least" ? report.batches.min() : report.batches.max()
    else { return nil }
    return report.points.first { $0.form == path[0] && $0.batch == wanted }.map {
      .number($0.decode.tokensPerSecond)
    }
  }

  /// `choose.recipe`, `choose.target`, `choose.kl`: what was chosen, the first tensor it makes smaller, its KL.
  private func choose(_ path: [String]) -> Figure? {
    guard let report = state.facts.reports[ChooseJob.self], path.count == 1 else { return nil }
    if path == ["headline"] { return .text(report.headline) }
    guard let winner = report.winner ?? report.nearest, report.rows.indices.contains(winner) else {
      return nil
    }
    let row = report.rows[winner]
    switch path[0] {
    case "recipe": return .text("\(row.recipe)")
    case "kl": return row.kl.map { .number($0.mean) }
    case "tried": return .number(Double(report.rows.count))
    case "target":
      let recipe = row.recipe
      return .text(
        recipe.activations != nil
          ? "activations" : recipe.weights != nil ? "weights" : recipe.keys != nil ? "kv" : "none")
    default: return nil
    }
  }

  private func answers(_ what: String, _ records: [String: LessonRecord]) -> Figure? {
    let asked = records.values.filter { $0.isRight != nil }
    switch what {
    case "asked": return .number(Double(asked.count))
    case "test-right":
      return .number(
        Double(records.count { $0.key.hasPrefix("test-") && $0.value.isRight == true }))
    case "right": return .number(Double(asked.count { $0.isRight == true }))
    default: return records[what]?.answer
    }
  }

  /// `before.LESSON.STOP`, and how many of a lesson's quiet questions were answered rightly.
  private func before(_ path: [String]) -> Figure? {
    guard path.count == 2, let records = state.lesson?.before[path[0]] else { return nil }
    return answers(path[1], records)
  }
}

/// JSON as a tree that paths lead into.
indirect enum JSONTree: Hashable, Sendable {
  case value(Figure)
  case list([JSONTree])
  case table([String: JSONTree])
  case nothing

  /// The JSON that a value is written as; nil where it cannot be written.
  init?(_ value: some Encodable) {
    guard let bytes = try? SessionCodec.json(value),
      let tree = try? SessionCodec.decode(JSONTree.self, bytes)
    else { return nil }
    self = tree
  }

  /// The value a path leads to: keys of tables, numbers of rows from 0, or their names in small letters with hyphens.
  subscript(_ path: [String]) -> Figure? {
    guard let first = path.first else {
      switch self {
      case .value(let figure): return figure
      case .list(let rows): return .number(Double(rows.count))
      case .table, .nothing: return nil
      }
    }
    let rest = Array(path.dropFirst())
    switch self {
    case .table(let fields): return fields[first]?[rest]
    case .list(let rows):
      if first == "last" { return rows.last?[rest] }
      if let place = Int(first) { return rows.indices.contains(place) ? rows[place][rest] : nil }
      return rows.first { $0.isNamed(first) }?[rest]
    case .value, .nothing: return nil
    }
  }

  private func isNamed(_ name: String) -> Bool {
    ["name", "kind", "target", "factor", "recipe", "provider", "form"].contains { key in
      self[[key]].map { Self.plain($0.words()) == Self.plain(name) } ?? false
    }
  }

  /// Letters and digits in small letters, all else as single hyphens.
  private static func plain(_ text: String) -> String {
    text.lowercased().split { !($0.isLetter || $0.isNumber) }.joined(separator: "-")
  }
}

extension JSONTree: Decodable {
  private struct AnyKey: CodingKey {
    var stringValue: String
    var intValue: Int? { nil }
    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
  }

  init(from decoder: any Decoder) throws {
    if let table = try? decoder.container(keyedBy: AnyKey.self) {
      var fields: [String: JSONTree] = [:]
      for key in table.allKeys {
        fields[key.stringValue] = try table.decode(JSONTree.self, forKey: key)
      }
      self = .table(fields)
    } else if var list = try? decoder.unkeyedContainer() {
      var rows: [JSONTree] = []
      while !list.isAtEnd { rows.append(try list.decode(JSONTree.self)) }
      self = .list(rows)
    } else {
      let single = try decoder.singleValueContainer()
      if single.decodeNil() {
        self = .nothing
      } else if let truth = try? single.decode(Bool.self) {
        self = .value(.number(truth ? 1 : 0))
      } else {
        self = .value(try single.decode(Figure.self))
      }
    }
  }
}
