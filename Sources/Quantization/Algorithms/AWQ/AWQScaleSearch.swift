package import Models
package import Platform

/// The search of AWQ for the scale of the layers that read one input.
///
/// Each ratio in turn: weights are multiplied by its scales, rounded to nearest and divided again, and what that costs
/// at the output is the loss; of equal losses the first is taken (llm-awq, auto_scale.py).
package struct AWQScaleSearch {
  private let layers: [AWQ.Layer]
  private let formula: AWQScaleFormula
  private let options: AWQ.Options
  private let group: Int
  private let columns: Int
  private let pool: WorkerPool?

  /// - Parameters:
  ///   - layers: those that read the input and share the scale.
  ///   - magnitudes: mean magnitudes of the input, `[columns]`.
  ///   - pair: where the scale moves from; where its scale is tied, the scales found are.
  /// - Throws: `QuantizationError.groupDoesNotDivide`, `.invalidOption` for counts that do not fit.
  package init(
    _ layers: [AWQ.Layer], magnitudes: [Float], over pair: ScalePair? = nil, _ options: AWQ.Options,
    pool: WorkerPool? = nil
  ) throws(QuantizationError) {
    let name = layers.map(\.name).joined(separator: ", ")
    func refuse(_ key: String, _ expected: String, _ found: String) -> QuantizationError {
      .invalidOption(method: "awq of \(name)", key: key, expected: expected, found: found)
    }
    guard let first = layers.first else { throw refuse("layers", "1 and more", "none") }
    guard magnitudes.count == first.columns, layers.allSatisfy({ $0.columns == first.columns })
    else {
      throw refuse(
        "input channels", "\(magnitudes.count)",
        "\(layers.map { "\($0.columns)" }.joined(separator: ", "))")
    }
    guard options.ratios > 0 else { throw refuse("ratios", "1 and more", "\(options.ratios)") }
    self.layers = layers
    self.options = options
    self.pool = pool
    columns = first.columns
    group = try first.groupSize(options.group)
    formula = AWQScaleFormula(
      inputs: magnitudes,
      weights: options.scaling == .duo
        ? AWQScaleFormula.weightMeans(of: layers, group: group) : nil, over: pair)
  }

  /// Searches with the loss of a whole module, such as attention.
  ///
  /// - Parameter loss: the mean squared change of the module's output when each layer has the weights it is handed,
  ///   `[rows, columns]`, in the order of the layers.
  /// - Throws: `QuantizationError.noFiniteLoss`, `PlatformError.memoryRefused`, and what `loss` throws.
  package func run(
    loss: (_ candidates: [[Float]]) throws -> Double
  ) throws -> AWQScaleCurve {
    try HeapMemory.expect(
      layers.reduce(0) { $0 + $1.weights.count }, of: MemoryLayout<Float>.stride)
    var candidates = layers.map(\.weights)
    return try search { scales in
      for (index, layer) in layers.enumerated() {
        write(layer, scales, into: &candidates[index])
      }
      return try loss(candidates)
    }
  }

  /// Searches with the loss of the layers' own outputs: the mean of their squared errors.
  ///
  /// - Parameter outputError: of the input, with as many channels.
  /// - Throws: `QuantizationError.noFiniteLoss`.
  package func run(_ outputError: OutputError) throws -> AWQScaleCurve {
    precondition(outputError.columns == columns, "\(outputError.columns) channels for \(columns)")
    let outputs = layers.reduce(0) { $0 + $1.rows }
    return try search { scales in
      let sum = layers.reduce(0) { $0 + squaredError(of: $1, scales, outputError) }
      return sum / Double(outputs)
    }
  }

  /// Searches with any loss of scales, `[columns]`.
  ///
  /// - Throws: `QuantizationError.noFiniteLoss`, and what `loss` throws.
  package func search(_ loss: (_ scales: [Float]) throws -> Double) throws -> AWQScaleCurve {
    var losses: [Double] = []
    var best: (index: Int, loss: Double, scales: [Float])?
    let ratios = (0..<options.ratios).map { Double($0) / Double(options.ratios) }
    for (index, ratio) in ratios.enumerated() {
      let scales = formula.scales(at: ratio)
      let found = try loss(scales)
      losses.append(found)
      if found < best?.loss ?? .infinity { best = (index, found, scales) }
    }
    guard let best else {
      throw QuantizationError.noFiniteLoss(
        layers: layers.map(\.name).joined(separator: ", "), tried: ratios.count)
    }
    return AWQScaleCurve(ratios: ratios, losses: losses, best: best.index, scales: best.scales)
  }

  /// The weights of a layer of this width scaled, rounded to its grid and scaled back, `[rows, columns]`.
  package func rounded(_ layer: AWQ.Layer, times scales: [Float]) -> [Float] {
    var candidate = layer.weights
    write(layer, scales, into: &candidate)
    return candidate
  }

  // MARK: Candidates

  /// Rows worked on together: a fixed number, so that sums do not depend on the number of threads.
  private static let chunkRows = 128

  /// Writes the weights of `layer` scaled, rounded and scaled back; leaves those of a layer without grid.
  private func write(_ layer: AWQ.Layer, _ scales: [Float], into candidate: inout [Float]) {
    guard let grid = layer.grid else { return }
    candidate.withUnsafeMutableBufferPointer { candidate in
      guard let candidate = candidate.baseAddress else { return }
      eachChunk(of: layer) { rows, weights in
        round(rows, of: weights, grid, scales, into: candidate + rows.lowerBound * columns)
      }
    }
  }

  /// The sum over rows of the mean squared error of their outputs.
  private func squaredError(
    of layer: AWQ.Layer, _ scales: [Float], _ outputError: OutputError
  ) -> Double {
    guard let grid = layer.grid else { return 0 }
    var means = [Double](repeating: 0, count: layer.rows)
    means.withUnsafeMutableBufferPointer { means in
      guard let means = means.baseAddress else { return }
      eachChunk(of: layer) { rows, weights in
        let count = rows.count * columns
        withUnsafeTemporaryAllocation(of: Float.self, capacity: count) { errors in
          guard let errors = errors.baseAddress else { return }
          round(rows, of: weights, grid, scales, into: errors)
          Grid.subtract(weights + rows.lowerBound * columns, from: errors, count: count)
          outputError.means(of: errors, rows: rows.count, into: means + rows.lowerBound)
        }
      }
    }
    return means.reduce(0, +)
  }

  private func eachChunk(
    of layer: AWQ.Layer,
    _ body: (_ rows: Range<Int>, _ weights: UnsafePointer<Float>) -> Void
  ) {
    let chunks = (layer.rows + Self.chunkRows - 1) / Self.chunkRows
    layer.weights.withUnsafeBufferPointer { weights in
      guard let weights = weights.baseAddress else { return }
      func work(_ chunk: Int) {
        let first = chunk * Self.chunkRows
        body(first..<min(first + Self.chunkRows, layer.rows), weights)
      }
      if let pool {
        pool.run(chunks: chunks) { chunk, _ in work(chunk) }
      } else {
        for chunk in 0..<chunks { work(chunk) }
      }
    }
  }

  private func round(
    _ rows: Range<Int>, of weights: UnsafePointer<Float>, _ grid: Grid, _ scales: [Float],
    into output: UnsafeMutablePointer<Float>
  ) {
    scales.withUnsafeBufferPointer { scales in
      guard let scales = scales.baseAddress else { return }
      for (line, row) in rows.enumerated() {
        for first in stride(from: 0, to: columns, by: group) {
          grid.round(
            weights + row * columns + first, times: scales + first, count: group,
            scaleType: options.scaleType, into: output + line * columns + first)
        }
      }
    }
  }
}

/// What a search for scales found; the curve is for pictures, the scales are what counts.
package struct AWQScaleCurve: Hashable, Sendable {
  /// The ratios that were tried.
  package let ratios: [Double]
  /// The loss at each ratio; may hold what is not finite.
  package let losses: [Double]
  /// The first index with the least loss.
  package let best: Int
  /// The scales at that ratio, one an input channel of the layers, `[columns]`.
  package let scales: [Float]

  package var bestLoss: Double { losses[best] }
}
