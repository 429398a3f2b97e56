import Models
import Wording

/// What was measured on this model corrects the order that holds in general.
extension MethodRanking {
  /// The ranking with what was measured: methods that were measured with the same bits change places among each other, the
  /// least KL first; the others stay where they are.
  func corrected(_ ranking: [Ranked], _ target: QuantizationTarget) -> [Ranked] {
    var ranking = ranking
    for index in ranking.indices {
      guard let found = measured(ranking[index].method, target) else { continue }
      ranking[index].method.measured = found
      ranking[index].method.why =
        "measured here: KL \(Quantity.significant(found.kl)) +- \(Quantity.significant(found.error, 2)) (run \(found.run)); "
        + "in general: \(ranking[index].method.why)"
    }
    let widths = Set(
      ranking.compactMap { $0.method.measured?.bits ?? ($0.method.measured == nil ? nil : 0) })
    for width in widths.sorted() {
      let places = ranking.indices.filter { index in
        ranking[index].method.measured.map { ($0.bits ?? 0) == width } ?? false
      }
      let ordered = places.map { ranking[$0] }.enumerated().sorted {
        let (one, other) = (
          $0.element.method.measured?.kl ?? 0, $1.element.method.measured?.kl ?? 0
        )
        return one != other ? one < other : $0.offset < $1.offset
      }
      for (place, item) in zip(places, ordered) { ranking[place] = item.element }
    }
    return ranking
  }

  /// The run of a method with the bits that the plan thinks of.
  private func measured(
    _ method: PlanReport.RankedMethod, _ target: QuantizationTarget
  ) -> MeasuredMethod? {
    let planned = (method.codeBits ?? method.bits).map { Int($0) }
    return planner.methods.measured.first {
      $0.target == target && $0.name == method.name
        && ($0.bits == nil || planned == nil || $0.bits == planned)
    }
  }
}
