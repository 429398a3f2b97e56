import Quantization
import Wording

extension OutlierSurvey {
  /// What the survey says of a threshold for LLM.int8().
  package var verdict: String {
    let six = count(at: Self.six)?.columns ?? 0
    func share(_ count: Int) -> String {
      "\(Quantity.grouped(count)) of \(Quantity.grouped(columns)) columns "
        + "(\(Quantity.percent(Double(count) / Double(max(1, columns)), 2)))"
    }
    let farthest =
      "\(Quantity.significant(proposal.farthest)) times what 96 % of them stay below"
    guard let threshold = proposal.threshold else {
      return
        "No outliers after norms: the farthest column reaches \(farthest). 6.0 would split off "
        + "\(share(six)) of all layers all the same."
    }
    return "Proposed threshold \(threshold): \(Quantity.grouped(proposal.columns)) of "
      + "\(Quantity.grouped(columnsBehindNorms)) columns after norms lie above it, the nearest "
      + "\(Quantity.significant(proposal.gap)) times the farthest below; the farthest of all reaches \(farthest). "
      + "Those of o and down included it splits off \(share(count(at: threshold)?.columns ?? 0)), 6.0 \(share(six))."
  }
}
