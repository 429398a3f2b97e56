import Platform
import Quantization

extension OutlierSurvey {
  /// What the survey says of a threshold for LLM.int8().
  package var verdict: String {
    let six = count(at: Self.six)?.columns ?? 0
    func share(_ count: Int) -> String {
      "\(Quantity.grouped(count)) of \(Quantity.grouped(columns)) columns "
        + "(\(Quantity.percent(Double(count) / Double(max(1, columns)), 2)))"
    }
    guard let threshold = proposal.threshold else {
      return
        "No outliers: the farthest column reaches \(Quantity.significant(proposal.farthest)) times what "
        + "98 % of the columns stay below. 6.0 would split off \(share(six)) for nothing."
    }
    return "Proposed threshold \(threshold): \(share(proposal.columns)) lie above it, the nearest "
      + "\(Quantity.significant(proposal.gap)) times the farthest below. The farthest of all reaches "
      + "\(Quantity.significant(proposal.farthest)) times what 98 % of the columns stay below. 6.0 splits off "
      + share(six) + "."
  }
}
