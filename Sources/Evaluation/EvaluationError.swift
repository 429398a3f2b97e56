/// What can go wrong in measuring quality.
package enum EvaluationError: Error, Hashable, Sendable {
  case textTooShort(text: String, tokens: Int, needed: Int)
  case windowOutOfRange(found: Int, lowest: Int)
  case nothingScored(text: String)
  case notFinite(window: Int, model: String)
  case cancelled
  case noBegin
  case nothingBeforeScored
  case depthOutOfRange(depth: Int, tokens: Int)
  case beyondContext(depth: Int, tokens: Int, context: Int)
  case notDeepEnough(text: String, longest: Int, depth: Int, tokens: Int)
  case badLogits(path: String, place: String, expected: String, found: String)
  case notHalfScored(path: String)
  case itemNotFinite(item: String, model: String)
  case notAsked(text: String, shortest: Int, context: Int)
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
    case .noBegin:
      "BOS at the head of windows or of the text: expected a tokenizer that puts a token before a text, found one that puts none"
    case .nothingBeforeScored:
      "a prefill in full precision: expected a protocol that leaves the first part of a window unscored (llama.cpp), found "
        + "one that scores all of it (paper), which would read nothing of the quantized cache"
    case .depthOutOfRange(let depth, let tokens):
      "a depth of \(depth) with \(tokens) tokens after it: expected 1 or more of each"
    case .beyondContext(let depth, let tokens, let context):
      "a depth of \(depth) with \(tokens) tokens after it: expected \(context) together at most, the "
        + "model's context"
    case .notDeepEnough(let text, let longest, let depth, let tokens):
      "\(text): its longest document holds \(longest) tokens: expected \(depth + tokens + 1), a depth of "
        + "\(depth) with \(tokens) to score after it and one to predict (ask for less depth or fewer "
        + "tokens, or give a longer text)"
    case .badLogits(let path, let place, let expected, let found):
      "\(path), \(place): expected \(expected), found \(found)"
    case .itemNotFinite(let item, let model):
      "the logits of \(model) on item \(item) are not finite"
    case .notHalfScored(let path):
      "\(path): expected a protocol that scores the second half of each window (llama.cpp), which is all that a file of "
        + "logits holds, found one that scores windows from their first token"
    case .notAsked(let text, let shortest, let context):
      "\(text): its shortest document with questions holds \(shortest) tokens: expected \(context) at "
        + "most, the model's context"
    }
  }
}
