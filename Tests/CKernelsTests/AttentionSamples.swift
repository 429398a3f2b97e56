import CKernels
import Glibc
import Testing

/// A cache of one KV head with random contents, and queries for it.
final class Problem {
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
  var args: nk_attention_args

  convenience init(
    _ keyKind: KVKind, _ valueKind: KVKind, dim: Int, group: Int, heads: Int, tokens: Int,
    position: Int, window: Int = 0, seed: UInt64 = 7, zero: Bool = false
  ) {
    self.init(
      format(keyKind, keys: true, dim: dim, group: group),
      format(valueKind, keys: false, dim: dim, group: group), heads: heads, tokens: tokens,
      position: position, window: window, seed: seed, zero: zero)
  }

  /// `change` sees the numbers of the keys and of the values before they are appended.
  init(
    _ keyFormat: nk_kv_format, _ valueFormat: nk_kv_format, heads: Int, tokens: Int,
    position: Int, window: Int = 0, seed: UInt64 = 7, zero: Bool = false,
    change: (inout [Float], inout [Float]) -> Void = { _, _ in }
  ) {
    let dim = Int(keyFormat.head_dim)
    self.tokens = tokens
    self.heads = heads
    self.dim = dim
    cached = position + tokens
    var numbers = SeededNumbers(seed: seed)
    let count = (cached + 63) / 64
    var keys = zero ? Array(repeating: 0, count: cached * dim) : numbers.normals(cached * dim)
    var values = zero ? Array(repeating: 0, count: cached * dim) : numbers.normals(cached * dim)
    change(&keys, &values)
    self.keys = keys
    self.values = values
    let queries = numbers.normals(tokens * heads * dim)
    queryMemory = Scratch(queries.count * 4)
    queryMemory.base.copyMemory(from: queries, byteCount: queries.count * 4)
    outMemory = Scratch(queries.count * 4)
    keyPointers = .allocate(capacity: count)
    valuePointers = .allocate(capacity: count)
    // Groups of tokens are appended as a whole.
    let spare = [Float](repeating: 0, count: (64 * count - cached) * dim)
    var owned: [Scratch] = []
    for b in 0..<count {
      let used = min(64, cached - 64 * b)
      for (f, pointers, source) in [
        (keyFormat, keyPointers, keys + spare), (valueFormat, valuePointers, values + spare),
      ] {
        let step = f.kind == Int32(NK_KV_CHANNEL_GROUPS) ? Int(f.group) : 1
        let padded = (used + step - 1) / step * step
        withUnsafePointer(to: f) { f in
          // 0xff everywhere: NaN in every float format, so that a slot read without having been written shows.
          let block = Scratch(nk_kv_block_bytes(f))
          source.withUnsafeBufferPointer {
            nk_kv_append_generic(
              f, block.base, 0, Int32(padded), $0.baseAddress! + 64 * b * dim, dim)
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
      value_blocks: UnsafePointer(valuePointers), sinks: nil)
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
    nk_attention_merge(&args, 0, Int64(tokens), base, cuts.count + 1, size)
    return outMemory.floats(tokens * heads * dim)
  }

  /// The partial state of all tokens over all blocks, as `args` is now.
  func partial(_ version: AttentionVersion) -> [Float] {
    let scratch = Scratch(nk_attention_scratch_bytes(&args, Int64(tokens)))
    let size = nk_attention_partial_floats(&args, Int64(tokens))
    let state = Scratch(size * 4)
    version.partial(
      &args, 0, Int64(tokens), 0, Int64(blockCount),
      state.base.assumingMemoryBound(to: Float.self), scratch.base)
    return state.floats(size)
  }

  /// Outputs of `count` partial states that follow each other.
  func merge(_ states: [Float], count: Int) -> [Float] {
    nk_attention_merge(&args, 0, Int64(tokens), states, count, states.count / count)
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
      let start = args.window > 0 ? max(0, last - Int(args.window) + 1) : 0
      let attended =
        max(start, Int(args.begin))...min(last, args.end > 0 ? Int(args.end) - 1 : last)
      for h in 0..<heads {
        let q = queries[((i * heads + h) * dim)..<((i * heads + h + 1) * dim)]
        let scores = attended.map { t in
          Double(args.scale)
            * zip(q, k[(t * dim)..<((t + 1) * dim)]).reduce(0) { $0 + Double($1.0) * Double($1.1) }
        }
        let sink = args.sinks.map { Double($0[h]) }
        let largest = max(scores.max() ?? 0, sink ?? -.infinity)
        let weights = scores.map { exp($0 - largest) }
        let sum = weights.reduce(0, +) + (sink.map { exp($0 - largest) } ?? 0)
        for c in 0..<dim {
          out.append(
            zip(attended, weights).reduce(0) { $0 + $1.1 * Double(v[$1.0 * dim + c]) } / sum)
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
