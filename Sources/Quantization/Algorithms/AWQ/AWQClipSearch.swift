package import Platform

/// The search of AWQ for ranges of weights that are better clipped.
///
/// Per row and group the largest magnitude is shrunk by `i / 20`, i = 0 to 9, weights are clipped to it and rounded,
/// and what that changes in the group's own part of the outputs is the error; of equal errors the first is taken
/// (llm-awq, auto_clip.py). Only as many tokens are looked at as `TokenSample` keeps.
package enum AWQClipSearch {
  /// Shrunk ranges are `1 - i / 20` of the full one.
  package static let steps = 20
  /// How many are tried.
  package static let tries = 10

  /// Searches the ranges of `layer` for the inputs in `sample`, both as they are after scale was moved.
  ///
  /// Rows are shared out over `pool`; the result does not depend on its threads.
  ///
  /// - Throws: `QuantizationError.groupDoesNotDivide`, `.invalidOption` for a layer without grid or a sample of other
  ///   channels.
  package static func search(
    _ layer: AWQ.Layer, sample: TokenSample, _ options: AWQ.Options, pool: WorkerPool? = nil
  ) throws(QuantizationError) -> AWQClip {
    guard let grid = layer.grid else {
      throw .invalidOption(
        method: "awq of \(layer.name)", key: "grid", expected: "one to round to", found: "none")
    }
    guard sample.columns == layer.columns else {
      throw .invalidOption(
        method: "awq of \(layer.name)", key: "input channels", expected: "\(layer.columns)",
        found: "\(sample.columns)")
    }
    let group = try layer.groupSize(options.group)
    let work = Work(
      layer: layer, grid: grid, group: group, scaleType: options.scaleType,
      outputErrors: outputErrors(of: sample, group: group, pool))
    var clip = AWQClip(rows: layer.rows, columns: layer.columns, group: group)
    clip.withOutput { output in
      each((layer.rows + chunkRows - 1) / chunkRows, pool) { chunk in
        let first = chunk * chunkRows
        work.search(first..<min(first + chunkRows, layer.rows), output)
      }
    }
    return clip
  }

  /// Rows rounded together: ten times as many rows of errors are multiplied at once.
  private static let chunkRows = 64

  /// What errors of each group's weights cost.
  private static func outputErrors(
    of sample: TokenSample, group: Int, _ pool: WorkerPool?
  ) -> [OutputError] {
    var found = [OutputError?](repeating: nil, count: sample.columns / group)
    found.withUnsafeMutableBufferPointer { found in
      each(found.count, pool) { index in
        found[index] = OutputError(
          shorterOf: sample.columns(index * group..<(index + 1) * group), tokens: sample.tokens,
          columns: group)
      }
    }
    return found.compactMap { $0 }
  }

  fileprivate static func factor(_ index: Int) -> Float { Float(1 - Double(index) / Double(steps)) }

  private static func each(_ chunks: Int, _ pool: WorkerPool?, _ work: (Int) -> Void) {
    if let pool {
      pool.run(chunks: chunks) { chunk, _ in work(chunk) }
    } else {
      for chunk in 0..<chunks { work(chunk) }
    }
  }
}

/// What the search takes to any rows of a layer.
private struct Work {
  let layer: AWQ.Layer
  let grid: Grid
  let group: Int
  let scaleType: ScaleType
  /// Of each group.
  let outputErrors: [OutputError]

  private var tries: Int { AWQClipSearch.tries }

  /// Searches all groups of `rows`.
  func search(_ rows: Range<Int>, _ output: AWQClip.Output) {
    let count = rows.count * tries
    withUnsafeTemporaryAllocation(of: Float.self, capacity: count * group) { errors in
      withUnsafeTemporaryAllocation(of: Double.self, capacity: count) { means in
        guard let errors = errors.baseAddress, let means = means.baseAddress else { return }
        for index in outputErrors.indices {
          for (line, row) in rows.enumerated() {
            output.limits[row * outputErrors.count + index] = writeErrors(
              row, index, into: errors + line * tries * group)
          }
          outputErrors[index].means(of: errors, rows: count, into: means)
          for (line, row) in rows.enumerated() {
            let own = means + line * tries
            // The first of the least; the full range when they are no numbers.
            let best = (0..<tries).reduce(0) { own[$1] < own[$0] ? $1 : $0 }
            let place = row * outputErrors.count + index
            output.limits[place] *= AWQClipSearch.factor(best)
            output.errors[place] = own[best]
            output.errorsUnclipped[place] = own[0]
          }
        }
      }
    }
  }

  /// Writes the errors of one group for each shrunk range, `[tries, group]`, and yields the largest magnitude.
  private func writeErrors(
    _ row: Int, _ index: Int, into errors: UnsafeMutablePointer<Float>
  ) -> Float {
    layer.weights.withUnsafeBufferPointer { weights in
      guard let values = weights.baseAddress.map({ $0 + row * layer.columns + index * group }),
        // Layers are finite.
        let range = Grid.range(of: values, count: group)
      else { return 0 }
      for number in 0..<tries {
        grid.writeErrors(
          of: values, count: group, range: range,
          clippedTo: range.largestMagnitude * AWQClipSearch.factor(number), scaleType: scaleType,
          into: errors + number * group)
      }
      return range.largestMagnitude
    }
  }
}

/// The ranges a layer's weights are clipped to.
package struct AWQClip: Hashable, Sendable {
  package let columns: Int
  /// Input channels of a group.
  package let group: Int
  /// The largest magnitude that stays, `[rows, groups]`.
  package private(set) var limits: [Float]
  /// The error of each group clipped so, `[rows, groups]`.
  package private(set) var errors: [Double]
  /// The error without clipping, `[rows, groups]`.
  package private(set) var errorsUnclipped: [Double]

  fileprivate init(rows: Int, columns: Int, group: Int) {
    self.columns = columns
    self.group = group
    let count = rows * (columns / group)
    limits = [Float](repeating: 0, count: count)
    errors = [Double](repeating: 0, count: count)
    errorsUnclipped = errors
  }

  /// Where threads write what they found for their rows.
  fileprivate struct Output {
    let limits: UnsafeMutablePointer<Float>
    let errors: UnsafeMutablePointer<Double>
    let errorsUnclipped: UnsafeMutablePointer<Double>
  }

  fileprivate mutating func withOutput(_ body: (Output) -> Void) {
    limits.withUnsafeMutableBufferPointer { limits in
      errors.withUnsafeMutableBufferPointer { errors in
        errorsUnclipped.withUnsafeMutableBufferPointer { unclipped in
          guard let limits = limits.baseAddress, let errors = errors.baseAddress,
            let unclipped = unclipped.baseAddress
          else { return }
          body(Output(limits: limits, errors: errors, errorsUnclipped: unclipped))
        }
      }
    }
  }

  /// The share of groups that are clipped.
  package var clippedShare: Double {
    let clipped = zip(errors, errorsUnclipped).count { $0 < $1 }
    return errors.isEmpty ? 0 : Double(clipped) / Double(errors.count)
  }

  /// Raises the limits so that the weights of some input channels stay as they are: those that the search knew nothing of,
  /// since nothing entered there.
  ///
  /// - Parameter weights: `[rows, columns]`, as they are to be clipped.
  package mutating func keep(_ channels: [Int], of weights: [Float]) {
    let groups = columns / group
    for row in 0..<(groups == 0 ? 0 : limits.count / groups) {
      for channel in channels {
        let place = row * groups + channel / group
        limits[place] = max(limits[place], weights[row * columns + channel].magnitude)
      }
    }
  }

  /// Clips `weights`, `[rows, columns]`.
  package func clip(_ weights: inout [Float]) {
    precondition(weights.count == limits.count * group, "\(weights.count) weights")
    weights.withUnsafeMutableBufferPointer { weights in
      for (index, limit) in limits.enumerated() {
        for place in index * group..<(index + 1) * group {
          weights[place] = max(-limit, min(limit, weights[place]))
        }
      }
    }
  }
}
