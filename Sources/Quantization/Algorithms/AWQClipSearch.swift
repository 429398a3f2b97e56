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
    let outputErrors = outputErrors(of: sample, group: group, pool)
    let groups = layer.columns / group
    var clip = AWQClip(rows: layer.rows, columns: layer.columns, group: group)
    let chunks = (layer.rows + chunkRows - 1) / chunkRows
    clip.withOutput { limits, chosen, unclipped in
      layer.weights.withUnsafeBufferPointer { weights in
        guard let weights = weights.baseAddress else { return }
        func work(_ chunk: Int) {
          let rows = chunk * chunkRows..<min((chunk + 1) * chunkRows, layer.rows)
          withUnsafeTemporaryAllocation(of: Float.self, capacity: rows.count * tries * group) {
            errors in
            withUnsafeTemporaryAllocation(of: Double.self, capacity: rows.count * tries) { means in
              guard let errors = errors.baseAddress, let means = means.baseAddress else { return }
              for index in 0..<groups {
                for (line, row) in rows.enumerated() {
                  limits[row * groups + index] = writeErrors(
                    of: weights + row * layer.columns + index * group, count: group, grid,
                    options.scaleType, into: errors + line * tries * group)
                }
                outputErrors[index].means(of: errors, rows: rows.count * tries, into: means)
                for (line, row) in rows.enumerated() {
                  let own = means + line * tries
                  let best = firstLeast(own)
                  let place = row * groups + index
                  limits[place] *= factor(best)
                  chosen[place] = own[best]
                  unclipped[place] = own[0]
                }
              }
            }
          }
        }
        OutputError.withOneThread { each(chunks, pool, work) }
      }
    }
    return clip
  }

  /// Rows rounded together: ten times as many rows of errors are multiplied at once.
  private static let chunkRows = 64

  /// What errors of each group's weights cost.
  ///
  /// Second moments are the shorter way unless a group has more channels than there are tokens.
  private static func outputErrors(
    of sample: TokenSample, group: Int, _ pool: WorkerPool?
  ) -> [OutputError] {
    let groups = sample.columns / group
    var found = [OutputError?](repeating: nil, count: groups)
    found.withUnsafeMutableBufferPointer { found in
      OutputError.withOneThread {
        each(groups, pool) { index in
          let inputs = sample.columns(index * group..<(index + 1) * group)
          found[index] = OutputError(inputs: inputs, tokens: sample.tokens, columns: group)
          guard group <= sample.tokens else { return }
          var hessian = Hessian(columns: group)
          inputs.withUnsafeBufferPointer { inputs in
            if let base = inputs.baseAddress { hessian.add(base, tokens: sample.tokens) }
          }
          found[index] = OutputError(hessian)
        }
      }
    }
    return found.compactMap { $0 }
  }

  /// Writes the errors of one group for each shrunk range, `[tries, count]`, and yields the largest magnitude.
  private static func writeErrors(
    of values: UnsafePointer<Float>, count: Int, _ grid: Grid, _ scaleType: ScaleType,
    into errors: UnsafeMutablePointer<Float>
  ) -> Float {
    // Layers are finite.
    let range = Grid.range(of: values, count: count) ?? ValueRange(lowest: 0, highest: 0)
    for index in 0..<tries {
      grid.writeErrors(
        of: values, count: count, range: range,
        clippedTo: range.largestMagnitude * factor(index), scaleType: scaleType,
        into: errors + index * count)
    }
    return range.largestMagnitude
  }

  private static func factor(_ index: Int) -> Float { Float(1 - Double(index) / Double(steps)) }

  /// The first index of the least error; 0 when all are not numbers.
  private static func firstLeast(_ errors: UnsafePointer<Double>) -> Int {
    (0..<tries).reduce(0) { errors[$1] < errors[$0] ? $1 : $0 }
  }

  private static func each(_ chunks: Int, _ pool: WorkerPool?, _ work: (Int) -> Void) {
    if let pool {
      pool.run(chunks: chunks) { chunk, _ in work(chunk) }
    } else {
      for chunk in 0..<chunks { work(chunk) }
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

  fileprivate mutating func withOutput(
    _ body: (
      _ limits: UnsafeMutablePointer<Float>, _ chosen: UnsafeMutablePointer<Double>,
      _ unclipped: UnsafeMutablePointer<Double>
    ) -> Void
  ) {
    limits.withUnsafeMutableBufferPointer { limits in
      errors.withUnsafeMutableBufferPointer { chosen in
        errorsUnclipped.withUnsafeMutableBufferPointer { unclipped in
          guard let limits = limits.baseAddress, let chosen = chosen.baseAddress,
            let unclipped = unclipped.baseAddress
          else { return }
          body(limits, chosen, unclipped)
        }
      }
    }
  }

  /// The share of groups that are clipped.
  package var clippedShare: Double {
    let clipped = zip(errors, errorsUnclipped).count { $0 < $1 }
    return errors.isEmpty ? 0 : Double(clipped) / Double(errors.count)
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
