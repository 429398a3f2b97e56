import Glibc
internal import Platform
import Tensors

extension ExecutionContext {
  /// Attention for what no kernel computes, soft caps of scores: `softmax(cap * tanh(q k^T * scale / cap)) v`, over keys and
  /// values that are read back as float32 first.
  ///
  /// Sizes as for `attention`. The trace says that it stands in, and why.
  ///
  /// - Throws: `PlatformError.memoryRefused` with the bytes of keys and values.
  func plainAttention(
    queries: UnsafePointer<Float>, tokens: Int, position: Int, heads: Int, view: KVView,
    cap: Float, into out: UnsafeMutablePointer<Float>
  ) throws {
    let width = view.headDimension
    let end = position + tokens
    let shared = heads / view.kvHeads
    try traced(
      .attention, owner: view.coding.keys[0],
      bytes: Double(2 * view.kvHeads * end * width * MemoryLayout<Float>.stride),
      operations: 4 * Double(tokens) * Double(end) * Double(heads * width),
      name: {
        KernelTrace.Name(
          operator: "attention \(view.format)", kernel: "attention_plain",
          reason: "no kernel caps attention scores")
      }
    ) {
      let size = end * width
      let memory = try HeapMemory.floats(2 * view.kvHeads * size)
      defer { memory.deallocate() }
      for head in 0..<view.kvHeads {
        let keys = memory + 2 * head * size
        read(view, keys: true, head: head, range: 0..<end, into: keys)
        read(view, keys: false, head: head, range: 0..<end, into: keys + size)
      }
      nonisolated(unsafe) let (held, queries, out) = (memory, queries, out)
      pool.run(chunks: tokens * view.kvHeads) { chunk, _ in
        let (token, head) = (chunk / view.kvHeads, chunk % view.kvHeads)
        let last = position + token
        let first = view.window > 0 ? max(0, last - view.window + 1) : 0
        let keys = held + 2 * head * size
        for query in head * shared..<(head + 1) * shared {
          let place = (token * heads + query) * width
          CappedAttention(
            scale: view.scale ?? 1 / Float(width).squareRoot(), cap: cap, width: width,
            sink: view.sinks.map { $0.pointer[query] }
          ).run(
            queries + place, keys: keys + first * width, values: keys + size + first * width,
            positions: last - first + 1, into: out + place)
        }
      }
    }
  }
}

/// One query over the positions it sees.
private struct CappedAttention {
  let scale: Float
  let cap: Float
  let width: Int
  /// A score that has no value.
  let sink: Float?

  func run(
    _ query: UnsafePointer<Float>, keys: UnsafePointer<Float>, values: UnsafePointer<Float>,
    positions: Int, into out: UnsafeMutablePointer<Float>
  ) {
    withUnsafeTemporaryAllocation(of: Float.self, capacity: positions) { scores in
      var largest = sink ?? -Float.infinity
      for place in 0..<positions {
        var sums = SIMD8<Float>.zero
        let key = keys + place * width
        var channel = 0
        while channel + 8 <= width {
          sums += Self.eight(query + channel) * Self.eight(key + channel)
          channel += 8
        }
        var sum = sums.sum()
        while channel < width {
          sum += query[channel] * key[channel]
          channel += 1
        }
        scores[place] = cap * tanh(sum * scale / cap)
        largest = max(largest, scores[place])
      }
      out.update(repeating: 0, count: width)
      var total = sink.map { exp($0 - largest) } ?? 0
      for place in 0..<positions {
        let weight = exp(scores[place] - largest)
        total += weight
        let value = values + place * width
        for channel in 0..<width { out[channel] += weight * value[channel] }
      }
      for channel in 0..<width { out[channel] /= total }
    }
  }

  private static func eight(_ values: UnsafePointer<Float>) -> SIMD8<Float> {
    UnsafeRawPointer(values).loadUnaligned(as: SIMD8<Float>.self)
  }
}
