/// One request of a trace: when it comes, what it brings, what it wants.
package struct ServedRequest: Hashable, Sendable, Codable {
  /// Seconds after the trace begins.
  package var arrival: Double
  /// Tokens of the prompt, what it has in common with others included.
  package var prompt: Int
  /// Tokens that are generated; the first comes of the prompt itself.
  package var generated: Int
  /// Where its prompt leaves what others have too: a node of the trace's `PrefixTree`; nil where it has nothing in common.
  package var prefix: Int?

  package init(arrival: Double, prompt: Int, generated: Int, prefix: Int? = nil) {
    self.arrival = arrival
    self.prompt = prompt
    self.generated = generated
    self.prefix = prefix
  }

  /// Tokens its cache holds at most: the token that comes last is never put into it.
  package var longest: Int { prompt + generated - 1 }
}

/// Requests in the order they come.
package struct RequestTrace: Hashable, Sendable, Codable {
  /// What it is called: a file's name, or how it was drawn.
  package var name: String
  /// Arrivals never decrease.
  package var requests: [ServedRequest]
  package var prefixes: PrefixTree
  /// Requests of the file that were left out because they are longer than the context.
  package var leftOut: Int

  package init(
    name: String, requests: [ServedRequest], prefixes: PrefixTree = PrefixTree(), leftOut: Int = 0
  ) {
    self.name = name
    self.requests = requests
    self.prefixes = prefixes
    self.leftOut = leftOut
  }

  /// Seconds from the first arrival to the last.
  package var span: Double {
    guard let first = requests.first, let last = requests.last else { return 0 }
    return last.arrival - first.arrival
  }

  /// Requests a second; infinite where all come at once.
  package var rate: Double {
    guard requests.count > 1 else { return Double(requests.count) }
    return span > 0 ? Double(requests.count - 1) / span : .infinity
  }

  /// The same requests, their arrivals closer together or farther apart.
  package func scaled(by factor: Double) -> RequestTrace {
    var scaled = self
    for index in requests.indices { scaled.requests[index].arrival /= factor }
    return scaled
  }

  /// Tokens of all prompts, and those that are generated.
  package var tokens: (prompt: Int, generated: Int) {
    requests.reduce((0, 0)) { ($0.0 + $1.prompt, $0.1 + $1.generated) }
  }
}
