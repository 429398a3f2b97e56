/// What a model is to be used for.
package struct Workload: Hashable, Sendable, Codable {
  /// Tokens one request may hold at most, prompt and generated.
  package var context: Int
  /// Requests in flight at a time.
  package var requests: Int
  /// Share of the context that all requests have in common, 0 to 1.
  package var sharedPrefix: Double
  package var promptTokens: Int
  package var generatedTokens: Int
  /// Sequences decoded in one step.
  package var batch: Int
  /// Bytes that may be used; nil for what the machine has.
  package var memoryBudget: Double?
  /// The widths of the cache to map what fits for, in bits of a value with its scales; nil for the usual ones.
  package var kvWidths: [Double]?

  package init(
    context: Int, requests: Int = 1, sharedPrefix: Double = 0, promptTokens: Int = 512,
    generatedTokens: Int = 128, batch: Int = 1, memoryBudget: Double? = nil,
    kvWidths: [Double]? = nil
  ) {
    self.context = context
    self.requests = requests
    self.sharedPrefix = sharedPrefix
    self.promptTokens = promptTokens
    self.generatedTokens = generatedTokens
    self.batch = batch
    self.memoryBudget = memoryBudget
    self.kvWidths = kvWidths
  }

  /// Tokens at the start of a context that all requests have in common.
  package func sharedTokens(of context: Double) -> Double {
    guard sharedPrefix.isFinite else { return 0 }
    return (context * min(max(0, sharedPrefix), 1)).rounded()
  }
}
