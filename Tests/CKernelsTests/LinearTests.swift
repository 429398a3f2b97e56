import CKernels
import Testing

// Tolerances: |out - reference| / sum |m x|, the largest over the output, where m are the magnitudes that are
// summed: codes and zero points are taken from the middle code, and multiplied apart.

/// float32 sums of up to 2080 products against double sums of the same numbers.
private let floatTolerance = 1e-6
/// INT8 activations: sums are integers; a rounding a segment and two scales remain.
private let integerTolerance = 5e-7

/// Shapes and formats of a case; everything odd is here somewhere.
private struct Case {
  var rows: Int
  var cols: Int
  var group = 0
  var zeroPoints = NK_ZERO_POINTS_FIXED
  var codebook = false

  static func all(_ version: LinearVersion) -> [Case] {
    let shapes = [
      (1, 1), (15, 31), (16, 32), (17, 100), (63, 257), (64, 576), (80, 128), (130, 2080),
    ]
    guard version.weights.bits > 0 else { return shapes.map { Case(rows: $0.0, cols: $0.1) } }
    var cases: [Case] = []
    for (rows, cols) in shapes {
      for group in [0, 32, 96, 128] {
        for zeroPoints in version.weights.zeroPoints {
          cases.append(Case(rows: rows, cols: cols, group: group, zeroPoints: zeroPoints))
        }
      }
      if version.weights.bits < 8, version.activations == NK_ACTIVATION_BF16 {
        cases.append(Case(rows: rows, cols: cols, group: 64, codebook: true))
      }
    }
    return cases
  }

  func weights(_ kind: nk_weight_kind) -> LinearWeights {
    var numbers = SeededNumbers(seed: 5)
    return LinearWeights(
      kind, rows: rows, cols: cols, group: group, zeroPoints: zeroPoints,
      codebook: codebook ? numbers.normals(1 << kind.bits) : nil)
  }
}

private func input(_ version: LinearVersion, tokens: Int, cols: Int) -> LinearInput {
  var numbers = SeededNumbers(seed: 9)
  var x = numbers.normals(tokens * cols)
  // The second token is all zero.
  if tokens > 2 { for k in cols..<2 * cols { x[k] = 0 } }
  return LinearInput(version.activations, x, tokens: tokens, cols: cols, fill: version.fill)
}

/// The largest error against a double sum of what is multiplied, relative to sum |m x|.
private func error(
  of out: [Float], _ weights: LinearWeights, _ input: LinearInput
) -> Double {
  let (rows, cols, x) = (weights.rows, weights.cols, input.values)
  var worst = 0.0
  for token in 0..<input.activations.tokens {
    for row in 0..<rows {
      var sum = 0.0
      var magnitude = 0.0
      for k in 0..<cols {
        let value = Double(x[token * cols + k])
        sum += Double(weights.values[row * cols + k]) * value
        magnitude += Double(weights.magnitudes[row * cols + k]) * abs(value)
      }
      let difference = abs(Double(out[token * (rows + 2) + row]) - sum)
      worst = max(worst, magnitude > 0 ? difference / magnitude : difference)
    }
  }
  return worst
}

@Suite struct LinearTests {
  @Test("A linear kernel computes x W^T", arguments: LinearVersion.all)
  func product(version: LinearVersion) {
    let tolerance = version.activations == NK_ACTIVATION_INT8 ? integerTolerance : floatTolerance
    for shape in Case.all(version) {
      let weights = shape.weights(version.weights)
      for tokens in [1, 3] {
        let x = input(version, tokens: tokens, cols: shape.cols)
        #expect(error(of: version.run(weights, x), weights, x) < tolerance, "\(shape)")
      }
    }
  }

  @Test("SIMD agrees with generic for every count of tokens", arguments: LinearVersion.simd)
  func agreement(version: LinearVersion) {
    for shape in Case.all(version) where shape.rows < 130 {
      let weights = shape.weights(version.weights)
      for tokens in [0, 1, 2, 3, 4, 5, 6, 7, 8, 13, 29] {
        let x = input(version, tokens: tokens, cols: shape.cols)
        let mine = version.run(weights, x)
        if version.activations == NK_ACTIVATION_INT8 {
          let theirs = version.twin.run(
            weights, input(version.twin, tokens: tokens, cols: shape.cols))
          #expect(mine == theirs, "\(shape), \(tokens) tokens: the bits must agree")
        } else {
          #expect(error(of: mine, weights, x) < floatTolerance, "\(shape), \(tokens) tokens")
        }
        for token in 0..<tokens {
          let behind = (token + 1) * (shape.rows + 2)
          #expect(mine[behind - 2..<behind].allSatisfy { $0 == LinearVersion.untouched })
        }
      }
    }
  }

  @Test(
    "A result depends neither on the split into calls nor on the run", arguments: LinearVersion.all)
  func determinism(version: LinearVersion) {
    let weights = LinearWeights(version.weights, rows: 200, cols: 300, group: 64)
    for tokens in [1, 9] {
      let x = input(version, tokens: tokens, cols: 300)
      let whole = version.run(weights, x)
      #expect(version.run(weights, x) == whole)
      #expect(version.run(weights, x, calls: 3) == whole)
      #expect(version.run(weights, x, calls: 13) == whole)
    }
  }

  @Test("A token's result does not depend on its neighbours", arguments: LinearVersion.all)
  func tokensAreIndependent(version: LinearVersion) {
    let weights = LinearWeights(version.weights, rows: 70, cols: 200, group: 32)
    var numbers = SeededNumbers(seed: 3)
    let token = numbers.normals(200)
    let twice = token + numbers.normals(200) + token
    let x = LinearInput(version.activations, twice, tokens: 3, cols: 200, fill: version.fill)
    let out = version.run(weights, x)
    #expect(out[0..<70] == out[144..<214])
  }

  @Test("Memory need not be aligned", arguments: LinearVersion.all)
  func unaligned(version: LinearVersion) {
    let odd = LinearWeights(version.weights, rows: 90, cols: 160, group: 32, misalignedBy: 4)
    let even = LinearWeights(version.weights, rows: 90, cols: 160, group: 32)
    var numbers = SeededNumbers(seed: 2)
    let x = numbers.normals(7 * 160)
    for tokens in [1, 7] {
      let oddInput = LinearInput(
        version.activations, x, tokens: tokens, cols: 160, fill: version.fill, misalignedBy: 4)
      let evenInput = LinearInput(
        version.activations, x, tokens: tokens, cols: 160, fill: version.fill)
      #expect(version.run(odd, oddInput) == version.run(even, evenInput))
    }
  }

  @Test(
    "Codes and activations at their limits do not saturate",
    arguments: LinearVersion.all.filter { $0.weights.bits > 0 })
  func extremes(version: LinearVersion) {
    // Beyond 8192 columns, where sums of INT8 weights are cut.
    let cols = version.weights == NK_WEIGHT_INT8 ? 8300 : 600
    let top = version.weights.topCode
    let zeros: [(nk_zero_points, Float)] = [
      (NK_ZERO_POINTS_FIXED, 0), (NK_ZERO_POINTS_INTEGER, 0), (NK_ZERO_POINTS_INTEGER, Float(top)),
      (NK_ZERO_POINTS_REAL, Float(top) + 0.25), (NK_ZERO_POINTS_REAL, -65504),
    ]
    for (zeroPoints, zero) in zeros where version.weights.zeroPoints.contains(zeroPoints) {
      for code in [UInt8(0), top] {
        let weights = LinearWeights(
          version.weights, rows: 33, cols: cols, zeroPoints: zeroPoints, code: { _, _ in code },
          zero: zero)
        for sign: Float in [1, -1] {
          for tokens in [1, 2] {
            let part = LinearInput(
              version.activations, [Float](repeating: 3 * sign, count: tokens * cols),
              tokens: tokens, cols: cols, fill: version.fill)
            let out = version.run(weights, part)
            let what = "zero \(zeroPoints.rawValue) \(zero), code \(code), sign \(sign)"
            #expect(error(of: out, weights, part) < floatTolerance, "\(what)")
          }
        }
      }
    }
  }

  @Test("A token of zeros gives zeros", arguments: LinearVersion.all)
  func zeros(version: LinearVersion) {
    for zeroPoints in version.weights.zeroPoints {
      let weights = LinearWeights(
        version.weights, rows: 40, cols: 70, group: 32, zeroPoints: zeroPoints)
      let x = LinearInput(
        version.activations, [Float](repeating: 0, count: 70), tokens: 1, cols: 70,
        fill: version.fill)
      #expect(version.run(weights, x)[0..<40].allSatisfy { $0 == 0 })
    }
  }
}
