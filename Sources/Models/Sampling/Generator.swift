package import Operators
import Platform

/// Continues a text token by token.
///
/// Holds one sequence: its cache, its logits, its sampler. `next()` gives one token at a time;
/// `generate` runs until a stop token, the wanted length or the end of the context.
package final class Generator {
  /// Why a continuation ended.
  package enum Ending: String, Hashable, Sendable, Codable {
    case stopToken
    /// As many tokens as were asked for.
    case length
    /// The cache takes no more.
    case context
    /// The receiver of the tokens wanted no more.
    case receiver
  }

  /// A finished continuation.
  package struct Continuation: Hashable, Sendable {
    /// Without the stop token.
    package var tokens: [Int32]
    package var ending: Ending
    /// Seconds until the first token was chosen.
    package var promptSeconds: Double
    /// Seconds for the tokens after the first.
    package var decodeSeconds: Double
  }

  package let model: Model
  package let cache: any KVCache
  package let context: ExecutionContext
  package var stopTokens: Set<Int32>
  package private(set) var sampler: Sampler
  /// Scores of the token to come.
  package let logits = Logits()
  private var pending: Int32?

  /// - Parameters:
  ///   - cache: an empty one, or one that holds the beginning of the text.
  ///   - stopTokens: the model's own when not given.
  /// - Throws: `ModelError.invalidSampling` for a number outside its range.
  package init(
    _ model: Model, cache: any KVCache, context: ExecutionContext,
    sampling: SamplingOptions = .greedy, stopTokens: Set<Int32>? = nil
  ) throws {
    self.model = model
    self.cache = cache
    self.context = context
    self.stopTokens = stopTokens ?? Set(model.configuration.endTokens)
    sampler = try Sampler(sampling)
  }

  /// Reads a prompt, or more of one, and scores what comes after it.
  ///
  /// - Throws: as `Model.forward`.
  package func read(_ prompt: [Int32], options: ForwardOptions = ForwardOptions()) throws {
    let tokens = (pending.map { [$0] } ?? []) + prompt
    try model.forward(
      tokens: tokens, cache: cache, context: context, into: logits, options: options)
    pending = nil
  }

  /// Chooses the next token; nil when the cache is full.
  ///
  /// Something must have been read before. A token chosen before is run first, so the last one
  /// chosen is not in the cache.
  /// - Throws: as `Model.forward`.
  package func next(options: ForwardOptions = ForwardOptions()) throws -> Int32? {
    if pending != nil {
      guard cache.length < cache.capacity else { return nil }
      try read([], options: options)
    }
    guard logits.rows > 0 else { throw ModelError.noTokens }
    let token = sampler.sample(logits[0])
    pending = token
    return token
  }

  /// Reads `prompt` and continues it.
  ///
  /// - Parameter receive: is handed each token as it is chosen; false ends the continuation.
  /// - Throws: as `Model.forward`, and what `receive` throws.
  package func generate(
    prompt: [Int32], maximum: Int, options: ForwardOptions = ForwardOptions(),
    receive: (Int32) throws -> Bool = { _ in true }
  ) throws -> Continuation {
    let start = Machine.seconds()
    try read(prompt, options: options)
    var first: Double?
    var tokens: [Int32] = []
    var ending = Ending.length
    while tokens.count < maximum {
      guard let token = try next(options: options) else {
        ending = .context
        break
      }
      if first == nil { first = Machine.seconds() }
      if stopTokens.contains(token) {
        ending = .stopToken
        break
      }
      tokens.append(token)
      guard try receive(token) else {
        ending = .receiver
        break
      }
    }
    let end = Machine.seconds()
    return Continuation(
      tokens: tokens, ending: ending, promptSeconds: (first ?? end) - start,
      decodeSeconds: end - (first ?? end))
  }
}
