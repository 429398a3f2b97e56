/// AWQ: moves scale from quiet input channels to loud ones before rounding, so that the weights that matter keep
/// more of their precision.
///
/// Lin et al., "AWQ: Activation-aware Weight Quantization for LLM Compression and Acceleration", 2023; steps as in
/// mit-han-lab/llm-awq (auto_scale.py, auto_clip.py) and casper-hansen/AutoAWQ (quantizer.py). `AWQScaleSearch`
/// finds the scale of one set of layers, `AWQClipSearch` the ranges of one layer, `AWQBlockSearch` does a block.
package enum AWQ {
  /// What the scale of an input channel is made from.
  package enum Scaling: String, Hashable, Sendable, Codable, CaseIterable {
    /// `x^r`, x the mean magnitude of the inputs: llm-awq; ratio 0 is plain rounding.
    case activations
    /// `x^r / w^(1 - r)`, w the mean magnitude of the weights in units of their groups': AutoAWQ.
    case duo
  }

  package struct Options: Hashable, Sendable {
    /// Input channels that share a scale; nil for a whole row.
    package var group: Int?
    package var scaling: Scaling
    /// Ratios tried: `0, 1 / ratios, ...`, always below 1.
    package var ratios: Int
    /// Whether ranges are clipped where that lessens the error.
    package var clips: Bool
    /// Whether scale moves between v and o under grouped-query attention as well, with one scale for all query heads
    /// of a KV head; the reference leaves such pairs out.
    package var tiesHeads: Bool
    /// The type the scales of groups are stored in.
    package var scaleType: ScaleType
    /// The type the norms are stored in.
    package var normType: ScaleType

    package init(
      group: Int? = 128, scaling: Scaling = .activations, ratios: Int = 20, clips: Bool = true,
      tiesHeads: Bool = false, scaleType: ScaleType = .f16, normType: ScaleType = .f32
    ) {
      self.group = group
      self.scaling = scaling
      self.ratios = ratios
      self.clips = clips
      self.tiesHeads = tiesHeads
      self.scaleType = scaleType
      self.normType = normType
    }
  }

  /// One linear layer in float32.
  package struct Layer: Sendable {
    /// How errors name it: `block 3 down`.
    package let name: String
    package let rows: Int
    package let columns: Int
    /// `[rows, columns]`.
    package let weights: [Float]
    /// What it is rounded to; nil when the layer stays as it is.
    package let grid: Grid?

    /// - Throws: `QuantizationError.notFinite` at the first weight that is not, `.invalidOption` for a count that does
    ///   not fit.
    package init(
      name: String, rows: Int, columns: Int, weights: [Float], grid: Grid?
    ) throws(QuantizationError) {
      guard rows > 0, columns > 0, weights.count == rows * columns else {
        throw .invalidOption(
          method: "awq of \(name)", key: "weights", expected: "\(rows) x \(columns), 1 and more",
          found: "\(weights.count)")
      }
      let isFinite = weights.withUnsafeBufferPointer { weights in
        weights.baseAddress.map { Grid.range(of: $0, count: weights.count) != nil } ?? true
      }
      if !isFinite, let index = weights.firstIndex(where: { !$0.isFinite }) {
        throw .notFinite(
          layer: name, row: index / columns, column: index % columns, value: weights[index])
      }
      self.name = name
      self.rows = rows
      self.columns = columns
      self.weights = weights
      self.grid = grid
    }

    /// Channels that share a scale.
    ///
    /// - Throws: `QuantizationError.groupDoesNotDivide`.
    func groupSize(_ group: Int?) throws(QuantizationError) -> Int {
      guard let group else { return columns }
      try RoundToNearest.checkGroup(group, columns: columns, layer: name)
      return group
    }
  }
}
