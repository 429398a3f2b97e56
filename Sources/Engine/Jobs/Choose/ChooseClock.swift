import Platform
import Wording

/// What is left of the time of a race, and what making and measuring a candidate takes of it.
struct ChooseClock {
  /// Ends the making of a candidate that takes longer than there is time.
  struct OutOfTime: Error {}

  /// When racing ends, on the clock of `Machine.seconds`.
  let deadline: Double
  /// What candidates were to take by their price, and took.
  private var priced = 0.0
  private var taken = 0.0
  private var windows = 0
  private var scoring = 0.0

  /// Seconds by price below which it says nothing about prices.
  private static let leastPriced = 5.0
  /// How far prices are mended by what was taken.
  private static let mending = 0.5...4.0

  init(deadline: Double) { self.deadline = deadline }

  var left: Double { max(0, deadline - Machine.seconds()) }
  var isOver: Bool { left <= 0 }

  /// Seconds of a window of one candidate; 0 where none was measured.
  var window: Double { windows == 0 ? 0 : scoring / Double(windows) }

  /// What making takes: its price, mended by how prices held for those made before.
  func making(_ price: Double) -> Double {
    guard priced >= Self.leastPriced else { return price }
    return price * min(max(taken / priced, Self.mending.lowerBound), Self.mending.upperBound)
  }

  mutating func made(price: Double, seconds: Double) {
    priced += price
    taken += seconds
  }

  mutating func scored(seconds: Double) {
    windows += 1
    scoring += seconds
  }

  /// Why a candidate is not made; nil where there is time for it.
  ///
  /// - Parameter others: windows, its own included, that are to be measured before the end as well.
  func refusal(price: Double, others: Int) -> String? {
    let needed = making(price)
    guard needed + Double(others) * window > left else { return nil }
    return isOver
      ? "the time was over before it was measured"
      : "making it takes about \(Quantity.seconds(needed)), and \(Quantity.seconds(left)) of the time were left"
  }
}
