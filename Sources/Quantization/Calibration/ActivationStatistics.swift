package import Models

/// What the inputs of one layer look like over a text: how far each channel reaches, how heavy the tails are, what the
/// first tokens of each window do.
///
/// T tokens, C channels. Moments are summed in float64.
package struct ActivationStatistics: Sendable {
  /// The largest magnitude among the first tokens of any window.
  package struct Peak: Hashable, Sendable {
    /// Position in the window.
    package var position: Int
    package var channel: Int
    package var magnitude: Float
  }

  /// Positions that count as the first tokens, where attention parks what it does not use (massive activations, Sun et
  /// al., arXiv 2402.17762).
  package static let firstPositions = 4
  /// Windows whose channel maxima are kept one by one, for columns in a batch.
  package static let keptWindows = 32

  /// C.
  package let columns: Int
  package private(set) var tokens = 0
  package private(set) var windows = 0
  /// The largest magnitude of each channel, `[C]`.
  package private(set) var maxima: [Float]
  /// The same for each of the first windows alone, `[windows][C]`.
  package private(set) var windowMaxima: [[Float]] = []
  /// nil before the first token.
  package private(set) var firstPeak: Peak?
  /// The largest magnitude after the first tokens.
  package private(set) var behindPeak: Float = 0

  private var current: [Float]
  private var position = 0
  private var sums = SIMD4<Double>.zero

  package init(columns: Int) {
    self.columns = columns
    maxima = [Float](repeating: 0, count: columns)
    current = maxima
  }

  /// Adds the next tokens of the window, `[tokens, C]`.
  package mutating func add(_ values: UnsafePointer<Float>, tokens added: Int) {
    guard added > 0, columns > 0 else { return }
    let first = min(max(0, Self.firstPositions - position), added)
    for token in 0..<first { addFirst(values + token * columns, position: position + token) }
    var behind = [Float](repeating: 0, count: columns)
    ChannelMaxima.raise(&behind, by: values + first * columns, rows: added - first)
    behindPeak = max(behindPeak, behind.max() ?? 0)
    ChannelMaxima.raise(&current, by: behind, rows: 1)
    ChannelMaxima.raise(&current, by: values, rows: first)
    sums += Self.powers(values, count: added * columns)
    position += added
    tokens += added
  }

  /// Ends the window; the next token is the first of another.
  package mutating func endWindow() {
    guard position > 0 else { return }
    ChannelMaxima.raise(&maxima, by: current, rows: 1)
    if windowMaxima.count < Self.keptWindows { windowMaxima.append(current) }
    for channel in current.indices { current[channel] = 0 }
    position = 0
    windows += 1
  }

  /// The largest magnitude of all.
  package var absoluteMaximum: Float { maxima.max() ?? 0 }

  /// Excess kurtosis over all values: 0 for normal ones, large where a few reach far.
  package var kurtosis: Double {
    let count = Double(tokens * columns)
    guard count > 0 else { return 0 }
    let (m1, m2, m3, m4) = (
      sums[0] / count, sums[1] / count, sums[2] / count, sums[3] / count
    )
    let variance = m2 - m1 * m1
    guard variance > 0 else { return 0 }
    let fourth = m4 - 4 * m1 * m3 + 6 * m1 * m1 * m2 - 3 * m1 * m1 * m1 * m1
    return fourth / (variance * variance) - 3
  }

  /// Columns in which a magnitude reaches `threshold` somewhere in the text.
  package func columns(reaching threshold: Double) -> Int {
    maxima.count { Double($0) >= threshold }
  }

  /// The same in one window, mean over those that are kept.
  package func columnsPerWindow(reaching threshold: Double) -> Double {
    guard !windowMaxima.isEmpty else { return 0 }
    let sum = windowMaxima.reduce(0) { $0 + $1.count { Double($0) >= threshold } }
    return Double(sum) / Double(windowMaxima.count)
  }

  private mutating func addFirst(_ row: UnsafePointer<Float>, position: Int) {
    for channel in 0..<columns where row[channel].magnitude > firstPeak?.magnitude ?? 0 {
      firstPeak = Peak(position: position, channel: channel, magnitude: row[channel].magnitude)
    }
  }

  /// Sums of the first four powers.
  private static func powers(_ values: UnsafePointer<Float>, count: Int) -> SIMD4<Double> {
    var sums = SIMD4<Double>.zero
    var (first, second, third, fourth) = (
      SIMD8<Double>.zero, SIMD8<Double>.zero, SIMD8<Double>.zero, SIMD8<Double>.zero
    )
    let whole = count / 8 * 8
    for place in stride(from: 0, to: whole, by: 8) {
      let narrow = UnsafeRawPointer(values + place).loadUnaligned(as: SIMD8<Float>.self)
      let value = SIMD8<Double>(narrow)
      let square = value * value
      first += value
      second += square
      third += square * value
      fourth += square * square
    }
    for place in whole..<count {
      let value = Double(values[place])
      sums += SIMD4(value, value * value, value * value * value, value * value * value * value)
    }
    return sums + SIMD4(first.sum(), second.sum(), third.sum(), fourth.sum())
  }
}

/// Gathers the statistics of the inputs of one block's layers, one for layers that share their input.
package final class ActivationGatherer: ForwardObserver {
  /// By the first projection of each input group.
  package private(set) var statistics: [Projection: ActivationStatistics] = [:]

  private let leads: Set<Projection>

  package init(_ plan: BlockPlan) { leads = Set(plan.inputGroups.map(\.lead)) }

  package func wants(_ tap: ForwardTap, block: Int) -> Bool {
    if case .linearInput(let projection) = tap { leads.contains(projection) } else { false }
  }

  package func observe(
    _ tap: ForwardTap, block: Int, values: UnsafePointer<Float>, tokens: Int, columns: Int
  ) {
    guard case .linearInput(let projection) = tap else { return }
    statistics[projection, default: ActivationStatistics(columns: columns)]
      .add(values, tokens: tokens)
  }

  /// Ends a window.
  package func endWindow() {
    for projection in statistics.keys { statistics[projection]?.endWindow() }
  }
}
