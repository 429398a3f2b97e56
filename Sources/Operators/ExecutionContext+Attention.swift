internal import CKernels
internal import Platform
package import Tensors

extension ExecutionContext {
  /// Writes keys and values of new tokens behind those that are there.
  ///
  /// Both are `[tokens, kvHeads, headDimension]`; they go behind `view.length`. The view's blocks
  /// must already reach that far.
  package func append(
    keys: UnsafePointer<Float>, values: UnsafePointer<Float>, tokens: Int, to view: KVView
  ) {
    guard tokens > 0,
      var keyFormat = view.format.keys.kernelFormat(
        role: Int32(NK_KV_KEYS), headDimension: view.headDimension),
      var valueFormat = view.format.values.kernelFormat(
        role: Int32(NK_KV_VALUES), headDimension: view.headDimension)
    else { return }
    let stride = view.kvHeads * view.headDimension
    let bytes = Double(
      tokens * view.kvHeads
        * (view.format.keys.bytesPerVector(headDimension: view.headDimension)
          + view.format.values.bytesPerVector(headDimension: view.headDimension)))
    traced(
      operator: "cache append \(view.format)", kernel: "kv_append_\(provider.rawValue)",
      bytes: bytes, operations: 0
    ) {
      for head in 0..<view.kvHeads {
        var done = 0
        while done < tokens {
          let position = view.length + done
          let block = position / KVBlockLayout.tokens
          let slot = position % KVBlockLayout.tokens
          let count = min(KVBlockLayout.tokens - slot, tokens - done)
          let offset = done * stride + head * view.headDimension
          attentionKernels.append(
            &keyFormat, view.keyBlocks[head][block], Int32(slot), Int32(count), keys + offset,
            stride)
          attentionKernels.append(
            &valueFormat, view.valueBlocks[head][block], Int32(slot), Int32(count),
            values + offset, stride)
          done += count
        }
      }
    }
  }

  /// Reads one side of the cache back as float32 into `[range.count, headDimension]`.
  package func read(
    _ view: KVView, keys: Bool, head: Int, range: Range<Int>,
    into out: UnsafeMutablePointer<Float>
  ) {
    let side = keys ? view.format.keys : view.format.values
    guard
      var format = side.kernelFormat(
        role: Int32(keys ? NK_KV_KEYS : NK_KV_VALUES), headDimension: view.headDimension)
    else { return }
    var position = range.lowerBound
    while position < range.upperBound {
      let slot = position % KVBlockLayout.tokens
      let count = min(KVBlockLayout.tokens - slot, range.upperBound - position)
      let block = position / KVBlockLayout.tokens
      attentionKernels.read(
        &format, keys ? view.keyBlocks[head][block] : view.valueBlocks[head][block], Int32(slot),
        Int32(count), out + (position - range.lowerBound) * view.headDimension, view.headDimension)
      position += count
    }
  }

  /// Causal attention over a cache: `out = softmax(q k^T / sqrt(headDimension)) v`.
  ///
  /// Queries and output are `[tokens, heads, headDimension]`; the first query has the absolute
  /// position `position`, and the cache already holds its key. Long caches are split over workers.
  package func attention(
    queries: UnsafePointer<Float>, tokens: Int, position: Int, heads: Int, view: KVView,
    into out: UnsafeMutablePointer<Float>
  ) {
    guard tokens > 0,
      let keyFormat = view.format.keys.kernelFormat(
        role: Int32(NK_KV_KEYS), headDimension: view.headDimension),
      let valueFormat = view.format.values.kernelFormat(
        role: Int32(NK_KV_VALUES), headDimension: view.headDimension)
    else { return }
    let shared = heads / view.kvHeads
    let blocks = (position + tokens + KVBlockLayout.tokens - 1) / KVBlockLayout.tokens
    let depth = Double(position) + Double(tokens + 1) / 2
    let seen = view.window > 0 ? min(depth, Double(view.window)) : depth
    let bytesPerToken = Double(
      view.kvHeads
        * (view.format.keys.bytesPerVector(headDimension: view.headDimension)
          + view.format.values.bytesPerVector(headDimension: view.headDimension)))
    // Prefill reads the cache once per tile of queries, decode once per token.
    let reads = Double((tokens + 63) / 64)
    traced(
      operator: "attention \(view.format)", kernel: "attention_\(provider.rawValue)",
      bytes: bytesPerToken * seen * reads,
      operations: 4 * Double(tokens) * seen * Double(heads * view.headDimension)
    ) {
      withPointers(to: view, blocks: blocks) { keyBlocks, valueBlocks in
        withUnsafeTemporaryAllocation(of: nk_attention_args.self, capacity: view.kvHeads) { plan in
          for head in 0..<view.kvHeads {
            var args = nk_attention_args()
            args.queries = queries + head * shared * view.headDimension
            args.query_token_stride = heads * view.headDimension
            args.query_head_stride = view.headDimension
            args.out = out + head * shared * view.headDimension
            args.out_token_stride = heads * view.headDimension
            args.out_head_stride = view.headDimension
            args.position = Int64(position)
            args.window = Int64(view.window)
            args.query_heads = Int32(shared)
            args.scale = 1 / Float(view.headDimension).squareRoot()
            args.keys = keyFormat
            args.values = valueFormat
            args.key_blocks = keyBlocks + head * blocks
            args.value_blocks = valueBlocks + head * blocks
            plan.initializeElement(at: head, to: args)
          }
          if tokens == 1, blocks > Self.splitBlocks {
            attendSplit(UnsafeBufferPointer(plan), blocks: blocks)
          } else {
            attendWhole(UnsafeBufferPointer(plan), tokens: tokens)
          }
        }
      }
    }
  }

  /// Blocks one worker takes at a time when a long cache is split.
  private static var splitBlocks: Int { 16 }

  private func attendWhole(_ plan: UnsafeBufferPointer<nk_attention_args>, tokens: Int) {
    let tile = 64
    let tiles = (tokens + tile - 1) / tile
    var first = plan[0]
    let scratch = scratch(bytes: nk_attention_scratch_bytes(&first, Int64(min(tile, tokens))))
    let attention = attentionKernels.attention
    let parts = plan.count * tiles
    if tokens == 1, plan[0].position < 256 {
      for args in plan {
        withUnsafePointer(to: args) { attention($0, 0, 1, scratch[0]) }
      }
      return
    }
    // Late tiles see the longest prefix: start with them.
    pool.run(chunks: parts) { chunk, worker in
      let index = tiles - 1 - chunk / plan.count
      withUnsafePointer(to: plan[chunk % plan.count]) {
        attention(
          $0, Int64(index * tile), Int64(min((index + 1) * tile, tokens)), scratch[worker])
      }
    }
  }

  private func attendSplit(_ plan: UnsafeBufferPointer<nk_attention_args>, blocks: Int) {
    var first = plan[0]
    let cuts = (blocks + Self.splitBlocks - 1) / Self.splitBlocks
    let floats = nk_attention_partial_floats(&first, 1)
    let partials = partialStorage.reserve(plan.count * cuts * floats * MemoryLayout<Float>.stride)
      .assumingMemoryBound(to: Float.self)
    let scratch = scratch(bytes: nk_attention_scratch_bytes(&first, 1))
    let partial = attentionKernels.partial
    pool.run(chunks: plan.count * cuts) { chunk, worker in
      let cut = chunk % cuts
      withUnsafePointer(to: plan[chunk / cuts]) {
        partial(
          $0, 0, 1, Int64(cut * Self.splitBlocks),
          Int64(min((cut + 1) * Self.splitBlocks, blocks)), partials + chunk * floats,
          scratch[worker])
      }
    }
    for (head, args) in plan.enumerated() {
      withUnsafePointer(to: args) {
        attentionKernels.merge($0, 0, 1, partials + head * cuts * floats, cuts, floats)
      }
    }
  }

  /// Hands out the addresses of the first blocks of all heads, `[kvHeads][blocks]`, keys and
  /// values.
  private func withPointers(
    to view: KVView, blocks: Int,
    _ body: (UnsafePointer<UnsafeRawPointer?>, UnsafePointer<UnsafeRawPointer?>) -> Void
  ) {
    let count = view.kvHeads * blocks
    withUnsafeTemporaryAllocation(of: UnsafeRawPointer?.self, capacity: 2 * count) { table in
      guard let base = table.baseAddress else { return }
      for head in 0..<view.kvHeads {
        let keys = view.keyBlocks[head]
        let values = view.valueBlocks[head]
        for block in 0..<blocks {
          (base + head * blocks + block).initialize(to: UnsafeRawPointer(keys[block]))
          (base + count + head * blocks + block).initialize(to: UnsafeRawPointer(values[block]))
        }
      }
      body(UnsafePointer(base), UnsafePointer(base + count))
    }
  }
}
