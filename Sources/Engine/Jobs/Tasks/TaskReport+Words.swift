package import Evaluation
import Wording

extension TaskReport {
  /// What came of it in a line.
  package var summary: String {
    scores.map { score in
      "\(score.name) \(Quantity.percent(score.baseline.share, 1)) -> \(Quantity.percent(score.quantized.share, 1))"
        + (score.weakness == nil ? "" : " (no power)")
    }.joined(separator: ", ")
  }
}

extension WilsonShare {
  /// `42 of 60, 70.0 % (57.5 to 80.1)`.
  package var words: String {
    "\(right) of \(of), \(interval)"
  }

  /// `70.0 % (57.5 to 80.1)`.
  package var interval: String {
    let (low, high) = (Quantity.fixed(low * 100, 1), Quantity.fixed(high * 100, 1))
    return "\(Quantity.percent(share, 1)) (\(low) to \(high))"
  }
}

extension TaskReport.Score {
  /// What the model keeps of what its baseline can do, with the test; or why that says nothing.
  package var verdict: String {
    if let weakness { return "no power: \(weakness)" }
    let kept = retention.map { "keeps \(Quantity.percent($0, 1)), " } ?? ""
    return kept + "\(lost) lost, \(gained) gained, p \(Quantity.significant(p, 2))"
  }
}
