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

/// A cache of one KV head with random contents, and queries for it.
private final class Problem {
  let tokens: Int
  let heads: Int
  let dim: Int
  let cached: Int
  let keys: [Float]
  let values: [Float]
  private let blocks: [Scratch]
  private let keyPointers: UnsafeMutablePointer<UnsafeRawPointer?>
  private let valuePointers: UnsafeMutablePointer<UnsafeRawPointer?>
  private let queryMemory: Scratch
  private let outMemory: Scratch
  private(set) var args: nk_attention_args

  init(
    _ keyKind: KVKind, _ valueKind: KVKind, dim: Int, group: Int, heads: Int, tokens: Int,
    position: Int, window: Int = 0, seed: UInt64 = 7, zero: Bool = false
  ) {
    self.tokens = tokens
    self.heads = heads
    self.dim = dim
    cached = position + tokens
    var numbers = SeededNumbers(seed: seed)
    keys = zero ? Array(repeating: 0, count: cached * dim) : numbers.normals(cached * dim)
    values = zero ? Array(repeating: 0, count: cached * dim) : numbers.normals(cached * dim)
    let queries = numbers.normals(tokens * heads * dim)
    queryMemory = Scratch(queries.count * 4)
    queryMemory.base.copyMemory(from: queries, byteCount: queries.count * 4)
    outMemory = Scratch(queries.count * 4)
    let count = (cached + 63) / 64
    keyPointers = .allocate(capacity: count)
    valuePointers = .allocate(capacity: count)
    let keyFormat = format(keyKind, keys: true, dim: dim, group: group)
    let valueFormat = format(valueKind, keys: false, dim: dim, group: group)
    var owned: [Scratch] = []
    for b in 0..<count {
      let used = min(64, cached - 64 * b)
      for (f, pointers, source) in [
        (keyFormat, keyPointers, keys), (valueFormat, valuePointers, values),
      ] {
        withUnsafePointer(to: f) { f in
          // 0xff everywhere: NaN in every float format, so that a slot read without having been written shows.
          let block = Scratch(nk_kv_block_bytes(f))
          source.withUnsafeBufferPointer {
            nk_kv_append_generic(
              f, block.base, 0, Int32(used), $0.baseAddress! + 64 * b * dim, dim)
          }
          (pointers + b).initialize(to: UnsafeRawPointer(block.base))
          owned.append(block)
        }
      }
    }
    blocks = owned
    args = nk_attention_args(
      queries: queryMemory.base.assumingMemoryBound(to: Float.self),
      query_token_stride: heads * dim, query_head_stride: dim,
      out: outMemory.base.assumingMemoryBound(to: Float.self), out_token_stride: heads * dim,
      out_head_stride: dim, position: Int64(position), window: Int64(window), begin: 0, end: 0,
      query_heads: Int32(heads), scale: 1 / Float(dim).squareRoot(), keys: keyFormat,
      values: valueFormat, key_blocks: UnsafePointer(keyPointers),
      value_blocks: UnsafePointer(valuePointers))
  }

  deinit {
    keyPointers.deallocate()
    valuePointers.deallocate()
  }

  var blockCount: Int { (cached + 63) / 64 }

  func run(_ version: AttentionVersion) -> [Float] {
    let scratch = Scratch(nk_attention_scratch_bytes(&args, Int64(tokens)))
    version.attention(&args, 0, Int64(tokens), scratch.base)
    return outMemory.floats(tokens * heads * dim)
  }

  /// The same through partial states over block ranges that end at `cuts`.
  func run(_ version: AttentionVersion, cuts: [Int]) -> [Float] {
    let scratch = Scratch(nk_attention_scratch_bytes(&args, Int64(tokens)))
    let size = nk_attention_partial_floats(&args, Int64(tokens))
    let states = Scratch((cuts.count + 1) * size * 4)
    let base = states.base.assumingMemoryBound(to: Float.self)
    for (i, range) in zip([0] + cuts, cuts + [blockCount]).enumerated() {
      version.partial(
        &args, 0, Int64(tokens), Int64(range.0), Int64(range.1), base + i * size, scratch.base)
    }
    version.merge(&args, 0, Int64(tokens), base, cuts.count + 1, size)
    return outMemory.floats(tokens * heads * dim)
  }

  /// Plain softmax attention in double over what the blocks really hold, or over the numbers before quantization.
  func reference(stored: Bool) -> [Double] {
    let k = stored ? readBack(args.keys, args.key_blocks) : keys
    let v = stored ? readBack(args.values, args.value_blocks) : values
    let queries = queryMemory.floats(tokens * heads * dim)
    var out: [Double] = []
    for i in 0..<tokens {
      let last = Int(args.position) + i
      let first = args.window > 0 ? max(0, last - Int(args.window) + 1) : 0
      for h in 0..<heads {
        let q = queries[((i * heads + h) * dim)..<((i * heads + h + 1) * dim)]
        let scores = (first...last).map { t in
          Double(args.scale)
            * zip(q, k[(t * dim)..<((t + 1) * dim)]).reduce(0) { $0 + Double($1.0) * Double($1.1) }
        }
        let largest = scores.max() ?? 0
        let weights = scores.map { exp($0 - largest) }
        let sum = weights.reduce(0, +)
        for c in 0..<dim {
          out.append(
            zip(first...last, weights).reduce(0) { $0 + $1.1 * Double(v[$1.0 * dim + c]) } / sum)
        }
      }
    }
    return out
  }

  private func readBack(
    _ f: nk_kv_format, _ blocks: UnsafePointer<UnsafeRawPointer?>!
  ) -> [Float] {
    var out = [Float](repeating: 0, count: blockCount * 64 * dim)
    withUnsafePointer(to: f) { f in
      for b in 0..<blockCount {
        let used = min(64, cached - 64 * b)
        out.withUnsafeMutableBufferPointer {
          nk_kv_read_generic(
            f, blocks[b], 0, Int32(used), $0.baseAddress! + 64 * b * dim, dim)
        }
      }
    }
    return Array(out[..<(cached * dim)])
  }
}

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
                  key_blocks: keyBlocks.baseAddress, value_blocks: valueBlocks.baseAddress)
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
