/// Whether one serving runtime executes a recipe as it is.
package struct RuntimeCoverage: Hashable, Sendable, Codable {
  package enum Support: String, Hashable, Sendable, Codable {
    case native
    /// Runs, but expands to FP first: memory shrinks, speed does not.
    case fallback
    case refused
  }

  package var runtime: String
  package var support: Support
  /// The blocking constraint in one phrase; empty when native.
  package var constraint: String
  /// The nearest setting that is native; empty when none is known.
  package var nearest: String
  /// When this was last read from the runtime's sources and documents; nil in reports from before it was noted.
  package var asOf: String?

  package init(
    runtime: String, support: Support, constraint: String, nearest: String, asOf: String? = nil
  ) {
    self.runtime = runtime
    self.support = support
    self.constraint = constraint
    self.nearest = nearest
    self.asOf = asOf
  }
}
