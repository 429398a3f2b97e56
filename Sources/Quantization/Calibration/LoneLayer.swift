package import Models

/// A linear layer without a model around it, and what enters it: methods that look at single layers run on it as they do on
/// those of a block.
///
/// It stands where a block has its output projection: alone at its input, with a linear layer in front that would take
/// scale.
package struct LoneLayer {
  /// Where the layer stands in drafts.
  package static let projection = Projection.o
  /// How errors name it.
  package static let name = "the layer"

  /// A block with nothing but a layer of this size.
  package static func plan(rows: Int, columns: Int) -> BlockPlan {
    BlockPlan(
      hidden: columns,
      linears: [LinearPlan(projection, rows: rows, columns: columns, name: name)], norms: [:],
      attention: AttentionPlan(heads: 1, kvHeads: 1, headDimension: columns),
      feedForward: FeedForwardPlan(nil, hasGate: false))
  }

  /// `[tokens, columns]`.
  package let inputs: [Float]
  package let columns: Int
  /// Tokens of a sequence; the last may be shorter.
  package let sequence: Int

  package init(inputs: [Float], columns: Int, sequence: Int) {
    precondition(columns > 0 && sequence > 0 && inputs.count % columns == 0)
    self.inputs = inputs
    self.columns = columns
    self.sequence = sequence
  }

  package var tokens: Int { inputs.count / columns }

  /// The move of scale to the layer from what is in front of it.
  var pair: ScalePair { .alone(Self.projection, channels: columns) }

  /// Shows the first sequences, of `limit` tokens together at most but one at least, to an observer that wants the layer's
  /// input.
  ///
  /// - Parameter each: called with the sequences done and all of them, before each and after the last.
  func show(
    _ observer: any ForwardObserver, limit: Int?, block: Int, each: (Int, Int) throws -> Void
  ) rethrows {
    let tap = ForwardTap.linearInput(Self.projection)
    let lengths = stride(from: 0, to: tokens, by: sequence).map { min(sequence, tokens - $0) }
    let shown = BlockCalibration.count(lengths, within: limit)
    for index in 0..<shown {
      try each(index, shown)
      guard observer.wants(tap, block: block) else { continue }
      inputs.withUnsafeBufferPointer { inputs in
        guard let base = inputs.baseAddress else { return }
        observer.observe(
          tap, block: block, values: base + index * sequence * columns, tokens: lengths[index],
          columns: columns)
      }
    }
    try each(shown, shown)
  }
}
