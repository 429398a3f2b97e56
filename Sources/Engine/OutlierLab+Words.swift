import Platform

extension OutlierLabReport {
  /// What the numbers of one model say: of the range of activations, and of the weights behind it.
  package func words(of side: Side) -> [String] {
    let facts = side.facts
    let base = sides.first { $0.facts.factor == 1 }
    var lines = [
      "In full precision nothing changed: the largest difference of a logit is "
        + "\(Quantity.significant(facts.logitDifference))."
    ]
    if facts.factor == 1 { lines = [] }
    if facts.logitDifference > 0 {
      lines = [
        "The planted model is not the same in full precision: a logit differs by "
          + "\(Quantity.significant(facts.logitDifference))."
      ]
    }
    if let line = activations(side, base) { lines.append(line) }
    if let line = split(side) { lines.append(line) }
    if let line = smoothed(side) { lines.append(line) }
    if let line = weights(side, base) { lines.append(line) }
    return lines
  }

  private func row(_ side: Side?, _ kind: Row.Kind, last: Bool = false) -> Row? {
    let rows = side?.rows.filter { $0.kind == kind } ?? []
    return last ? rows.last : rows.first
  }

  private func kl(_ row: Row) -> String { "KL \(Quantity.significant(row.kl))" }

  /// What the range of the activations does to INT8.
  private func activations(_ side: Side, _ base: Side?) -> String? {
    guard let row = row(side, .int8, last: true) else { return nil }
    var text =
      "Activations: the farthest channel reaches \(Quantity.fixed(side.facts.ratio, 1)) times the one in the "
      + "middle, so that \(row.name) leaves an ordinary one about \(Quantity.significant(127 / side.facts.ratio, 2)) "
      + "steps of 127: \(kl(row))"
    if side.facts.factor > 1, let before = self.row(base, .int8, last: true), before.kl > 0 {
      text += ", \(Quantity.significant(row.kl / before.kl, 2)) times that of the model as it is"
    }
    return text + "."
  }

  private func split(_ side: Side) -> String? {
    let rows = side.rows.filter { $0.kind == .llmInt8 }
    guard !rows.isEmpty else { return nil }
    let parts = rows.map { row in
      "\(row.name) takes \(Quantity.fixed(row.flagged ?? 0, 1)) of \(Quantity.grouped(side.facts.columns)) columns out "
        + "and leaves a range of \(Quantity.fixed(row.ratio, 1)): \(kl(row))"
    }
    return parts.joined(separator: "; ") + "."
  }

  private func smoothed(_ side: Side) -> String? {
    guard
      let best = side.rows.filter({ $0.kind == .smoothQuant }).min(by: { $0.kl < $1.kl })
    else { return nil }
    return
      "\(best.name) is the best of its kind and leaves a range of \(Quantity.fixed(best.ratio, 1)): \(kl(best))."
  }

  /// What becomes of the weights: the other cause.
  private func weights(_ side: Side, _ base: Side?) -> String? {
    let rows = side.rows.filter { $0.kind == .weights }
    guard let first = rows.first else { return nil }
    guard side.facts.factor > 1 else {
      return
        "\(first.name) leaves activations as they are, a range of \(Quantity.fixed(first.ratio, 1)): \(kl(first))."
    }
    var text =
      "Weights: behind the planted channels they are \(Quantity.significant(side.facts.shrunk)) times smaller than "
      + "those beside them, which set the scale of a group."
    for row in rows {
      text += " \(row.name): \(Quantity.percent(row.zeroed ?? 0)) of them become 0"
      text += " (\(Quantity.percent(row.zeroedElsewhere ?? 0)) of the others), \(kl(row))"
      if let before = base?.rows.first(where: { $0.name == row.name }), before.kl > 0 {
        text += ", \(Quantity.significant(row.kl / before.kl, 2)) times as much as before"
      }
      text += "; range left \(Quantity.fixed(row.ratio, 1))."
    }
    return text
  }
}
