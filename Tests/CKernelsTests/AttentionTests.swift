import CKernels
import Glibc
import Testing

// Tolerances: relative L2 error of the output.

/// Single precision against the double reference on the same stored numbers.
private let floatTolerance = 3e-6
/// SIMD against generic where either side takes part as 16-bit codes.
private let wideCodeTolerance = 5e-4
/// SIMD against generic where queries become 8-bit codes (INT4 keys).
private let narrowCodeTolerance = 2e-2

private struct Shape: CustomTestStringConvertible, Sendable {
  var dim: Int
  var group: Int
  var heads: Int
  var tokens: Int
  var position: Int
  var window = 0
  var testDescription: String {
    "d\(dim) g\(group) heads \(heads) tokens \(tokens) at \(position) window \(window)"
  }

  static let all = [
    Shape(dim: 64, group: 32, heads: 3, tokens: 1, position: 63),
    Shape(dim: 64, group: 64, heads: 8, tokens: 1, position: 200),
    Shape(dim: 64, group: 16, heads: 7, tokens: 9, position: 0),
    Shape(dim: 8, group: 8, heads: 2, tokens: 5, position: 70),
    Shape(dim: 80, group: 80, heads: 1, tokens: 70, position: 3, window: 20),
    Shape(dim: 96, group: 48, heads: 4, tokens: 33, position: 64, window: 64),
    Shape(dim: 128, group: 128, heads: 9, tokens: 2, position: 130),
    Shape(dim: 20, group: 2, heads: 5, tokens: 3, position: 90, window: 1),
    Shape(dim: 256, group: 32, heads: 60, tokens: 2, position: 66),
    Shape(dim: 64, group: 8, heads: 1, tokens: 1, position: 0),
  ]

  func problem(_ keys: KVKind, _ values: KVKind) -> Problem {
    Problem(
      keys, values, dim: dim, group: group, heads: heads, tokens: tokens, position: position,
      window: window)
  }
}

struct AttentionTests {
  @Test(arguments: KVKind.allCases, Shape.all)
  fileprivate func genericIsSoftmaxAttention(kind: KVKind, shape: Shape) {
    let problem = shape.problem(kind, kind)
    let out = problem.run(.generic)
    #expect(relativeError(out, problem.reference(stored: true)) < floatTolerance)
  }

  @Test(arguments: AttentionVersion.simd, Shape.all)
  fileprivate func versionsAgreeForAllKinds(version: AttentionVersion, shape: Shape) {
    for keys in KVKind.allCases {
      for values in KVKind.allCases {
        let problem = shape.problem(keys, values)
        let expected = problem.run(.generic)
        let error = relativeError(problem.run(version), expected)
        let tolerance =
          keys == .int4
          ? narrowCodeTolerance
          : keys == .int8 || values == .int8 || values == .int4 ? wideCodeTolerance : floatTolerance
        #expect(error < tolerance, "keys \(keys), values \(values)")
      }
    }
  }

  /// Integer arithmetic may add at most a fifth of the error that quantizing the cache makes.
  @Test(arguments: AttentionVersion.simd, [KVKind.int8, KVKind.int4])
  func arithmeticIsBetterThanTheCache(version: AttentionVersion, kind: KVKind) {
    for heads in [1, 3, 8] {
      let problem = Problem(
        kind, kind, dim: 64, group: 32, heads: heads, tokens: 4, position: 300, seed: 11)
      let exact = problem.reference(stored: false)
      let cache = relativeError(problem.reference(stored: true), exact)
      let arithmetic = relativeError(problem.run(version), problem.reference(stored: true))
      #expect(arithmetic * 5 < cache, "\(arithmetic) against \(cache)")
    }
  }

  @Test(arguments: AttentionVersion.all, KVKind.allCases)
  func splitsMergeToTheWhole(version: AttentionVersion, kind: KVKind) {
    for (tokens, window) in [(1, 0), (70, 0), (5, 100)] {
      let problem = Problem(
        kind, kind, dim: 64, group: 32, heads: 3, tokens: tokens, position: 450, window: window)
      let whole = problem.run(version)
      #expect(relativeError(problem.run(version, cuts: []), whole) < floatTolerance)
      // The first ranges lie outside the window of 100: their states are empty.
      let split = problem.run(version, cuts: [1, 4, 5, 7])
      #expect(relativeError(split, whole) < (kind == .f32 ? floatTolerance : wideCodeTolerance))
      #expect(problem.run(version, cuts: [1, 4, 5, 7]) == split)
    }
  }

  /// Scores without a value, some far below and some far above all others.
  @Test(arguments: AttentionVersion.all, Shape.all)
  fileprivate func sinksTakePartInTheSoftmax(version: AttentionVersion, shape: Shape) {
    let problem = shape.problem(.f32, .f32)
    let sinks = (0..<shape.heads).map { Float($0 % 5) * 1.5 - 2 }
    let plain = problem.run(version)
    sinks.withUnsafeBufferPointer { sinks in
      problem.args.sinks = sinks.baseAddress
      let out = problem.run(version)
      #expect(relativeError(out, problem.reference(stored: true)) < floatTolerance)
      #expect(relativeError(out, plain.map(Double.init)) > 1e-3)
      let split = problem.run(version, cuts: problem.blockCount > 1 ? [1] : [])
      #expect(relativeError(split, problem.reference(stored: true)) < floatTolerance)
    }
    let far = [Float](repeating: 1000, count: shape.heads)
    let faint = [Float](repeating: -1000, count: shape.heads)
    far.withUnsafeBufferPointer {
      problem.args.sinks = $0.baseAddress
      #expect(problem.run(version).allSatisfy { $0 == 0 })
    }
    faint.withUnsafeBufferPointer {
      problem.args.sinks = $0.baseAddress
      #expect(problem.run(version) == plain)
    }
  }

  @Test(arguments: AttentionVersion.all, KVKind.allCases)
  func repeatsGiveTheSameBits(version: AttentionVersion, kind: KVKind) {
    let problem = Problem(
      kind, kind, dim: 96, group: 32, heads: 5, tokens: 20, position: 100, window: 77)
    #expect(problem.run(version) == problem.run(version))
  }

  @Test(arguments: AttentionVersion.all, KVKind.allCases)
  func zeroKeysAndValuesGiveZero(version: AttentionVersion, kind: KVKind) {
    let problem = Problem(
      kind, kind, dim: 64, group: 32, heads: 3, tokens: 2, position: 10, zero: true)
    #expect(problem.run(version).allSatisfy { $0 == 0 })
  }

  @Test(arguments: AttentionVersion.all, KVKind.allCases)
  func oneTokenReturnsItsValue(version: AttentionVersion, kind: KVKind) {
    let problem = Problem(kind, kind, dim: 64, group: 32, heads: 2, tokens: 1, position: 0)
    #expect(relativeError(problem.run(version), problem.reference(stored: true)) < 1e-4)
  }

  /// A sink token holds most of the mass; the many small rest must not be rounded away.
  @Test(arguments: AttentionVersion.all, [KVKind.int8, KVKind.int4])
  func smallWeightsSurvive(version: AttentionVersion, kind: KVKind) {
    let dim = 64
    let cached = 1024
    var key = [Float](repeating: 0, count: cached * dim)
    key[0] = 7.5 * Float(dim).squareRoot()  // token 0: e^7.5 times the weight of any other
    var value = [Float](repeating: 1, count: cached * dim)
    for c in 0..<dim { value[c] = -1 }
    withUnsafePointer(to: format(kind, keys: true, dim: dim, group: 32)) { kf in
      withUnsafePointer(to: format(kind, keys: false, dim: dim, group: 32)) { vf in
        var blocks: [Scratch] = []
        for b in 0..<cached / 64 {
          blocks.append(Scratch(nk_kv_block_bytes(kf)))
          blocks.append(Scratch(nk_kv_block_bytes(vf)))
          nk_kv_append_generic(
            kf, blocks[2 * b].base, 0, 64, Array(key[(b * 64 * dim)...]), dim)
          nk_kv_append_generic(
            vf, blocks[2 * b + 1].base, 0, 64, Array(value[(b * 64 * dim)...]), dim)
        }
        let keyBlocks = (0..<cached / 64).map {
          UnsafeRawPointer(blocks[2 * $0].base) as UnsafeRawPointer?
        }
        let valueBlocks = (0..<cached / 64).map {
          UnsafeRawPointer(blocks[2 * $0 + 1].base) as UnsafeRawPointer?
        }
        var query = [Float](repeating: 0, count: dim)
        query[0] = 1
        var out = [Float](repeating: .nan, count: dim)
        keyBlocks.withUnsafeBufferPointer { keyBlocks in
          valueBlocks.withUnsafeBufferPointer { valueBlocks in
            query.withUnsafeBufferPointer { query in
              out.withUnsafeMutableBufferPointer { out in
                var args = nk_attention_args(
                  queries: query.baseAddress, query_token_stride: dim, query_head_stride: dim,
                  out: out.baseAddress, out_token_stride: dim, out_head_stride: dim,
                  position: Int64(cached - 1), window: 0, begin: 0, end: 0, query_heads: 1,
                  scale: 1 / Float(dim).squareRoot(), keys: kf.pointee, values: vf.pointee,
                  key_blocks: keyBlocks.baseAddress, value_blocks: valueBlocks.baseAddress,
                  sinks: nil)
                let scratch = Scratch(nk_attention_scratch_bytes(&args, 1))
                version.attention(&args, 0, 1, scratch.base)
              }
            }
          }
        }
        let sink = exp(7.5)
        let expected = (Double(cached - 1) - sink) / (Double(cached - 1) + sink)
        for x in out { #expect(abs(Double(x) - expected) < 5e-3) }
      }
    }
  }
}
