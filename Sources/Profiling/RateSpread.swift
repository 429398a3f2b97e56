import Models
import Operators
import Platform
import Wording

extension BenchReport.Rate {
  /// Of the rates of some repetitions.
  package init(_ samples: [Double]) {
    let sorted = samples.sorted()
    self.init(
      tokensPerSecond: SpeedMeasure.median(sorted), lowest: sorted.first ?? 0,
      highest: sorted.last ?? 0)
    lower = Self.quantile(sorted, 0.25)
    upper = Self.quantile(sorted, 0.75)
    repetitions = sorted.count
  }

  /// Between neighbours by proportion; 0 of none.
  private static func quantile(_ sorted: [Double], _ share: Double) -> Double {
    guard let last = sorted.last else { return 0 }
    let place = share * Double(sorted.count - 1)
    let index = Int(place)
    guard index + 1 < sorted.count else { return last }
    return sorted[index] + (sorted[index + 1] - sorted[index]) * (place - Double(index))
  }

  /// The median with the quartiles: `31.2 (30.1 to 31.9)`; of one repetition, or without quartiles, the median alone.
  package var words: String {
    let text = Quantity.significant(tokensPerSecond)
    guard let range = range else { return text }
    return "\(text) (\(range))"
  }

  /// The quartiles: `30.1 to 31.9`; nil where they were not kept, or one repetition was all.
  package var range: String? {
    guard let lower, let upper, repetitions ?? 2 > 1 else { return nil }
    return "\(Quantity.significant(lower)) to \(Quantity.significant(upper))"
  }

  /// How far the quartiles lie apart, over the median; nil where they were not kept.
  package var spread: Double? {
    guard let lower, let upper, tokensPerSecond > 0 else { return nil }
    return (upper - lower) / tokensPerSecond
  }
}

/// What others had of the machine while something was timed.
package struct MachineShare: Sendable {
  private let start = ProcessorUse.read()

  package init() {}

  /// Cores that other processes and other systems had since, on the average; nil where the system does not tell.
  package var othersCores: Double? {
    guard let start, let now = ProcessorUse.read() else { return nil }
    return now.others(since: start)
  }

  /// What a report says of it: a sentence where it was enough to move figures; nil on a quiet machine.
  package static func note(_ othersCores: Double?) -> String? {
    guard let othersCores, othersCores >= MachinePeaks.busyCores else { return nil }
    return
      "The machine was busy: others had \(Quantity.fixed(othersCores, 1)) of its cores meanwhile, so that figures are "
      + "lower than on a quiet one; compare those of one run only."
  }
}
