internal import CKernels
internal import Tensors

extension ExecutionContext {
  /// Writes keys and values of new tokens after those that are there.
  ///
  /// Both are `[tokens, kvHeads, headDimension]`; they go after `view.length`, in full precision
  /// where the view keeps its latest tokens so. The view's blocks must already reach that far.
  package func append(
    keys: UnsafePointer<Float>, values: UnsafePointer<Float>, tokens: Int, to view: KVView
  ) {
    guard tokens > 0 else { return }
    let coding = view.recent?.coding ?? view.coding
    let stride = view.kvHeads * view.headDimension
    traced(
      .cacheAppend, owner: coding.keys[0],
      bytes: Double(tokens * view.kvHeads * coding.bytesPerVectors(view.headDimension)),
      name: {
        KernelTrace.Name(
          operator: "cache append \(coding.format)", kernel: "kv_append_\(provider.rawValue)")
      }
    ) {
      for head in 0..<view.kvHeads {
        let offset = head * view.headDimension
        if let recent = view.recent {
          store(
            keys + offset, tokens: tokens, stride: stride, at: view.length,
            coder: recent.coding.keyCoder(head: head), block: { recent.keyBlocks[head][$0] })
          store(
            values + offset, tokens: tokens, stride: stride, at: view.length,
            coder: recent.coding.valueCoder(head: head), block: { recent.valueBlocks[head][$0] })
        } else {
          store(
            keys + offset, tokens: tokens, stride: stride, at: view.length,
            coder: coding.keyCoder(head: head), block: { view.keyBlocks[head][$0] })
          store(
            values + offset, tokens: tokens, stride: stride, at: view.length,
            coder: coding.valueCoder(head: head), block: { view.valueBlocks[head][$0] })
        }
      }
    }
  }

  /// Quantizes the keys before `keysEnd` and the values before `valuesEnd` that so far are recent.
  ///
  /// A group of tokens that was cut by `truncate` is quantized anew, with what its first tokens have
  /// become.
  package func settle(_ view: KVView, keysEnd: Int, valuesEnd: Int) {
    guard let recent = view.recent,
      keysEnd > recent.firstKey || valuesEnd > recent.firstValue
    else { return }
    traced(
      .cacheSettle, owner: view.coding.keys[0], bytes: 0,
      name: {
        KernelTrace.Name(
          operator: "cache settle \(view.format)", kernel: "kv_append_\(provider.rawValue)")
      }
    ) {
      for head in 0..<view.kvHeads {
        settle(
          from: recent.firstKey, to: keysEnd, view, head: head,
          coder: view.coding.keyCoder(head: head), block: { view.keyBlocks[head][$0] })
        settle(
          from: recent.firstValue, to: valuesEnd, view, head: head,
          coder: view.coding.valueCoder(head: head), block: { view.valueBlocks[head][$0] })
      }
    }
  }

  private func settle(
    from first: Int, to end: Int, _ view: KVView, head: Int, coder: KVCoder,
    block at: (Int) -> UnsafeMutableRawPointer?
  ) {
    guard end > first else { return }
    let start = first / coder.tokenGroup * coder.tokenGroup
    for piece in pieces(of: start..<end) {
      withUnsafeTemporaryAllocation(of: Float.self, capacity: piece.count * view.headDimension) {
        vectors in
        guard let base = vectors.baseAddress else { return }
        read(view, keys: coder.isKeys, head: head, range: piece, into: base)
        store(
          base, tokens: piece.count, stride: view.headDimension, at: piece.lowerBound, coder: coder,
          block: at)
      }
    }
  }

  /// Reads one side of the cache back as float32 into `[range.count, headDimension]`.
  package func read(
    _ view: KVView, keys: Bool, head: Int, range: Range<Int>,
    into out: UnsafeMutablePointer<Float>
  ) {
    let coder = keys ? view.coding.keyCoder(head: head) : view.coding.valueCoder(head: head)
    let blocks = keys ? view.keyBlocks[head] : view.valueBlocks[head]
    guard let recent = view.recent else {
      load(range, coder: coder, block: { blocks[$0] }, into: out)
      return
    }
    let recentBlocks = keys ? recent.keyBlocks[head] : recent.valueBlocks[head]
    let split = min(
      max(keys ? recent.firstKey : recent.firstValue, range.lowerBound), range.upperBound)
    load(range.lowerBound..<split, coder: coder, block: { blocks[$0] }, into: out)
    load(
      split..<range.upperBound,
      coder: keys ? recent.coding.keyCoder(head: head) : recent.coding.valueCoder(head: head),
      block: { recentBlocks[$0] },
      into: out + (split - range.lowerBound) * view.headDimension)
  }

  /// Writes vectors, `stride` numbers from one to the next, into the slots from `position` on.
  private func store(
    _ vectors: UnsafePointer<Float>, tokens: Int, stride: Int, at position: Int, coder: KVCoder,
    block at: (Int) -> UnsafeMutableRawPointer?
  ) {
    guard let transform = coder.transform else {
      eachBlock(position..<position + tokens, at) { block, slot, count, done in
        var kernel = coder.kernel
        attentionKernels.append(
          &kernel, block, Int32(slot), Int32(count), vectors + done * stride, stride)
      }
      return
    }
    for piece in pieces(of: position..<position + tokens) {
      store(
        vectors + (piece.lowerBound - position) * stride, stride: stride, at: piece, coder: coder,
        transform, block: at)
    }
  }

  /// Writes the vectors of a piece in the coordinates of the cache.
  private func store(
    _ vectors: UnsafePointer<Float>, stride: Int, at piece: Range<Int>, coder: KVCoder,
    _ transform: KVMatrix, block at: (Int) -> UnsafeMutableRawPointer?
  ) {
    let width = transform.rows
    withUnsafeTemporaryAllocation(of: Float.self, capacity: piece.count * width) { turned in
      guard let turned = turned.baseAddress else { return }
      transform.multiply(
        vectors, stride: stride, rows: piece.count, into: turned, outStride: width,
        by: attentionKernels)
      eachBlock(piece, at) { block, slot, count, done in
        var kernel = coder.kernel
        if coder.projection != nil {
          for index in done..<done + count {
            let encoded = coder.encode(
              turned: turned + index * width, original: vectors + index * stride)
            nk_kv_store(
              &kernel, block, Int32(slot + index - done), 1, encoded.codes, encoded.scales)
          }
        } else {
          attentionKernels.append(
            &kernel, block, Int32(slot), Int32(count), turned + done * width, width)
        }
      }
    }
  }

  /// Reads vectors back into `[range.count, headDimension]`.
  private func load(
    _ range: Range<Int>, coder: KVCoder, block at: (Int) -> UnsafeMutableRawPointer?,
    into out: UnsafeMutablePointer<Float>
  ) {
    guard !range.isEmpty else { return }
    guard let transform = coder.transform else {
      eachBlock(range, at) { block, slot, count, done in
        var kernel = coder.kernel
        attentionKernels.read(
          &kernel, block, Int32(slot), Int32(count), out + done * coder.headDimension,
          coder.headDimension)
      }
      return
    }
    let width = transform.rows
    for piece in pieces(of: range) {
      let out = out + (piece.lowerBound - range.lowerBound) * coder.headDimension
      withUnsafeTemporaryAllocation(of: Float.self, capacity: piece.count * width) { stored in
        guard let stored = stored.baseAddress else { return }
        eachBlock(piece, at) { block, slot, count, done in
          var kernel = coder.kernel
          attentionKernels.read(
            &kernel, block, Int32(slot), Int32(count), stored + done * width, width)
        }
        transform.multiplyTransposed(
          stored, stride: width, rows: piece.count, into: out, outStride: coder.headDimension,
          by: attentionKernels)
      }
    }
  }

  /// The positions in pieces of a few blocks, so that memory for a piece does not grow with the text.
  private func pieces(of range: Range<Int>) -> [Range<Int>] {
    let size = 4 * KVBlockLayout.tokens
    guard range.count > size else { return range.isEmpty ? [] : [range] }
    let cuts =
      [range.lowerBound]
      + stride(from: (range.lowerBound / size + 1) * size, to: range.upperBound, by: size) + [
        range.upperBound
      ]
    return zip(cuts, cuts.dropFirst()).filter { $0 < $1 }.map { $0..<$1 }
  }

  /// Calls `body` with each block that holds positions of the range: its address, the first slot,
  /// how many slots, and how many positions came before.
  private func eachBlock(
    _ range: Range<Int>, _ at: (Int) -> UnsafeMutableRawPointer?,
    _ body: (UnsafeMutableRawPointer, Int, Int, Int) -> Void
  ) {
    var position = range.lowerBound
    while position < range.upperBound {
      let slot = position % KVBlockLayout.tokens
      let count = min(KVBlockLayout.tokens - slot, range.upperBound - position)
      if let block = at(position / KVBlockLayout.tokens) {
        body(block, slot, count, position - range.lowerBound)
      }
      position += count
    }
  }

}

extension KVLayerCoding {
  /// Bytes of a key and a value of one head.
  func bytesPerVectors(_ headDimension: Int) -> Int {
    format.keys.bytesPerVector(headDimension: headDimension)
      + format.values.bytesPerVector(headDimension: headDimension)
  }
}

extension KVCoder {
  /// Tokens that are quantized together.
  package var tokenGroup: Int {
    kernel.kind == Int32(NK_KV_CHANNEL_GROUPS) ? Int(kernel.group) : 1
  }
}
