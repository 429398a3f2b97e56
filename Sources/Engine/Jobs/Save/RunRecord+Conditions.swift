package import Evaluation
import Wording

extension RunRecord {
  /// What runs must have in common for their figures of quality to be ranked together: how they were measured, and on which
  /// model of which size; nil where quality was not measured.
  package var conditions: EvaluationConditions? {
    guard let evaluation else { return nil }
    var parts = evaluation.conditions.parts
    let bytes = evaluation.baseline.weightBytes ?? quantize?.baselineBytes
    parts[.model] = model + (bytes.map { " of \(Quantity.bytes($0))" } ?? "")
    return EvaluationConditions(parts)
  }
}
