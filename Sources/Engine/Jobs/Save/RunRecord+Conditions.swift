package import Evaluation
import Wording

extension RunRecord {
  /// What runs must have in common for their figures of quality to be ranked together: how they were measured, and on which
  /// model of which size; nil where quality was not measured.
  package var conditions: EvaluationConditions? {
    guard let evaluation else { return choice.flatMap(conditions) }
    var parts = evaluation.conditions.parts
    let bytes = evaluation.baseline.weightBytes ?? quantize?.baselineBytes
    parts[.model] = model + (bytes.map { " of \(Quantity.bytes($0))" } ?? "")
    return EvaluationConditions(parts)
  }

  /// Those of what a choice recommended.
  private func conditions(_ choice: ChooseReport) -> EvaluationConditions? {
    guard let winner = choice.winner, choice.rows[winner].kl != nil else { return nil }
    let windows = choice.rows[winner].windows
    return EvaluationConditions([
      .procedure:
        "\(EvaluationProtocol.llamaCpp.rawValue) \(choice.windowTokens), \(choice.text), in a choice",
      .windows: "\(windows) window\(windows == 1 ? "" : "s")",
      .model: "\(model) of \(Quantity.bytes(choice.rows[0].weightBytes))",
    ])
  }
}
