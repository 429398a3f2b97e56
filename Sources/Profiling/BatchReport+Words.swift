import Operators
import Wording

extension BatchCrossover {
  /// The batches that were measured.
  private var span: String {
    guard let first = comparisons.first, let last = comparisons.last else { return "no batch" }
    return first.batch == last.batch ? "\(first.batch)" : "\(first.batch) to \(last.batch)"
  }

  /// In a few words, of the first form: `W8A8 beats BF16 from 3.4 on`.
  package var short: String {
    guard let start, let last = comparisons.last else {
      return "\(first) and \(second) are alike"
    }
    guard let change = changes.first else {
      // Where the largest batches decide nothing, who was ahead no longer is.
      guard comparisons.last?.isDecided ?? true else {
        return start == first
          ? "\(first) beats \(second) at \(decidedSpan), alike beyond"
          : "\(first) never beats \(second) up to \(last.batch), alike beyond "
            + "\(comparisons.last(where: \.isDecided)?.batch ?? last.batch)"
      }
      return start == first
        ? "\(first) beats \(second) from \(comparisons[0].batch) on"
        : "\(first) never beats \(second) up to \(last.batch)"
    }
    let words = "\(first) beats \(second) \(change.faster == first ? "from" : "up to")"
    let more = changes.count > 1 ? ", and changes again" : ""
    return words + " \(Self.batch(change.batch))" + (change.faster == first ? " on" : "") + more
  }

  /// One sentence: who is faster where, with the ratios next to the change.
  package var sentence: String {
    guard !comparisons.isEmpty else { return "\(first) and \(second) were not measured together." }
    guard let start else {
      return "\(first) and \(second) are alike at batch \(span): \(ratios(ends))."
    }
    guard !changes.isEmpty else {
      let other = start == first ? second : first
      return "\(start) is faster than \(other) at batch \(decidedSpan)\(alike): \(ratios(ends))."
    }
    var parts = ["\(start) is faster up to batch \(Self.batch(changes[0].batch))"]
    for (index, change) in changes.enumerated() {
      let next = index + 1 < changes.count ? changes[index + 1] : nil
      parts.append(
        next.map { "\(change.faster) up to \(Self.batch($0.batch))" } ?? "\(change.faster) beyond")
    }
    let beside = comparisons.filter { one in
      changes.contains { $0.from == one.batch || $0.to == one.batch }
    }
    return parts.joined(separator: ", ") + ": \(ratios(beside))\(alike)."
  }

  /// From the first decided batch to the last.
  private var decidedSpan: String {
    let decided = comparisons.filter(\.isDecided)
    guard let low = decided.first?.batch, let high = decided.last?.batch else { return span }
    return low == high ? "\(low)" : "\(low) to \(high)"
  }

  /// What is said of the ends where nothing is decided.
  private var alike: String {
    guard let low = comparisons.firstIndex(where: \.isDecided),
      let high = comparisons.lastIndex(where: \.isDecided)
    else { return "" }
    var parts: [String] = []
    if low > 0 { parts.append("below") }
    if high < comparisons.count - 1 { parts.append("beyond") }
    return parts.isEmpty ? "" : ", alike " + parts.joined(separator: " and ")
  }

  private var ends: [Comparison] {
    guard let first = comparisons.first, let last = comparisons.last else { return [] }
    return first.batch == last.batch ? [first] : [first, last]
  }

  /// `W4A16 3.1 times at 1 and 1.2 times at 64`, always of the faster form.
  private func ratios(_ comparisons: [Comparison]) -> String {
    var parts: [String] = []
    var named = ""
    for one in comparisons {
      let faster = one.ratio >= 1 ? first : second
      let ratio = one.ratio >= 1 ? one.ratio : 1 / one.ratio
      parts.append(
        (faster == named ? "" : faster + " ") + "\(Quantity.significant(ratio, 3)) times at "
          + "\(one.batch)")
      named = faster
    }
    return parts.joined(separator: ", ")
  }

  /// A batch between those that were measured: `3.4`, `12`.
  package static func batch(_ value: Double) -> String {
    Quantity.fixed(value, value < 9.95 ? 1 : 0)
  }
}

extension BatchReport {
  /// What binds a decode step of each form, and from which batch on the other thing does.
  package var bounds: [String] {
    forms.compactMap { form in
      let points = points(of: form.name)
      guard let first = points.first, let last = points.last else { return nil }
      let units = "\(last.unit.label) arithmetic"
      let reach =
        "it reaches \(Quantity.percent(first.limitShare)) of what the limits allow at "
        + "\(first.batch), \(Quantity.percent(last.limitShare)) at \(last.batch), where linear layers take "
        + "\(Quantity.percent(last.linearShare)) of a step and attention "
        + Quantity.percent(last.attentionShare)
      let what: String
      if let bend = bend(of: form.name) {
        what =
          "is bound by memory up to batch \(BatchCrossover.batch(bend)), by \(units) beyond"
      } else {
        what =
          "is bound by \(last.bound == .memory ? "memory" : units) at batch \(first.batch) to "
          + "\(last.batch)"
      }
      return
        "\(form.name) \(what) (\(Quantity.significant(first.intensity, 2)) operations a byte at "
        + "\(first.batch), \(Quantity.significant(last.intensity, 3)) at \(last.batch)); \(reach)."
    }
  }

  /// Why two forms meet where they do, from what was counted: bytes at the smallest batch, units at the largest, what the
  /// limits alone would have, and how much of them each reaches.
  package func reason(_ crossover: BatchCrossover) -> String? {
    let left = points(of: crossover.first)
    let right = points(of: crossover.second)
    guard let low = left.first, let otherLow = right.first, let high = left.last,
      let otherHigh = right.last, low.batch == otherLow.batch, high.batch == otherHigh.batch
    else { return nil }
    let limits = limitCrossover(crossover.first, crossover.second)
    let bytes =
      "at batch \(low.batch) a step of \(crossover.first) reads \(Quantity.bytes(low.bytes)), one of "
      + "\(crossover.second) \(Quantity.bytes(otherLow.bytes))"
    let units =
      high.unit == otherHigh.unit
      ? "at \(high.batch) both multiply in \(high.unit.label)"
      : "at \(high.batch) \(crossover.first) multiplies in \(high.unit.label), "
        + "\(Quantity.significant(peaks[high.unit] / max(1, peaks[otherHigh.unit]), 2)) times the rate "
        + "of \(otherHigh.unit.label)"
    let shares =
      "there they reach \(Quantity.percent(high.limitShare)) and "
      + "\(Quantity.percent(otherHigh.limitShare)) of their limits"
    return "By bytes and operations alone \(limits.short): \(bytes); \(units); \(shares)."
  }

  /// All sentences: crossovers with their reasons, then what binds each form.
  package var words: [String] {
    crossovers().flatMap { crossover in
      [crossover.sentence] + (reason(crossover).map { [$0] } ?? [])
    } + bounds
  }
}
