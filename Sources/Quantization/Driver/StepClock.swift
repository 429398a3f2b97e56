import Platform

/// The steps of a method on one draft and their seconds: what `nibble layer` tells apart.
package final class StepClock {
  /// In the order they first began.
  package private(set) var steps: [(name: String, seconds: Double)] = []

  package init() {}

  /// Runs one step; steps of the same name are added up.
  package func time<Result>(_ name: String, _ body: () throws -> Result) rethrows -> Result {
    let start = Machine.seconds()
    let result = try body()
    let seconds = Machine.seconds() - start
    if let index = steps.firstIndex(where: { $0.name == name }) {
      steps[index].seconds += seconds
    } else {
      steps.append((name, seconds))
    }
    return result
  }
}
