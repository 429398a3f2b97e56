package import Engine
import Evaluation
import Platform
import Quantization

/// A report as it was recorded held against the same job's report now: which figures moved, by how much, and why.
///
/// Figures that differ only in the number of a row are one group, and a group's distance is that of two lists: the length of the
/// difference over the length of what was recorded.
package struct ReportComparison: Hashable, Sendable, Codable {
  /// Figures of one name that are not as they were recorded.
  package struct Moved: Hashable, Sendable, Codable {
    /// `maps.*.cells.*.*.values.relativeError`.
    package var name: String
    /// How many figures have the name.
    package var count: Int
    /// Recorded and found, where there is one figure.
    package var then: Double?
    package var now: Double?
    /// The distance as a share of what was recorded.
    package var distance: Double
    /// nil for a time, which decides nothing.
    package var isWithin: Bool?
    package var reason: String
  }

  /// A word that is another now, such as the method that is advised.
  package struct Choice: Hashable, Sendable, Codable {
    package var name: String
    package var then: String
    package var now: String

    package init(name: String, then: String, now: String) {
      self.name = name
      self.then = then
      self.now = now
    }
  }

  package var job: String
  /// Groups that were compared, times left out.
  package var compared = 0
  package var moved: [Moved] = []
  package var choices: [Choice] = []
  /// What it was computed with, where that is another: kernels, providers.
  package var means: [Choice] = []

  /// Computed figures may move by a hundredth, since sums are taken in another order by other kernels and threads.
  package static let tolerance = 0.01
  /// Quantiles, extremes and errors of means move with single positions.
  package static let edgeTolerance = 0.05

  package init(job: String, then: JobPayload, now: JobPayload) throws(SessionError) {
    self.job = job
    if let one = then.value as? ChooseReport, let other = now.value as? ChooseReport {
      compare(one, other)
      return
    }
    let recorded = try Leaves(then)
    let found = try Leaves(now)
    for (name, old) in recorded.numbers.sorted(by: { $0.key < $1.key }) {
      compare(name, old, found.numbers[name] ?? [])
    }
    for (name, old) in recorded.texts.sorted(by: { $0.key < $1.key }) {
      let new = found.texts[name] ?? []
      guard old != new else { continue }
      let choice = Choice(
        name: name, then: old.joined(separator: ", "), now: new.joined(separator: ", "))
      switch Kind(text: name) {
      case .choice: choices.append(choice)
      case .means: means.append(choice)
      case .words: break
      }
    }
  }

  /// Whether nothing is outside its tolerance and nothing else was chosen.
  package var holds: Bool { choices.isEmpty && moved.allSatisfy { $0.isWithin != false } }

  /// A race is held against another by what it chose and by the recipes that both measured as far: who is left out early is the
  /// clock's.
  private mutating func compare(_ one: ChooseReport, _ other: ChooseReport) {
    func winner(_ report: ChooseReport) -> String {
      guard let winner = report.winner, report.rows.indices.contains(winner) else { return "none" }
      return "\(report.rows[winner].recipe)"
    }
    if winner(one) != winner(other) {
      choices.append(Choice(name: "winner", then: winner(one), now: winner(other)))
    }
    for row in one.rows {
      guard let kl = row.kl,
        let again = other.rows.first(where: { $0.recipe == row.recipe && $0.windows == row.windows }
        ),
        let found = again.kl
      else { continue }
      compare("KL of \(row.recipe)", [kl.mean], [ShortNumbers.rounded(found.mean)])
    }
  }

  private mutating func compare(_ name: String, _ old: [Double], _ new: [Double]) {
    let isTime = Self.isTime(name, job)
    if !isTime { compared += 1 }
    guard old.count == new.count else {
      // How many rounds there was time for is the clock's.
      guard !isTime else { return }
      return moved.append(
        Moved(
          name: name, count: old.count, then: Double(old.count), now: Double(new.count),
          distance: 1, isWithin: false, reason: "another number of rows"))
    }
    let distance = Self.distance(old, new)
    guard distance > 0 else { return }
    let isEdge = Self.edges.contains { name.hasSuffix($0) }
    let isWithin = distance <= (isEdge ? Self.edgeTolerance : Self.tolerance)
    let reason =
      isTime
      ? "a time, of this machine and this hour"
      : isWithin ? "sums in another order" : "more than sums in another order move"
    moved.append(
      Moved(
        name: name, count: old.count, then: old.count == 1 ? old[0] : nil,
        now: new.count == 1 ? new[0] : nil, distance: distance, isWithin: isTime ? nil : isWithin,
        reason: reason))
  }

  /// The length of the difference over that of what was recorded; figures that are no numbers in both are equal.
  private static func distance(_ old: [Double], _ new: [Double]) -> Double {
    var difference = 0.0
    var length = 0.0
    for (one, other) in zip(old, new) where one.isFinite || other.isFinite {
      guard one.isFinite, other.isFinite else { return 1 }
      difference += (one - other) * (one - other)
      length += one * one
    }
    guard difference > 0 else { return 0 }
    // Recorded figures have six significant digits.
    let share = length > 0 ? (difference / length).squareRoot() : 1
    return share < 2e-6 ? 0 : share
  }

  private static let edges = [
    "max", "p99", "p999", "p95", "p90", "error", "margin", "lower", "upper",
  ]
  private static let timed: Set<String> = [
    "bench", "workload", "batch", "providers", "cache-speed", "kernels", "machine", "generate",
    "traffic",
  ]
  private static let clocks = ["second", "elapsed", "resident", "jobbytes", "bandwidth", "speed"]

  /// Whether figures of a name are the clock's, or of what the process happened to hold.
  private static func isTime(_ name: String, _ job: String) -> Bool {
    let last = name.split(separator: ".").last.map(String.init) ?? name
    if timed.contains(job) { return !last.hasSuffix("weightBytes") && last != "kvBytesPerToken" }
    // A plan is arithmetic on a machine as it was recorded.
    if job == "plan" { return false }
    let small = name.lowercased()
    return clocks.contains { small.contains($0) }
  }

  private enum Kind {
    case choice, means, words

    /// What a text of a name is.
    init(text name: String) {
      let parts = name.split(separator: ".").map { $0.lowercased() }
      let last = parts.last ?? ""
      if ["kernel", "provider", "kernels", "host", "processor", "threads"].contains(last) {
        self = .means
      } else if ["method", "target", "mark", "bottleneck"].contains(last)
        || parts.contains("recipe")
        || parts.contains("methods")
      {
        self = .choice
      } else {
        self = .words
      }
    }
  }
}

/// The numbers and texts of a report by name, rows of lists together.
private struct Leaves {
  var numbers: [String: [Double]] = [:]
  var texts: [String: [String]] = [:]

  init(_ report: JobPayload) throws(SessionError) {
    let bytes = try Self.bytes(report.value)
    do {
      add(try StrictJSON.parse(bytes), "")
    } catch {
      throw .cannotEncode(reason: "\(error)")
    }
  }

  private static func pairs(_ list: [JSONValue]) -> [(String, JSONValue)]? {
    guard !list.isEmpty, list.count.isMultiple(of: 2) else { return nil }
    var pairs: [(String, JSONValue)] = []
    for place in stride(from: 0, to: list.count, by: 2) {
      guard let key = list[place].string, list[place + 1].string == nil else { return nil }
      pairs.append((key, list[place + 1]))
    }
    return pairs
  }

  private static func bytes(_ value: some Encodable) throws(SessionError) -> [UInt8] {
    try SessionCodec.json(Shortened(value))
  }

  private mutating func add(_ value: JSONValue, _ name: String) {
    if let table = value.object {
      for member in table.members {
        add(member.value, name.isEmpty ? member.name : "\(name).\(member.name)")
      }
    } else if let list = value.array {
      // A dictionary whose keys are no texts is a list of keys and values, in any order.
      if let pairs = Self.pairs(list) {
        for (key, inner) in pairs { add(inner, "\(name).\(key)") }
      } else {
        for inner in list { add(inner, "\(name).*") }
      }
    } else if let number = value.double {
      numbers[name, default: []].append(number)
    } else if let text = value.string {
      texts[name, default: []].append(text)
    }
  }
}
