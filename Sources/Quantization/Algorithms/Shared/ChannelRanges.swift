package import Models
import Platform
package import Tensors

/// The smallest and the largest value of each input channel of layers that share their inputs, and some of the tokens.
package struct ChannelRanges: Sendable {
  /// `[columns]`; infinite before anything was added.
  package private(set) var lowest: [Float]
  /// `[columns]`.
  package private(set) var highest: [Float]
  package private(set) var sample: TokenSample

  /// - Parameters:
  ///   - expected: how many tokens there will be in all.
  ///   - sampled: how many tokens are kept, at least; none at 0.
  package init(columns: Int, expected: Int, sampled: Int = 0) {
    lowest = [Float](repeating: .infinity, count: columns)
    highest = [Float](repeating: -.infinity, count: columns)
    sample = TokenSample(columns: sampled == 0 ? 0 : columns, expected: expected, size: sampled)
  }

  /// Adds one sequence, `[tokens, columns]`; not-a-number stays in its channel.
  package mutating func add(_ inputs: UnsafePointer<Float>, tokens: Int) {
    if sample.columns > 0 { sample.add(inputs, tokens: tokens) }
    lowest.withUnsafeMutableBufferPointer { lowest in
      highest.withUnsafeMutableBufferPointer { highest in
        let columns = lowest.count
        for token in 0..<tokens {
          let values = inputs + token * columns
          for channel in 0..<columns {
            let value = values[channel]
            // No comparison holds for what is not a number: once there, it stays.
            lowest[channel] =
              value < lowest[channel] || value != value ? value : lowest[channel]
            highest[channel] =
              value > highest[channel] || value != value ? value : highest[channel]
          }
        }
      }
    }
  }

  /// The largest magnitude of each channel, `[columns]`; 0 before anything was added.
  package var magnitudes: [Float] {
    zip(lowest, highest).map { $0 > $1 ? 0 : max($0.magnitude, $1.magnitude) }
  }

  /// The range of all channels, each divided by its scale, `[columns]`.
  package func range(dividedBy scales: [Float]? = nil) -> ActivationRange {
    var range = ActivationRange(lowest: .infinity, highest: -.infinity)
    for channel in lowest.indices {
      let scale = scales?[channel] ?? 1
      let low = lowest[channel] / scale
      let high = highest[channel] / scale
      range.lowest = low < range.lowest || low.isNaN ? low : range.lowest
      range.highest = high > range.highest || high.isNaN ? high : range.highest
    }
    return range
  }
}

extension BlockCalibration {
  /// The ranges of the inputs of the draft's layers, by the first projection of each input group in `groups`.
  ///
  /// - Parameter sampled: how many tokens of each input are kept, at least; none at 0.
  /// - Throws: what running and the job's checkpoint throw.
  package func ranges(
    of draft: BlockDraft, groups: Set<Projection>, sampled: Int = 0
  ) throws -> [Projection: ChannelRanges] {
    let gatherer = RangeGatherer(groups: groups, expected: tokens, sampled: sampled)
    let names = groups.sorted().map(\.rawValue).joined(separator: ", ")
    try run(
      draft, for: "ranges of the inputs of \(names)", endsBefore: groups.max(), observer: gatherer)
    return gatherer.ranges
  }
}

/// Gathers the ranges of the inputs of one block's layers, one for layers that share their inputs.
private final class RangeGatherer: ForwardObserver {
  private let groups: Set<Projection>
  private let expected: Int
  private let sampled: Int
  private(set) var ranges: [Projection: ChannelRanges] = [:]
  private(set) var refusal: (any Error)?

  init(groups: Set<Projection>, expected: Int, sampled: Int) {
    self.groups = groups
    self.expected = expected
    self.sampled = sampled
  }

  func wants(_ tap: ForwardTap, block: Int) -> Bool {
    if case .linearInput(let projection) = tap { groups.contains(projection) } else { false }
  }

  func observe(
    _ tap: ForwardTap, block: Int, values: UnsafePointer<Float>, tokens: Int, columns: Int
  ) {
    guard case .linearInput(let projection) = tap, refusal == nil else { return }
    if ranges[projection] == nil, sampled > 0 {
      do {
        try HeapMemory.expect(
          TokenSample.mostBytes(columns: columns, expected: expected, size: sampled))
      } catch {
        refusal = error
        return
      }
    }
    ranges[
      projection,
      default: ChannelRanges(columns: columns, expected: expected, sampled: sampled)
    ].add(values, tokens: tokens)
  }
}
