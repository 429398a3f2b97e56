package import Models
import Tensors

/// A block that somebody else has made, taken into a draft as if a method had made it.
extension BlockDraft {
  /// Scale that differs by less is rounding: nothing was moved.
  private static let movedShare: Float = 1e-3

  /// Takes the weights, biases and input formats of `candidate`.
  ///
  /// Where the gains of a norm differ from those of `base`, the layers that read it are taken to make up for it, as they do
  /// where a method has moved scale from one to the other. Scale that was moved between two layers is seen by what the rows of
  /// one and the columns of the next are multiples of.
  ///
  /// - Throws: `TensorError` for scales of another length than the layer has channels.
  package mutating func take(_ candidate: DecoderBlock, over base: DecoderBlock) throws {
    for index in layers.indices {
      let given = candidate[layers[index].projection]
      layers[index].weight = given.weight
      layers[index].bias = given.bias
      layers[index].activation = given.activation
      layers[index].method = "\(given.weight.format)"
    }
    for pair in base.plan.scalePairs {
      guard case .norm(let place) = pair.source else { continue }
      let ratios = zip(base[place].values, candidate[place].values).map { $0 == $1 ? 1 : $0 / $1 }
      guard ratios.allSatisfy({ $0.isFinite && $0 > 0 }),
        ratios.contains(where: { ($0 - 1).magnitude > Self.movedShare })
      else { continue }
      for role in pair.targets { self[role].scales.input = ratios }
    }
    for pair in base.plan.scalePairs {
      guard case .linear(let source) = pair.source else { continue }
      try takeMove(from: source, pair, candidate)
    }
  }

  /// Notes the scale that stands between two layers of the candidate, if it is one.
  private mutating func takeMove(
    from source: Projection, _ pair: ScalePair, _ candidate: DecoderBlock
  ) throws {
    var rows = ChannelRatio(channels: pair.channels)
    try rows.add(original(of: source), candidate[source].weight) { row, _ in row }
    var columns = ChannelRatio(channels: pair.channels)
    for target in pair.targets {
      try columns.add(original(of: target), candidate[target].weight) { _, column in
        pair.sourceChannel(of: column)
      }
    }
    let ratios = zip(rows.values, columns.values).map { (out: $0, into: $1) }
    // A channel that is empty on one side, or that rounding has emptied, is no multiple of anything there.
    let whole = ratios.filter { Self.isRatio($0.out) && Self.isRatio($0.into) }
    guard whole.count * 4 > ratios.count * 3 else { return }
    // What one is multiplied by the other is divided by; rounding alone moves neither by much.
    let product = whole.map { ($0.out * $0.into - 1).magnitude }.sorted()[whole.count / 2]
    let moved = whole.count { ($0.out - 1).magnitude > 0.03 }
    guard product < 0.05, moved * 2 > whole.count else { return }
    // Rows have scales of their own and tell it best; small columns drown in the rounding of their neighbours.
    let scale = ratios.map { ratio -> Float in
      Self.isRatio(ratio.out)
        ? Float(1 / ratio.out) : Self.isRatio(ratio.into) ? Float(ratio.into) : 1
    }
    self[source].scales.output = scale
    for target in pair.targets {
      self[target].scales.input = (0..<self[target].original.columns).map {
        scale[pair.sourceChannel(of: $0)]
      }
    }
  }

  private static func isRatio(_ value: Double) -> Bool { value > 1e-6 && value < 1e6 }

  /// The weight of the base with the scale of the norm in front of it.
  private func original(of role: Projection) throws -> any LinearWeight {
    let layer = self[role]
    guard !layer.scales.isIdentity else { return layer.original }
    return try layer.scales.applied(to: layer.original)
  }
}

/// What the numbers of each channel are a multiple of, in the sense of least squares.
private struct ChannelRatio {
  private var products: [Double]
  private var squares: [Double]

  init(channels: Int) {
    products = [Double](repeating: 0, count: channels)
    squares = products
  }

  mutating func add(
    _ base: any LinearWeight, _ candidate: any LinearWeight,
    channel: (_ row: Int, _ column: Int) -> Int
  ) throws {
    try base.expectRoom(2 * MemoryLayout<Float>.stride)
    let (one, other) = (base.dequantized(), candidate.dequantized())
    for row in 0..<base.rows {
      for column in 0..<base.columns {
        let place = row * base.columns + column
        let index = channel(row, column)
        products[index] += Double(one[place]) * Double(other[place])
        squares[index] += Double(one[place]) * Double(one[place])
      }
    }
  }

  /// `[channels]`; 0 for channels of zeros, which are multiples of anything.
  var values: [Double] { zip(products, squares).map { $1 == 0 ? 0 : $0 / $1 } }
}
