import Wording

extension OutlierLabReport {
  /// What the numbers of one model say: of the range of activations, and of the weights that read it.
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
    let typical = side.facts.meanRatio ?? side.facts.ratio
    var text =
      "Activations: the farthest channel reaches \(Quantity.fixed(typical, 1)) times the one in the middle, so that "
      + "\(row.name) leaves an ordinary one about \(Quantity.significant(127 / typical, 2)) steps of 127: \(kl(row))"
    if side.facts.factor > 1, let before = self.row(base, .int8, last: true), before.kl > 0 {
      text += ", \(times(row.kl / before.kl)) that of the model as it is"
    }
    if let alone = side.rows.first(where: { $0.name == OutlierLabRecipes.int8Weights }) {
      text += "; the same weights with activations in FP: \(kl(alone))"
    }
    return text + "."
  }

  private func split(_ side: Side) -> String? {
    let rows = side.rows.filter { $0.kind == .llmInt8 }
    guard !rows.isEmpty else { return nil }
    let parts = rows.map { row in
      "\(row.name) takes \(Quantity.fixed(row.flagged ?? 0, 0)) of \(Quantity.grouped(side.facts.columns)) columns out "
        + "of a window and leaves a range of \(left(row)): \(kl(row))"
    }
    return parts.joined(separator: "; ") + "."
  }

  private func smoothed(_ side: Side) -> String? {
    guard
      let best = side.rows.filter({ $0.kind == .smoothQuant }).min(by: { $0.kl < $1.kl })
    else { return nil }
    return "\(best.name) is the best of its kind and leaves a range of \(left(best)): \(kl(best))."
  }

  /// What becomes of the weights, the other cause, and of the activations next to them.
  private func weights(_ side: Side, _ base: Side?) -> String? {
    let rows = side.rows.filter { $0.kind == .weights && $0.name != OutlierLabRecipes.int8Weights }
    guard !rows.isEmpty else { return nil }
    var parts: [String] = []
    if side.facts.factor > 1 {
      parts.append(
        "Weights: in planted columns they are \(Quantity.significant(side.facts.shrunk)) times smaller than in those "
          + "next to them, which set the scale of a group.")
    }
    for row in rows {
      var text = "\(row.name): \(kl(row))"
      if side.facts.factor > 1 {
        if let before = base?.rows.first(where: { $0.name == row.name }), before.kl > 0 {
          text += ", \(times(row.kl / before.kl)) that of the model as it is"
        }
        text +=
          "; \(Quantity.percent(row.zeroed ?? 0)) of the weights in planted columns became 0, "
          + "\(Quantity.percent(row.zeroedElsewhere ?? 0)) of the others"
      }
      let stays = (row.ratio / side.facts.ratio - 1).magnitude < Self.sameRange
      text +=
        stays
        ? "; the range of the activations stays \(left(row))"
        : "; its scales leave the activations a range of \(left(row))"
      parts.append(text + ".")
    }
    return parts.joined(separator: " ")
  }

  /// Ranges that differ by less, as a share, are the same: each is taken from a part of the text.
  private static let sameRange = 0.02

  private func left(_ row: Row) -> String { Quantity.fixed(row.meanRatio ?? row.ratio, 1) }

  private func times(_ factor: Double) -> String {
    "\(Quantity.significant(factor, factor < 10 ? 2 : 3)) times"
  }
}
