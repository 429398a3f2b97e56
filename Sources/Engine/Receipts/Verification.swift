import Operators
import Wording

/// A receipt held against the same run done again.
package struct Verification: Hashable, Sendable, Codable {
  /// One figure, then and now.
  package struct Row: Hashable, Sendable, Codable {
    package var figure: Receipt.Figure
    /// nil where it was not measured again.
    package var now: Double?
    /// (now - then) / then.
    package var moved: Double?
    /// Whether it is within the stated interval; nil where none is stated.
    package var isWithin: Bool?
  }

  /// What differs in what it was run with.
  package var differences: [String]
  package var rows: [Row]
  /// What was chosen then and now, where that differs.
  package var choice: [String]?

  package init(_ receipt: Receipt, again: Receipt) {
    rows = receipt.figures.map { figure in
      guard let now = again.figures.first(where: { $0.name == figure.name })?.value else {
        return Row(figure: figure, now: nil, moved: nil, isWithin: nil)
      }
      let moved = figure.value == now ? 0 : (now - figure.value) / figure.value.magnitude
      var isWithin: Bool?
      if let low = figure.low, let high = figure.high { isWithin = (low...high).contains(now) }
      return Row(figure: figure, now: now, moved: moved.isFinite ? moved : nil, isWithin: isWithin)
    }
    choice =
      receipt.chosen == again.chosen ? nil : [receipt.chosen ?? "none", again.chosen ?? "none"]
    var differences: [String] = []
    func compare(_ what: String, _ then: String, _ now: String) {
      if then != now { differences.append("\(what): \(then) then, \(now) now") }
    }
    compare("version", receipt.version, again.version)
    compare("processor", receipt.host.name, again.host.name)
    compare("provider", receipt.host.provider.rawValue, again.host.provider.rawValue)
    compare("threads", "\(receipt.host.threads)", "\(again.host.threads)")
    compare(
      "kernels", receipt.kernels.joined(separator: ", "), again.kernels.joined(separator: ", "))
    self.differences = differences
  }

  /// Whether all that does not depend on the hour is within its interval: times are told, and decide nothing.
  package var holds: Bool {
    choice == nil
      && rows.allSatisfy { $0.figure.basis == .rounds || $0.now != nil && $0.isWithin != false }
  }

  /// What came of it, in a sentence.
  package var words: String {
    let judged = rows.filter { $0.figure.basis != .rounds && $0.isWithin != nil }
    let timed = rows.filter { $0.figure.basis == .rounds && $0.isWithin != nil }
    let open = rows.filter { $0.now != nil && $0.isWithin == nil }
    func count(_ rows: [Row]) -> String {
      "\(rows.count { $0.isWithin == true }) of \(rows.count)"
    }
    var text = holds ? "It holds" : "It does not hold"
    text += ": \(count(judged)) figures of quality and bytes are within their intervals"
    if !timed.isEmpty { text += ", and \(count(timed)) times within their quartiles" }
    if !open.isEmpty { text += "; \(open.count) state no interval" }
    if let choice { text += "; chosen was \(choice[0]), now \(choice[1])" }
    return text + "."
  }
}
