import CKernels
import Testing

// Tolerance: |out - reference| / sum |m x|, the largest over the output, where m are the magnitudes that are summed: scale
// times code, and minimum. float32 sums of up to 2304 products against double sums of the same numbers.
private let tolerance = 1e-6

/// Sizes of a case; everything odd is here somewhere.
private func sizes(_ kind: nk_weight_kind) -> [(rows: Int, cols: Int)] {
  nk_block_columns(kind) == 32
    ? [(1, 32), (15, 64), (16, 256), (17, 288), (63, 576), (80, 1216), (130, 2080)]
    : [(1, 256), (15, 512), (16, 768), (17, 256), (63, 1280), (80, 512), (130, 2304)]
}

private func input(_ version: BlockVersion, tokens: Int, cols: Int) -> BlockInput {
  var numbers = SeededNumbers(seed: 9)
  var x = numbers.normals(tokens * cols)
  // The second token is all zero, and a block of the first is 1000 times the others.
  if tokens > 2 { for k in cols..<2 * cols { x[k] = 0 } }
  for k in 0..<min(32, x.count) { x[k] *= 1000 }
  return BlockInput(version, x, tokens: tokens, cols: cols)
}

/// The largest error against a double sum of what is multiplied, relative to sum |m x|.
private func error(of out: [Float], _ weights: BlockWeights, _ input: BlockInput) -> Double {
  let (rows, cols, x) = (weights.rows, weights.cols, input.values)
  let (values, magnitudes) = (weights.values, weights.magnitudes)
  var worst = 0.0
  for token in 0..<input.activations.tokens {
    for row in 0..<rows {
      var sum = 0.0
      var magnitude = 0.0
      for k in 0..<cols {
        let value = Double(x[token * cols + k])
        sum += Double(values[row * cols + k]) * value
        magnitude += Double(magnitudes[row * cols + k]) * abs(value)
      }
      let difference = abs(Double(out[token * (rows + 2) + row]) - sum)
      worst = max(worst, magnitude > 0 ? difference / magnitude : difference)
    }
  }
  return worst
}

@Suite struct BlockTests {
  @Test("A kernel of blocks computes x W^T", arguments: BlockVersion.all)
  func product(version: BlockVersion) {
    for (rows, cols) in sizes(version.kind) {
      let weights = BlockWeights(version.kind, rows: rows, cols: cols)
      for tokens in [1, 3] {
        let x = input(version, tokens: tokens, cols: cols)
        let found = error(of: version.run(weights, x), weights, x)
        #expect(found < tolerance, "\(rows) x \(cols), \(tokens) tokens")
      }
    }
  }

  @Test("SIMD agrees with generic for every count of tokens", arguments: BlockVersion.simd)
  func agreement(version: BlockVersion) {
    for (rows, cols) in sizes(version.kind) where rows < 130 {
      let weights = BlockWeights(version.kind, rows: rows, cols: cols)
      for tokens in [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 13, 29, 75] where tokens < 70 || rows == 80 {
        let x = input(version, tokens: tokens, cols: cols)
        let mine = version.run(weights, x)
        let theirs = version.twin.run(weights, input(version.twin, tokens: tokens, cols: cols))
        if version.activations != NK_ACTIVATION_BF16 {
          #expect(mine == theirs, "\(rows) x \(cols), \(tokens) tokens: the bits must agree")
        } else if tokens < 9 {
          #expect(error(of: mine, weights, x) < tolerance, "\(rows) x \(cols), \(tokens) tokens")
        } else {
          let far = zip(mine, theirs).filter { abs($0 - $1) > 1e-3 * max(1, abs($1)) }
          #expect(far.isEmpty, "\(rows) x \(cols), \(tokens) tokens")
        }
        for token in 0..<tokens {
          let end = (token + 1) * (rows + 2)
          #expect(mine[end - 2..<end].allSatisfy { $0 == LinearVersion.untouched })
        }
      }
    }
  }

  @Test("Activations in blocks are the same bits everywhere", arguments: BlockVersion.simd)
  func activations(version: BlockVersion) {
    guard version.activations != NK_ACTIVATION_BF16 else { return }
    var numbers = SeededNumbers(seed: 4)
    var x = numbers.normals(5 * 96)
    (x[3], x[40], x[70], x[100], x[200]) = (.nan, .infinity, -.infinity, 1e-38, 3e38)
    let mine = BlockInput(version, x, tokens: 5, cols: 96)
    let theirs = BlockInput(version.twin, x, tokens: 5, cols: 96)
    #expect(mine.values == theirs.values)
    // Codes are the nearest: half a step off at most, where numbers are finite.
    let steps: Float = version.activations == NK_ACTIVATION_INT8_BLOCKS ? 127 : 32639
    for block in 5..<15 {
      let largest = x[block * 32..<block * 32 + 32].reduce(0) { max($0, abs($1)) }
      for k in block * 32..<block * 32 + 32 {
        #expect(abs(mine.values[k] - x[k]) <= largest * 0.5001 / steps)
      }
    }
    for place in 0..<15 {
      #expect(mine.activations.sums[place].bitPattern == theirs.activations.sums[place].bitPattern)
      #expect(mine.activations.halves[2 * place] == theirs.activations.halves[2 * place])
      #expect(mine.activations.halves[2 * place + 1] == theirs.activations.halves[2 * place + 1])
    }
  }

  @Test(
    "A result depends neither on the split into calls nor on other tokens",
    arguments: BlockVersion.all)
  func determinism(version: BlockVersion) {
    let weights = BlockWeights(version.kind, rows: 200, cols: 512)
    for tokens in [1, 9] {
      let x = input(version, tokens: tokens, cols: 512)
      let whole = version.run(weights, x)
      #expect(version.run(weights, x) == whole)
      #expect(version.run(weights, x, calls: 3) == whole)
      #expect(version.run(weights, x, calls: 13) == whole)
    }
    var numbers = SeededNumbers(seed: 3)
    let token = numbers.normals(512)
    let twice = token + numbers.normals(512) + token
    let out = version.run(weights, BlockInput(version, twice, tokens: 3, cols: 512))
    #expect(out[0..<200] == out[404..<604])
    let alone = version.run(weights, BlockInput(version, token, tokens: 1, cols: 512))
    #expect(out[0..<200] == alone[0..<200])
  }

  @Test("Memory need not be aligned", arguments: BlockVersion.all)
  func unaligned(version: BlockVersion) {
    let odd = BlockWeights(version.kind, rows: 90, cols: 256, misalignedBy: 4)
    let even = BlockWeights(version.kind, rows: 90, cols: 256)
    var numbers = SeededNumbers(seed: 2)
    let x = numbers.normals(13 * 256)
    for tokens in [1, 7, 13] {
      let oddInput = BlockInput(version, x, tokens: tokens, cols: 256, misalignedBy: 4)
      let evenInput = BlockInput(version, x, tokens: tokens, cols: 256)
      #expect(version.run(odd, oddInput) == version.run(even, evenInput))
    }
  }

  @Test("Scales of zero, the smallest and the largest, and both signs", arguments: BlockVersion.all)
  func hardScales(version: BlockVersion) {
    let weights = BlockWeights(version.kind, rows: 33, cols: 512, scales: .hard)
    for tokens in [1, 2, 13] {
      let x = input(version, tokens: tokens, cols: 512)
      let out = version.run(weights, x)
      #expect(out.allSatisfy { $0.isFinite })
      #expect(error(of: out, weights, x) < tolerance, "\(tokens) tokens")
    }
  }

  @Test("Codes and activations at their limits do not saturate", arguments: BlockVersion.all)
  func extremes(version: BlockVersion) {
    for code: UInt8 in [0, 0x7f, 0x80, 0xff] {
      let weights = BlockWeights(version.kind, rows: 17, cols: 512, code: code)
      for sign: Float in [1, -1] {
        for tokens in [1, 2, 13] {
          let x = BlockInput(
            version, [Float](repeating: 3 * sign, count: tokens * 512), tokens: tokens, cols: 512)
          let found = error(of: version.run(weights, x), weights, x)
          #expect(found < tolerance, "code \(code), sign \(sign), \(tokens) tokens")
        }
      }
    }
  }

  @Test("Packed blocks take no more bytes than the file's", arguments: BlockVersion.kinds)
  func sizeOfPacked(kind: nk_weight_kind) {
    for cols in [256, 512, 2048, 5632] {
      var weight = BlockWeights.description(kind, rows: 64, cols: cols)
      let stored = 64 * cols / nk_block_columns(kind) * nk_block_bytes(kind)
      // A panel may end with less than a cache line of padding.
      let most = stored + 4 * (Int(NK_ALIGNMENT) - 1)
      #expect((stored...most).contains(nk_linear_packed_bytes(&weight)), "\(cols) columns")
      weight.cols = cols + 16
      #expect(nk_linear_packed_bytes(&weight) == 0)
      weight.cols = cols
      weight.zero_points = NK_ZERO_POINTS_INTEGER
      #expect(nk_linear_packed_bytes(&weight) == 0)
    }
  }
}
