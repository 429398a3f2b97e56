package import Serving

/// Seconds of a step of this machine, fitted to steps that were timed.
///
/// What goes through the layers is read off a line through the sizes that were timed, since kernels change with the number
/// of tokens; rows of the head, cached tokens that sequences read and those that prompts read are each a constant times
/// their number.
package struct StepCostFit: Sendable {
  /// A step that was timed.
  struct Sample: Hashable, Sendable {
    var step: ServingStep
    var seconds: Double
  }

  /// How well steps that were timed but not fitted are met.
  package struct Quality: Hashable, Sendable, Codable {
    /// Steps that were fitted, and those that were held against the fit.
    package var fitted: Int
    package var checked: Int
    /// Relative errors of these.
    package var medianError: Double
    package var largestError: Double

    package init(fitted: Int, checked: Int, medianError: Double, largestError: Double) {
      self.fitted = fitted
      self.checked = checked
      self.medianError = medianError
      self.largestError = largestError
    }
  }

  private let knots: [Double]
  private let fit: CostFit

  init(_ samples: [Sample]) {
    let knots = Set(samples.map(\.step.tokens)).sorted().map(Double.init)
    self.knots = knots
    fit = CostFit(samples.map { (terms: Self.terms($0.step, knots), seconds: $0.seconds) })
  }

  package func seconds(_ step: ServingStep) -> Double {
    max(1e-7, fit.seconds(Self.terms(step, knots)))
  }

  /// A share of the two sizes next to the step's own, rows, and cached tokens by who reads them.
  private static func terms(_ step: ServingStep, _ knots: [Double]) -> [Double] {
    var terms = [Double](repeating: 0, count: knots.count)
    let tokens = Double(step.tokens)
    if knots.count == 1 {
      terms[0] = tokens / max(1, knots[0])
    } else if knots.count > 1 {
      // Beyond the ends the nearest two go on.
      let upper = knots.firstIndex { $0 >= tokens } ?? knots.count - 1
      let right = max(1, upper)
      let share = (tokens - knots[right - 1]) / (knots[right] - knots[right - 1])
      terms[right - 1] = 1 - share
      terms[right] = share
    }
    return terms + [Double(step.rows), step.decodeReads, step.chunkReads]
  }

  func quality(fitted: Int, checks: [Sample]) -> Quality {
    let errors = checks.map { (seconds($0.step) / max(1e-12, $0.seconds) - 1).magnitude }.sorted()
    return Quality(
      fitted: fitted, checked: checks.count,
      medianError: errors.isEmpty ? 0 : errors[errors.count / 2], largestError: errors.last ?? 0)
  }
}
