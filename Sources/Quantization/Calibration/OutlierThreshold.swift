/// From which magnitude on an input channel of a model is an outlier, found from how far its channels reach.
///
/// LLM.int8() (Dettmers et al., arXiv 2208.07339) sets 6.0 for all models, an absolute number: a model whose hidden
/// states are scaled otherwise has far too many columns above it, or none.
///
/// The rule: of the channels looked at, those of inputs after norms, at most 4 % may lie above the threshold. How far the
/// others then reach is the bulk. Of the cuts between two neighbours that leave at most three times the bulk below, the
/// one in the widest gap, as a ratio, is taken; the threshold is the geometric mean of the neighbours. Where no channel
/// reaches more than three times the bulk there is nothing to split off.
///
/// Norms give their outputs one scale in all blocks; what o and down read has a scale of its own in each block, which no
/// one number for the model can meet.
package struct OutlierThreshold: Hashable, Sendable {
  /// The share of channels that may lie above.
  package static let largestShare = 0.04
  /// How far beyond the bulk a channel must reach, and what is left below may not.
  package static let reach: Float = 3

  /// nil when nothing stands out.
  package let value: Double?
  /// Channels above it.
  package let columns: Int
  /// The neighbours of the cut, the channel above over the one below; 1 without a cut.
  package let gap: Double
  /// The farthest channel over the bulk; infinite when the bulk is 0.
  package let farthest: Double

  /// - Parameter maxima: the largest magnitude of each channel of the inputs after norms.
  package init(maxima: [Float]) {
    let sorted = maxima.filter(\.isFinite).sorted(by: >)
    let most = min(max(1, Int(Double(sorted.count) * Self.largestShare)), sorted.count - 1)
    guard sorted.count > 1, sorted[0] > 0 else {
      (value, columns, gap, farthest) = (nil, 0, 1, 1)
      return
    }
    let bulk = sorted[most]
    farthest = Double(sorted[0]) / Double(bulk)
    guard sorted[0] > Self.reach * bulk else {
      (value, columns, gap) = (nil, 0, 1)
      return
    }
    var best: (count: Int, gap: Double) = (most, 0)
    for count in 1...most where sorted[count] <= Self.reach * bulk {
      let gap = Double(sorted[count - 1]) / Double(sorted[count])
      if gap > best.gap { best = (count, gap) }
    }
    let above = Double(sorted[best.count - 1])
    let below = Double(sorted[best.count])
    (columns, gap) = (best.count, best.gap)
    // Without anything below, half of what is above.
    value = below > 0 ? (above * below).squareRoot() : above / 2
  }
}
