import Glibc
import Platform

/// A trace drawn at random: Poisson arrivals, single or in bursts, lengths from lognormal distributions, common prefixes.
package struct DrawnTrace: Hashable, Sendable, Codable {
  /// Requests a second.
  package var rate: Double
  package var requests: Int
  /// Requests that come at the same moment, the mean of a geometric number; 1 for a Poisson process.
  package var burst: Double
  /// Mean tokens of a prompt, without what it has in common with others.
  package var prompt: Double
  /// Mean tokens that are generated.
  package var generated: Double
  /// Standard deviation of the logarithm of both lengths; 0 for lengths that are all alike.
  package var spread: Double
  /// Prefixes there are, the tokens of each, and the share of requests that begin with one.
  package var prefixes: Int
  package var prefixTokens: Int
  package var prefixShare: Double
  /// Tokens a request may have in all; longer lengths are cut to it.
  package var context: Int
  package var seed: UInt64

  package init(
    rate: Double, requests: Int, burst: Double = 1, prompt: Double = 512, generated: Double = 128,
    spread: Double = 0.8, prefixes: Int = 0, prefixTokens: Int = 0, prefixShare: Double = 0,
    context: Int, seed: UInt64 = 0
  ) {
    self.rate = rate
    self.requests = requests
    self.burst = burst
    self.prompt = prompt
    self.generated = generated
    self.spread = spread
    self.prefixes = prefixes
    self.prefixTokens = prefixTokens
    self.prefixShare = prefixShare
    self.context = context
    self.seed = seed
  }

  /// Requests a trace may have.
  package static let most = 10_000_000

  /// - Throws: `TraceError.badOption` that names the option.
  package func check() throws(TraceError) {
    func refuse(_ option: String, _ expected: String, _ found: String) throws(TraceError) {
      throw .badOption(option: option, expected: expected, found: found)
    }
    if !(rate > 0 && rate <= 1e9) {
      try refuse("rate", "requests a second above 0, at most 10^9", "\(rate)")
    }
    if !(1...Self.most).contains(requests) {
      try refuse("count", "1 to \(Self.most) requests", "\(requests)")
    }
    if !(burst >= 1 && burst <= 1e6) { try refuse("burst", "1 to 10^6", "\(burst)") }
    if !(spread >= 0 && spread <= 4) { try refuse("spread", "0 to 4", "\(spread)") }
    if !(0...1).contains(prefixShare) {
      try refuse("prefix-share", "0 to 1", "\(prefixShare)")
    }
    if prefixShare > 0, prefixes < 1 || prefixes > 1_000_000 {
      try refuse("prefixes", "1 to 1000000 next to a prefix share", "\(prefixes)")
    }
    if context < 2 { try refuse("context", "2 tokens or more", "\(context)") }
    if prefixTokens < 0 || prefixTokens > context - 2 {
      try refuse(
        "prefix-tokens", "0 to \(context - 2), two less than the context", "\(prefixTokens)")
    }
    for (option, value) in [("prompt", prompt), ("generate", generated)]
    where !(value >= 1 && value < Double(context)) {
      try refuse(option, "1 to \(context - 1) tokens, less than the context", "\(value)")
    }
  }

  /// Draws it; the same seed gives the same trace, and the rate changes arrivals alone.
  ///
  /// - Throws: `TraceError.badOption`.
  package func trace() throws(TraceError) -> RequestTrace {
    try check()
    var arrivals = SeededGenerator(seed: seed, stream: [1])
    var lengths = SeededGenerator(seed: seed, stream: [2])
    var choices = SeededGenerator(seed: seed, stream: [3])
    var tree = PrefixTree()
    if prefixShare > 0, prefixTokens > 0 {
      for _ in 0..<prefixes { _ = tree.add(parent: nil, tokens: prefixTokens) }
    }
    var made: [ServedRequest] = []
    made.reserveCapacity(requests)
    var time = 0.0
    for number in 0..<requests {
      // A burst goes on with this chance, which makes its mean size `burst`.
      let goesOn = burst > 1 && number > 0 && arrivals.uniform() < 1 - 1 / burst
      if number > 0, !goesOn { time -= log(1 - arrivals.uniform()) * burst / rate }
      let own = draw(prompt, &lengths)
      let wanted = draw(generated, &lengths)
      let isShared = choices.uniform() < prefixShare
      let chosen = Int(choices.uniform() * Double(max(1, tree.nodes.count)))
      let prefix = isShared && !tree.nodes.isEmpty ? chosen : nil
      let common = prefix == nil ? 0 : prefixTokens
      let tokens = min(common + own, context - 1)
      made.append(
        ServedRequest(
          arrival: time, prompt: tokens, generated: min(wanted, context - tokens), prefix: prefix))
    }
    return RequestTrace(name: "drawn, seed \(seed)", requests: made, prefixes: tree)
  }

  /// A length whose mean is `mean`, before it is cut.
  private func draw(_ mean: Double, _ generator: inout SeededGenerator) -> Int {
    let exponent = log(mean) - spread * spread / 2 + spread * generator.normal()
    return Int(min(max(1, exp(exponent).rounded()), 1e9))
  }
}
