package import Models
package import Platform

/// What the search of AWQ asks of a decoder block; all of it as the block was before scale was moved.
package protocol AWQBlock {
  /// The roles of its layers, in the order of the forward pass.
  var roles: [Projection] { get }
  func layer(_ projection: Projection) throws -> AWQ.Layer
  /// The gains of a norm, `[hidden]`.
  func gains(of norm: BlockNorm) throws -> [Float]
  /// What calibration sends into `projection`, with second moments where a linear layer feeds it; nil for nothing, as
  /// experts see none that no token is sent to: they are neither scaled nor clipped.
  func inputs(of projection: Projection) throws -> AWQInputs?
  /// The mean squared change of what the module after `norm` yields, attention or the feed-forward layers, when
  /// layers of it have other weights, `[rows, columns]`.
  func loss(behind norm: BlockNorm, with weights: [Projection: [Float]]) throws -> Double
}

/// The search of AWQ over a decoder block: scales of all pairs, then clipped ranges.
///
/// All scales are searched in the block as it was and moved together; ranges are then searched with scaled weights and
/// inputs. Layers after a norm are judged by what their module yields, those after a linear layer by their own
/// output. q and k are not clipped (llm-awq, auto_scale_block and auto_clip_block).
package struct AWQBlockSearch {
  private let pairs: [ScalePair]
  private let options: AWQ.Options
  private let pool: WorkerPool?
  private let clock: StepClock

  package init(
    pairs: [ScalePair], _ options: AWQ.Options, pool: WorkerPool? = nil,
    clock: StepClock = StepClock()
  ) {
    self.pairs = pairs
    self.options = options
    self.pool = pool
    self.clock = clock
  }

  /// Whether the pair's scale is searched: under grouped-query attention only where heads are tied.
  package func takes(_ pair: ScalePair) -> Bool { !pair.isTied || options.tiesHeads }

  /// Searches `block`.
  ///
  /// - Throws: `QuantizationError` that names the layers, and what the block throws.
  package func run(_ block: some AWQBlock) throws -> AWQBlockResult {
    var result = AWQBlockResult()
    for pair in pairs where takes(pair) {
      let layers = try pair.targets.map { try block.layer($0) }
      guard layers.contains(where: { $0.grid != nil }),
        let inputs = try block.inputs(of: pair.targets[0])
      else { continue }
      let curve = try clock.time("scale search") { try search(pair, layers, inputs, block) }
      result.curves.append((pair, curve))
      switch pair.source {
      case .norm(let norm):
        var gains = try block.gains(of: norm)
        result.folds.append(
          ScaleFold(curve.scales, over: pair, dividing: &gains, as: options.normType))
        result.gains[norm] = gains
      case .linear:
        result.folds.append(ScaleFold(curve.scales, over: pair))
      }
    }
    guard options.clips else { return result }
    for projection in block.roles where !projection.formsScores {
      result.clips[projection] = try clock.time("clip search") {
        try clip(projection, result, block)
      }
    }
    return result
  }

  private func search(
    _ pair: ScalePair, _ layers: [AWQ.Layer], _ inputs: AWQInputs, _ block: some AWQBlock
  ) throws -> AWQScaleCurve {
    let search = try AWQScaleSearch(
      layers, magnitudes: inputs.magnitudes, over: pair, options, pool: pool)
    switch pair.source {
    case .norm(let norm):
      return try search.run { candidates in
        try block.loss(
          behind: norm,
          with: Dictionary(uniqueKeysWithValues: zip(pair.targets, candidates)))
      }
    case .linear:
      guard let outputError = try inputs.outputError() else {
        preconditionFailure("no second moments of the inputs of \(pair.targets)")
      }
      return try search.run(outputError)
    }
  }

  private func clip(
    _ projection: Projection, _ result: AWQBlockResult, _ block: some AWQBlock
  ) throws -> AWQClip? {
    let layer = try block.layer(projection)
    guard layer.grid != nil, let sample = try block.inputs(of: projection)?.sample else {
      return nil
    }
    // The scaled weights, and the sample by groups with its scaled copy.
    try HeapMemory.expect(
      layer.weights.count + 2 * sample.values.count, of: MemoryLayout<Float>.stride)
    let scaled = try AWQ.Layer(
      name: layer.name, rows: layer.rows, columns: layer.columns,
      weights: result.scaled(layer.weights, of: projection), grid: layer.grid)
    return try AWQClipSearch.search(
      scaled, sample: result.inputScales(of: projection).map(sample.divided) ?? sample, options,
      pool: pool)
  }
}

/// What the search of AWQ found for one block.
package struct AWQBlockResult: Sendable {
  /// In the order of the pairs.
  package fileprivate(set) var curves: [(pair: ScalePair, curve: AWQScaleCurve)] = []
  package fileprivate(set) var folds: [ScaleFold] = []
  /// The gains of norms that gave scale, `[hidden]`, as they are stored.
  package fileprivate(set) var gains: [BlockNorm: [Float]] = [:]
  /// Ranges of scaled weights.
  package fileprivate(set) var clips: [Projection: AWQClip] = [:]

  fileprivate init() {}

  /// What the columns of a layer are multiplied by, `[columns]`; nil where nothing was moved.
  package func inputScales(of projection: Projection) -> [Float]? {
    folds.first { $0.pair.targets.contains(projection) }?.targetScales
  }

  /// What the rows of a layer, and its bias, are divided by, `[rows]`; nil where nothing was moved.
  package func outputScales(of projection: Projection) -> [Float]? {
    folds.first { $0.pair.source == .linear(projection) }?.sourceScales
  }

  /// `weights` of a layer, `[rows, columns]`, with all scale moved.
  package func scaled(_ weights: [Float], of projection: Projection) -> [Float] {
    var scaled = weights
    for fold in folds where fold.pair.targets.contains(projection) {
      fold.multiplyColumns(of: &scaled)
    }
    for fold in folds where fold.pair.source == .linear(projection) {
      fold.divideRows(of: &scaled)
    }
    return scaled
  }
}
