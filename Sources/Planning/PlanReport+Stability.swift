package import Models
package import Operators

extension PlanReport {
  /// Whether the advice holds wherever the measured peaks of the machine lie within their spread.
  package struct Stability: Hashable, Sendable, Codable {
    /// One limit and where it may lie, in bytes or operations per second.
    package struct Range: Hashable, Sendable, Codable {
      package var limit: MachineLimit
      package var lower: Double
      package var upper: Double

      package init(limit: MachineLimit, lower: Double, upper: Double) {
        self.limit = limit
        self.lower = lower
        self.upper = upper
      }
    }

    /// What may come first in place of what is advised.
    package struct Flip: Hashable, Sendable, Codable {
      /// The target whose methods change places; nil where the target to start with does.
      package var target: QuantizationTarget?
      package var advised: String
      package var instead: String
      /// The target that may come first, where the target to start with changes.
      package var insteadTarget: QuantizationTarget?
      /// One sentence.
      package var words: String

      package init(
        target: QuantizationTarget?, advised: String, instead: String,
        insteadTarget: QuantizationTarget? = nil, words: String
      ) {
        self.target = target
        self.advised = advised
        self.instead = instead
        self.insteadTarget = insteadTarget
        self.words = words
      }
    }

    package var ranges: [Range]
    /// Empty where the advice holds throughout.
    package var flips: [Flip]

    package init(ranges: [Range], flips: [Flip]) {
      self.ranges = ranges
      self.flips = flips
    }

    /// The sentences about a target: which comes first, where it is the one that is advised first, and its methods.
    package func words(of target: QuantizationTarget, isFirst: Bool) -> [String] {
      flips.filter { $0.target == target || isFirst && $0.target == nil }.map(\.words)
    }
  }
}
