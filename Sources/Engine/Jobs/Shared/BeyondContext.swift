import Models
import Wording

/// Positions that a measurement reaches beyond those a model was made for.
enum BeyondContext {
  /// What is to be said of `tokens` in one sequence; nil where the model's context holds them.
  static func note(_ tokens: Int, _ shape: ModelShape) -> String? {
    guard tokens > shape.context else { return nil }
    return
      "Note: sequences reach \(Quantity.grouped(tokens)) tokens, beyond the model's context of "
      + "\(Quantity.grouped(shape.context)): seconds and bytes hold all the same, what the model says there does not."
  }

  /// The sum of tokens that are each within what commands take.
  static func sum(_ tokens: Int...) -> Int {
    tokens.reduce(0) { sum, more in
      let (total, overflow) = sum.addingReportingOverflow(more)
      return overflow ? .max : total
    }
  }
}
