/// A regular expression as a tree, of the kinds that the patterns of tokenizers use.
indirect enum PatternNode: Equatable, Sendable {
  case sequence([PatternNode])
  /// The first that matches is taken.
  case choice([PatternNode])
  /// One character of the set with this number.
  case set(Int)
  case repetition(PatternNode, least: Int, most: Int?, isLazy: Bool)
  /// Whether the next character is one of the set with this number; at the end there is none.
  case lookahead(set: Int, isNegated: Bool)

  /// The number of instructions it becomes, at least.
  var size: Int {
    switch self {
    case .set, .lookahead: 1
    case .sequence(let parts), .choice(let parts):
      parts.reduce(parts.count) { $0.addingClamped($1.size) }
    case .repetition(let body, let least, let most, _):
      (body.size.addingClamped(1)).multipliedClamped(max(most ?? least + 1, 1))
    }
  }
}

extension Int {
  fileprivate func addingClamped(_ other: Int) -> Int {
    let (sum, overflow) = addingReportingOverflow(other)
    return overflow ? .max : sum
  }

  fileprivate func multipliedClamped(_ other: Int) -> Int {
    let (product, overflow) = multipliedReportingOverflow(by: other)
    return overflow ? .max : product
  }
}

/// What keeps a pattern from being executed, and where.
struct PatternError: Error, Equatable, Sendable {
  /// What was found, in words.
  var found: String
  /// The place in the pattern, in characters from 1.
  var place: Int

  /// The pattern with the error, for messages.
  func words(_ pattern: String) -> String {
    "\(pattern) (character \(place): \(found))"
  }
}
