internal import CKernels
internal import Platform
import Tensors

extension ExecutionContext {
  /// Causal attention over a cache: `out = softmax(q k^T * scale) v` with the scale of the view.
  ///
  /// Queries and output are `[tokens, heads, headDimension]`; the first query has the absolute
  /// position `position`, and the cache already holds its key. Long caches are split over workers.
  /// Where vectors are stored transformed, queries are transformed once and outputs brought back.
  ///
  /// - Throws: `PlatformError.memoryRefused` with the bytes of scratch.
  package func attention(
    queries: UnsafePointer<Float>, tokens: Int, position: Int, heads: Int, view: KVView,
    into out: UnsafeMutablePointer<Float>
  ) throws {
    guard tokens > 0 else { return }
    if let cap = view.softCap {
      try plainAttention(
        queries: queries, tokens: tokens, position: position, heads: heads, view: view, cap: cap,
        into: out)
      return
    }
    try traced(
      .attention, owner: view.coding.keys[0],
      bytes: Self.attentionBytes(view, tokens: tokens, position: position),
      operations: 4 * Double(tokens) * Self.seen(view, tokens: tokens, position: position)
        * Double(heads * view.headDimension),
      name: {
        KernelTrace.Name(
          operator: "attention \(view.format)", kernel: "attention_\(provider.rawValue)")
      }
    ) {
      let turned = try turn(queries, tokens: tokens, heads: heads, view: view)
      guard view.coding.transformsValues else {
        try attend(
          queries, turned, tokens: tokens, position: position, heads: heads, view: view, into: out)
        return
      }
      let width = view.coding.valueCoder(head: 0).storedDimension
      let sums = try turnedStorage.outputs.reserve(
        tokens * heads * width * MemoryLayout<Float>.stride
      ).assumingMemoryBound(to: Float.self)
      try attend(
        queries, turned, tokens: tokens, position: position, heads: heads, view: view, into: sums)
      turnBack(sums, tokens: tokens, heads: heads, view: view, into: out)
    }
  }

  /// Positions a query looks back on, the mean over the tokens.
  private static func seen(_ view: KVView, tokens: Int, position: Int) -> Double {
    let depth = Double(position) + Double(tokens + 1) / 2
    return view.window > 0 ? min(depth, Double(view.window)) : depth
  }

  /// Bytes of keys and values read: prefill reads the cache once per tile of queries, decode once per token.
  private static func attentionBytes(_ view: KVView, tokens: Int, position: Int) -> Double {
    Double(view.kvHeads * view.coding.bytesPerVectors(view.headDimension))
      * seen(view, tokens: tokens, position: position) * Double((tokens + 63) / 64)
  }

  /// Queries as the stored keys see them, nil where these are stored as they are.
  private func turn(
    _ queries: UnsafePointer<Float>, tokens: Int, heads: Int, view: KVView
  ) throws -> UnsafePointer<Float>? {
    guard let width = view.coding.keyCoder(head: 0).transform?.rows else { return nil }
    let turned = try turnedStorage.queries.reserve(
      tokens * heads * width * MemoryLayout<Float>.stride
    ).assumingMemoryBound(to: Float.self)
    eachTurn(tokens: tokens, heads: heads, coders: view.coding.keys) { row, rows, coder in
      guard let transform = coder.transform else { return }
      transform.multiply(
        queries + row * view.headDimension, stride: view.headDimension, rows: rows,
        into: turned + row * width, outStride: width, by: attentionKernels)
    }
    return UnsafePointer(turned)
  }

  /// Outputs from sums of stored values.
  private func turnBack(
    _ sums: UnsafePointer<Float>, tokens: Int, heads: Int, view: KVView,
    into out: UnsafeMutablePointer<Float>
  ) {
    eachTurn(tokens: tokens, heads: heads, coders: view.coding.values) { row, rows, coder in
      guard let transform = coder.transform else { return }
      transform.multiplyTransposed(
        sums + row * transform.rows, stride: transform.rows, rows: rows,
        into: out + row * view.headDimension, outStride: view.headDimension, by: attentionKernels)
    }
  }

  /// Rows of `[tokens, heads]` that share a coder, spread over workers where there are many.
  private func eachTurn(
    tokens: Int, heads: Int, coders: [KVCoder], _ body: (Int, Int, KVCoder) -> Void
  ) {
    let shared = heads / coders.count
    let perChunk = 16
    let chunks = (tokens + perChunk - 1) / perChunk
    func turn(_ chunk: Int) {
      let range = chunk * perChunk..<min(tokens, (chunk + 1) * perChunk)
      guard coders.count > 1 else {
        body(range.lowerBound * heads, range.count * heads, coders[0])
        return
      }
      for token in range {
        for (index, coder) in coders.enumerated() {
          body(token * heads + index * shared, shared, coder)
        }
      }
    }
    guard chunks > 1 else { return turn(0) }
    pool.run(chunks: chunks) { chunk, _ in turn(chunk) }
  }

  /// Attention in stored coordinates, over the quantized part and what is still recent.
  private func attend(
    _ queries: UnsafePointer<Float>, _ turned: UnsafePointer<Float>?, tokens: Int, position: Int,
    heads: Int, view: KVView, into out: UnsafeMutablePointer<Float>
  ) throws {
    let blocks = (position + tokens + KVBlockLayout.tokens - 1) / KVBlockLayout.tokens
    let ranges = ranges(of: view, end: position + tokens)
    try withPointers(to: view, blocks: blocks) { quantized, recent in
      let count = view.kvHeads * ranges.count
      try withUnsafeTemporaryAllocation(of: nk_attention_args.self, capacity: count) { plan in
        for head in 0..<view.kvHeads {
          for (index, range) in ranges.enumerated() {
            let args = arguments(
              queries, turned, position: position, heads: heads, view: view, head: head,
              range: range, blocks: blocks, quantized: quantized, recent: recent, into: out)
            plan.initializeElement(at: head * ranges.count + index, to: args)
          }
        }
        let plan = UnsafeBufferPointer(plan)
        if ranges.count > 1 || tokens == 1 && blocks > Self.splitBlocks {
          try attendSplit(plan, ranges: ranges, heads: view.kvHeads, tokens: tokens)
        } else {
          try attendWhole(plan, tokens: tokens)
        }
      }
    }
  }

  /// What the kernel is told of one KV head over a range of positions.
  private func arguments(
    _ queries: UnsafePointer<Float>, _ turned: UnsafePointer<Float>?, position: Int, heads: Int,
    view: KVView, head: Int, range: PositionRange, blocks: Int, quantized: BlockTable,
    recent: BlockTable, into out: UnsafeMutablePointer<Float>
  ) -> nk_attention_args {
    let keys = range.keysAreRecent ? view.recent?.coding : view.coding
    let values = range.valuesAreRecent ? view.recent?.coding : view.coding
    let keyCoder = (keys ?? view.coding).keyCoder(head: head)
    let valueCoder = (values ?? view.coding).valueCoder(head: head)
    var args = nk_attention_args()
    let shared = heads / view.kvHeads
    let turns = keyCoder.transform != nil
    let width = keyCoder.storedDimension
    args.queries = (turns ? turned ?? queries : queries) + head * shared * width
    args.query_token_stride = heads * width
    args.query_head_stride = width
    let outWidth = valueCoder.storedDimension
    args.out = out + head * shared * outWidth
    args.out_token_stride = heads * outWidth
    args.out_head_stride = outWidth
    args.position = Int64(position)
    args.window = Int64(view.window)
    args.begin = Int64(range.positions.lowerBound)
    args.end = Int64(range.positions.upperBound)
    args.query_heads = Int32(shared)
    args.scale = view.scale ?? 1 / Float(view.headDimension).squareRoot()
    args.sinks = view.sinks.map { $0.pointer + head * shared }
    args.keys = keyCoder.kernel
    args.values = valueCoder.kernel
    args.key_blocks = (range.keysAreRecent ? recent.keys : quantized.keys) + head * blocks
    args.value_blocks =
      (range.valuesAreRecent ? recent.values : quantized.values) + head * blocks
    return args
  }

  /// Attention of one token of each of several sequences, which is in its cache already; queries and output are
  /// `[sequences, heads, headDimension]`.
  ///
  /// Each sequence is done by one worker, in the order it would be done alone, so that its bits are the same. Where some
  /// are long, or are stored transformed or with a window of recent tokens, all go one after the other.
  ///
  /// - Throws: `PlatformError.memoryRefused` with the bytes of scratch.
  package func attention(
    queries: UnsafePointer<Float>, sequences: [(position: Int, view: KVView)], heads: Int,
    into out: UnsafeMutablePointer<Float>
  ) throws {
    let width = sequences.first.map { heads * $0.view.headDimension } ?? 0
    let areShort = sequences.allSatisfy { position, view in
      view.recent == nil && view.softCap == nil && !view.coding.transformsValues
        && view.coding.keyCoder(head: 0).transform == nil
        && position / KVBlockLayout.tokens < Self.splitBlocks
    }
    guard areShort, sequences.count > 1 else {
      for (index, (position, view)) in sequences.enumerated() {
        try attention(
          queries: queries + index * width, tokens: 1, position: position, heads: heads,
          view: view, into: out + index * width)
      }
      return
    }
    let first = sequences[0].view
    try traced(
      .attention, owner: first.coding.keys[0],
      bytes: sequences.reduce(0) {
        $0 + Self.attentionBytes($1.view, tokens: 1, position: $1.position)
      },
      operations: sequences.reduce(0) {
        $0 + 4 * Self.seen($1.view, tokens: 1, position: $1.position) * Double(width)
      },
      name: {
        KernelTrace.Name(
          operator: "attention \(first.format)", kernel: "attention_\(provider.rawValue)")
      }
    ) {
      let scratch = try scratch(bytes: scratchBytes(sequences, heads: heads))
      let kernel = attentionKernels.attention
      pool.run(chunks: sequences.count) { chunk, worker in
        let (position, view) = sequences[chunk]
        let blocks = position / KVBlockLayout.tokens + 1
        withPointers(to: view, blocks: blocks) { quantized, recent in
          for head in 0..<view.kvHeads {
            var args = arguments(
              queries + chunk * width, nil, position: position, heads: heads, view: view,
              head: head, range: PositionRange(positions: 0..<position + 1), blocks: blocks,
              quantized: quantized, recent: recent, into: out + chunk * width)
            kernel(&args, 0, 1, scratch[worker])
          }
        }
      }
    }
  }

  /// Scratch of the sequence that needs most.
  private func scratchBytes(
    _ sequences: [(position: Int, view: KVView)], heads: Int
  ) -> Int {
    sequences.reduce(0) { most, sequence in
      let view = sequence.view
      var args = nk_attention_args()
      args.query_heads = Int32(heads / view.kvHeads)
      args.keys = view.coding.keyCoder(head: 0).kernel
      args.values = view.coding.valueCoder(head: 0).kernel
      args.position = Int64(sequence.position)
      args.end = Int64(sequence.position + 1)
      return max(most, nk_attention_scratch_bytes(&args, 1))
    }
  }

  /// Positions whose keys and values each lie in one kind of block.
  private struct PositionRange {
    var positions: Range<Int>
    var keysAreRecent = false
    var valuesAreRecent = false
  }

  private func ranges(of view: KVView, end: Int) -> [PositionRange] {
    guard let recent = view.recent else { return [PositionRange(positions: 0..<end)] }
    let cuts = [0, min(recent.firstKey, end), min(recent.firstValue, end), end].sorted()
    return zip(cuts, cuts.dropFirst()).filter { $0 < $1 }.map { low, high in
      PositionRange(
        positions: low..<high, keysAreRecent: low >= recent.firstKey,
        valuesAreRecent: low >= recent.firstValue)
    }
  }

  /// Blocks one worker takes at a time when a long cache is split.
  private static var splitBlocks: Int { 16 }

  private func attendWhole(_ plan: UnsafeBufferPointer<nk_attention_args>, tokens: Int) throws {
    let tile = 64
    let tiles = (tokens + tile - 1) / tile
    var first = plan[0]
    let scratch = try scratch(bytes: nk_attention_scratch_bytes(&first, Int64(min(tile, tokens))))
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

  /// Partial sums over ranges of blocks, merged in order.
  private func attendSplit(
    _ plan: UnsafeBufferPointer<nk_attention_args>, ranges: [PositionRange], heads: Int, tokens: Int
  ) throws {
    // Range, first and last block of each cut; the same for all heads.
    var cuts: [(range: Int, first: Int, end: Int)] = []
    for (index, range) in ranges.enumerated() {
      let end = (range.positions.upperBound + KVBlockLayout.tokens - 1) / KVBlockLayout.tokens
      for first in stride(
        from: range.positions.lowerBound / KVBlockLayout.tokens, to: end, by: Self.splitBlocks)
      {
        cuts.append((index, first, min(first + Self.splitBlocks, end)))
      }
    }
    var floats = 0
    var bytes = 0
    for args in plan {
      var args = args
      floats = max(floats, nk_attention_partial_floats(&args, Int64(tokens)))
      bytes = max(bytes, nk_attention_scratch_bytes(&args, Int64(tokens)))
    }
    let partials = try partialStorage.reserve(
      heads * cuts.count * floats * MemoryLayout<Float>.stride
    ).assumingMemoryBound(to: Float.self)
    let scratch = try scratch(bytes: bytes)
    let partial = attentionKernels.partial
    pool.run(chunks: heads * cuts.count) { chunk, worker in
      let cut = cuts[chunk % cuts.count]
      withUnsafePointer(to: plan[chunk / cuts.count * ranges.count + cut.range]) {
        partial(
          $0, 0, Int64(tokens), Int64(cut.first), Int64(cut.end), partials + chunk * floats,
          scratch[worker])
      }
    }
    for head in 0..<heads {
      withUnsafePointer(to: plan[head * ranges.count]) {
        nk_attention_merge(
          $0, 0, Int64(tokens), partials + head * cuts.count * floats, cuts.count, floats)
      }
    }
  }

  private typealias BlockTable = (
    keys: UnsafePointer<UnsafeRawPointer?>, values: UnsafePointer<UnsafeRawPointer?>
  )

  /// Hands out the addresses of the first blocks of all heads, `[kvHeads][blocks]`: of the quantized
  /// ones, and of the recent ones.
  private func withPointers(
    to view: KVView, blocks: Int, _ body: (BlockTable, BlockTable) throws -> Void
  ) rethrows {
    let count = view.kvHeads * blocks
    try withUnsafeTemporaryAllocation(of: UnsafeRawPointer?.self, capacity: 4 * count) { table in
      guard let base = table.baseAddress else { return }
      func fill(_ part: Int, _ lists: [[UnsafeMutableRawPointer?]]) {
        for head in 0..<view.kvHeads {
          for block in 0..<blocks {
            let address = block < lists[head].count ? lists[head][block] : nil
            (base + part * count + head * blocks + block).initialize(
              to: UnsafeRawPointer(address))
          }
        }
      }
      func fill(_ part: Int, _ lists: [[UnsafeMutableRawPointer]]) {
        for head in 0..<view.kvHeads {
          let list = lists[head]
          let known = min(blocks, list.count)
          let to = base + part * count + head * blocks
          for block in 0..<known { (to + block).initialize(to: UnsafeRawPointer(list[block])) }
          for block in known..<blocks { (to + block).initialize(to: nil) }
        }
      }
      fill(0, view.keyBlocks)
      fill(1, view.valueBlocks)
      if let recent = view.recent {
        fill(2, recent.keyBlocks)
        fill(3, recent.valueBlocks)
      } else {
        (base + 2 * count).initialize(repeating: nil, count: 2 * count)
      }
      let addresses = UnsafePointer(base)
      try body(
        (addresses, addresses + count), (addresses + 2 * count, addresses + 3 * count))
    }
  }
}

extension KVLayerCoding {
  var transformsValues: Bool { values[0].transform != nil }
}
