import CKernels
import Testing

// Tolerances: relative L2 error of the output.

/// Single precision against the double reference on the same stored numbers.
private let floatTolerance = 5e-6
/// SIMD against generic where probabilities, and queries against group kinds, take part as 16-bit codes.
private let wideCodeTolerance = 5e-4
/// SIMD against generic where levels of a codebook take part as bytes, and queries against them as 8-bit codes.
///
/// A level is rounded to 1/127 of the largest, which is 2 to 3 standard deviations of what the codebook is made for, so
/// that it is off by 0.6 to 0.7 % of one (uniform: 1 / sqrt(12) of the step); so is an element of the query, whose largest
/// is as many deviations. Scores of random tokens have a deviation of 1, for queries longer than others 2, and pass the 1 %
/// of both on to the output. The 4-bit codes themselves are off by 9.7 %.
private let levelTolerance = 3e-2

private struct Shape: CustomTestStringConvertible, Sendable {
  var dim: Int
  var heads: Int
  var tokens: Int
  var position: Int
  var window = 0
  var testDescription: String {
    "d\(dim) heads \(heads) tokens \(tokens) at \(position) window \(window)"
  }

  static let all = [
    Shape(dim: 64, heads: 3, tokens: 1, position: 63),
    Shape(dim: 64, heads: 8, tokens: 1, position: 200),
    Shape(dim: 80, heads: 1, tokens: 70, position: 3, window: 20),
    Shape(dim: 96, heads: 4, tokens: 33, position: 64, window: 64),
    Shape(dim: 128, heads: 9, tokens: 2, position: 130),
    Shape(dim: 20, heads: 5, tokens: 3, position: 90, window: 1),
    Shape(dim: 160, heads: 7, tokens: 2, position: 66),
    Shape(dim: 8, heads: 2, tokens: 5, position: 70),
  ]
}

private func f32(keys: Bool, dim: Int) -> nk_kv_format {
  format(.f32, keys: keys, dim: dim, group: 0)
}

/// Keys and values of a kind, or float32 where it is not for that role or number of channels.
private func formats(_ kind: CodeKind, dim: Int) -> (keys: nk_kv_format, values: nk_kv_format) {
  (
    kind.format(true, dim) ?? f32(keys: true, dim: dim),
    kind.format(false, dim) ?? f32(keys: false, dim: dim)
  )
}

private func tolerance(_ format: nk_kv_format) -> Double {
  switch format.kind {
  case Int32(NK_KV_CODEBOOK):
    // Codes of more bits are worth float32 levels.
    format.levelParts.allSatisfy { $0.levels.count <= 16 } ? levelTolerance : floatTolerance
  case Int32(NK_KV_CHANNEL_GROUPS), Int32(NK_KV_TOKEN_GROUPS): wideCodeTolerance
  default: floatTolerance
  }
}

struct AttentionCodesTests {
  @Test(arguments: CodeKind.all, Shape.all)
  fileprivate func genericIsSoftmaxAttention(kind: CodeKind, shape: Shape) {
    let (keys, values) = formats(kind, dim: shape.dim)
    let problem = Problem(
      keys, values, heads: shape.heads, tokens: shape.tokens, position: shape.position,
      window: shape.window)
    #expect(relativeError(problem.run(.generic), problem.reference(stored: true)) < floatTolerance)
  }

  @Test(arguments: AttentionVersion.simd, CodeKind.all)
  fileprivate func versionsAgree(version: AttentionVersion, kind: CodeKind) {
    for shape in Shape.all {
      let (keys, values) = formats(kind, dim: shape.dim)
      let plain = (f32(keys: true, dim: shape.dim), f32(keys: false, dim: shape.dim))
      for (k, v) in [(keys, values), (keys, plain.1), (plain.0, values)] {
        let problem = Problem(
          k, v, heads: shape.heads, tokens: shape.tokens, position: shape.position,
          window: shape.window)
        let error = relativeError(problem.run(version), problem.run(.generic))
        #expect(error < max(tolerance(k), tolerance(v)), "\(shape.testDescription)")
      }
    }
  }

  /// Byte levels may add at most a fifth of the error that quantizing the cache makes.
  @Test(arguments: AttentionVersion.simd, [CodeKind.codebook(4), .codebook(2), .parts(3, 2)])
  func arithmeticIsBetterThanTheCache(version: AttentionVersion, kind: CodeKind) {
    for heads in [1, 3, 8] {
      let (keys, values) = formats(kind, dim: 64)
      let problem = Problem(keys, values, heads: heads, tokens: 4, position: 300, seed: 11)
      let exact = problem.reference(stored: false)
      let cache = relativeError(problem.reference(stored: true), exact)
      let arithmetic = relativeError(problem.run(version), problem.reference(stored: true))
      #expect(arithmetic * 5 < cache, "\(arithmetic) against \(cache)")
    }
  }

  /// Positions cut between old blocks of codes and recent ones of float16, in the middle of a block.
  @Test(arguments: AttentionVersion.all, CodeKind.all)
  func rangesOfPositionsMergeToTheWhole(version: AttentionVersion, kind: CodeKind) {
    let (keys, values) = formats(kind, dim: 64)
    for (tokens, window, cut) in [(1, 0, 200), (3, 250, 128), (1, 0, 64 * 5 - 1)] {
      let problem = Problem(keys, values, heads: 3, tokens: tokens, position: 330, window: window)
      let whole = problem.reference(stored: true)
      problem.args.end = Int64(cut)
      let old = problem.partial(version)
      problem.args.begin = Int64(cut)
      problem.args.end = 0
      let recent = problem.partial(version)
      let error = relativeError(problem.merge(old + recent, count: 2), whole)
      let most = max(tolerance(keys), tolerance(values))
      #expect(error < most)
      #expect(
        relativeError(problem.merge(recent, count: 1), problem.reference(stored: true))
          < most)
      problem.args.begin = 400  // nobody attends these
      #expect(problem.merge(problem.partial(version), count: 1).allSatisfy { $0 == 0 })
    }
  }

  @Test(arguments: AttentionVersion.all, CodeKind.all)
  func repeatsGiveTheSameBits(version: AttentionVersion, kind: CodeKind) {
    let (keys, values) = formats(kind, dim: 96)
    let problem = Problem(keys, values, heads: 5, tokens: 20, position: 100, window: 77)
    #expect(problem.run(version) == problem.run(version))
  }

  @Test(arguments: AttentionVersion.all, CodeKind.all)
  func zeroKeysAndValuesGiveZero(version: AttentionVersion, kind: CodeKind) {
    let (keys, values) = formats(kind, dim: 64)
    let problem = Problem(keys, values, heads: 3, tokens: 2, position: 10, zero: true)
    #expect(problem.run(version).allSatisfy { $0 == 0 })
  }

  @Test(arguments: AttentionVersion.all, CodeKind.codebooks)
  func vectorsWithoutNumbersAreZeros(version: AttentionVersion, kind: CodeKind) {
    let (keys, values) = formats(kind, dim: 64)
    func problem(_ x: Float) -> Problem {
      Problem(keys, values, heads: 3, tokens: 2, position: 100) { keys, values in
        for c in 0..<64 {
          keys[33 * 64 + c] = x
          values[70 * 64 + c] = x
        }
      }
    }
    #expect(problem(.nan).run(version) == problem(0).run(version))
  }
}
