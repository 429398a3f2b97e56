/// The losses a search met, for a picture of it.
package struct SearchCurve: Hashable, Sendable, Codable {
  /// What was searched: `scale of q, k, v`.
  package var title: String
  /// What is on the horizontal axis: `ratio`.
  package var axis: String
  package var positions: [Double]
  /// The loss at each position.
  package var losses: [Double]
  /// The index that was taken.
  package var best: Int

  package init(title: String, axis: String, positions: [Double], losses: [Double], best: Int) {
    self.title = title
    self.axis = axis
    self.positions = positions
    self.losses = losses
    self.best = best
  }
}
