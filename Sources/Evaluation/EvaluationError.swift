/// What can go wrong in measuring quality.
package enum EvaluationError: Error, Hashable, Sendable {
  case textTooShort(text: String, tokens: Int, needed: Int)
  case windowOutOfRange(found: Int, lowest: Int)
  case nothingScored(text: String)
  case notFinite(window: Int, model: String)
  case cancelled
}

extension EvaluationError: CustomStringConvertible {
  package var description: String {
    switch self {
    case .textTooShort(let text, let tokens, let needed):
      "\(text) holds \(tokens) tokens: expected at least \(needed) (choose a smaller window or a "
        + "longer text)"
    case .windowOutOfRange(let found, let lowest):
      "a window of \(found) tokens: expected \(lowest) or more"
    case .nothingScored(let text): "no position of \(text) could be scored"
    case .notFinite(let window, let model):
      "the logits of \(model) in window \(window) are not finite"
    case .cancelled: "cancelled"
    }
  }
}
