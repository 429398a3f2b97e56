import Engine
import Evaluation
import Wording

/// What was asked of a model, as `evaluate` prints it: tasks, and recall through the cache.
enum AskedLines {
  static func recall(_ report: RecallReport) -> [String] {
    var lines = ["  recall          through the cache \(report.words)"]
    if let tokens = report.tokens {
      lines.append(
        "                  tokens of answers right, each after the right ones: "
          + "\(Quantity.percent(tokens.baselineShare, 1)) -> \(Quantity.percent(tokens.quantizedShare, 1))"
      )
    }
    if report.isBroken {
      lines.append(
        "  note            fewer than half of the answer tokens that the baseline finds: the cache may be broken"
      )
    }
    return lines
  }

  static func tasks(_ report: TaskReport) -> [String] {
    [
      "Tasks: \(report.items.count) items of \(report.task), \(report.baselineName) -> \(report.recipe)"
    ]
      + PlainTable.lines(
        ["measure", "chance", "baseline (95 %)", "now (95 %)", "now for baseline"],
        report.scores.map { score in
          [
            score.name, Quantity.percent(score.chance), score.baseline.words,
            score.quantized.words, score.verdict,
          ]
        }
      ).map { "  " + $0 }
      + ["  p: \(PairedTest.name), over items"]
  }
}

/// A report of quality with what was asked besides, as one JSON document.
struct AskedDocument: Encodable {
  let report: EvaluationReport
  let recall: RecallReport?
  let tasks: TaskReport?
  /// What another program found; nil where nobody was asked.
  var witness: Witness.Testimony?

  private enum Key: String, CodingKey { case recall, tasks, witness }

  func encode(to encoder: any Encoder) throws {
    try report.encode(to: encoder)
    var container = encoder.container(keyedBy: Key.self)
    try container.encodeIfPresent(recall, forKey: .recall)
    try container.encodeIfPresent(tasks, forKey: .tasks)
    try container.encodeIfPresent(witness, forKey: .witness)
  }
}
