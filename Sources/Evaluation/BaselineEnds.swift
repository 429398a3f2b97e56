package import Models
import Operators

/// What a baseline's last norm leaves in the windows of a text, kept from one measure to another.
///
/// Its head alone then says again what all of it said, to the bit; states are a small share of the logits' bytes.
package protocol BaselineEnds: AnyObject {
  /// States of the scored positions of a window, `[positions, hidden]`; nil where nothing is kept of it.
  func ends(window: Int) -> HiddenStates?
  func keep(_ ends: HiddenStates, window: Int)
}

extension EvaluationSubject {
  /// Logits of one window from its first scored position on, from what is kept of it or from a pass, which is kept then.
  ///
  /// - Parameter cache: is emptied first.
  /// - Throws: what the model throws.
  func score(
    _ text: TextWindows, window: Int, cache: any KVCache, context: ExecutionContext,
    kept: (any BaselineEnds)?, into logits: Logits
  ) throws {
    if let ends = kept?.ends(window: window) {
      try model.scores(ofEnds: ends, context: context, into: logits)
      return
    }
    let tokens = text.windows[window]
    let ends = try kept.map { _ in
      try HiddenStates(
        tokens: max(0, tokens.count - text.firstScored), width: model.configuration.hiddenSize)
    }
    cache.reset()
    try model.forward(
      tokens: tokens, cache: cache, context: context, logits: .from(text.firstScored),
      into: logits, ends: ends)
    if let ends { kept?.keep(ends, window: window) }
  }
}
