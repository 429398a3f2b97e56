package import Platform
import Synchronization
import Tensors

extension Model {
  /// Looks through all dense weights and those in blocks of a GGUF file, embedding and head included, in parallel.
  ///
  /// - Parameters:
  ///   - releasesBlocks: whether packed copies and mapped pages of a block are given back when it is done.
  ///   - pause: called between blocks; what it throws ends the walk.
  /// - Throws: `ModelError.notFinite` with the first number that is none: the ends first, then the blocks.
  package func checkFinite(
    pool: WorkerPool, releasesBlocks: Bool = false, pause: () throws -> Void = {}
  ) throws {
    try checkEndsFinite(pool: pool)
    for block in blocks {
      try pause()
      for role in block.roles { try block[role].checkFinite(pool: pool) }
      if releasesBlocks { block.release() }
    }
  }

  /// Looks through what stands around the blocks: embedding, positions and head.
  ///
  /// - Throws: `ModelError.notFinite` with the first number that is none.
  package func checkEndsFinite(pool: WorkerPool) throws {
    func check(_ weight: any LinearWeight, _ name: String) throws {
      try Linear(
        name: LinearPlan.layer(of: name), weight: weight, activation: precision.activation
      ).checkFinite(pool: pool)
    }
    try check(embedding, frame.embedding)
    if let positions, let name = frame.positions?.name { try check(positions, name) }
    if head.weight !== embedding { try head.checkFinite(pool: pool) }
  }
}

extension Linear {
  /// Looks through a dense weight or one in blocks, and the bias; other quantized weights are finite by construction.
  ///
  /// - Throws: `ModelError.notFinite` with the first number that is none.
  package func checkFinite(pool: WorkerPool) throws {
    if let bias, let column = bias.firstIndex(where: { !$0.isFinite }) {
      throw ModelError.notFinite(
        tensor: name + ".bias", row: 0, column: column, value: bias[column])
    }
    // Blocks of a file have whatever scales the file has.
    guard weight.format.isFloat || weight is BlockWeight, rows > 0, columns > 0 else { return }
    let slab = max(1, 65536 / columns)
    let firstBad = Mutex(Int.max)
    pool.run(chunks: (rows + slab - 1) / slab) { chunk, _ in
      let range = chunk * slab..<min((chunk + 1) * slab, rows)
      guard !isFinite(range) else { return }
      firstBad.withLock { $0 = min($0, range.lowerBound) }
    }
    let start = firstBad.withLock { $0 }
    guard start < rows else { return }
    for row in start..<min(start + slab, rows) {
      let values = [Float](unsafeUninitializedCapacity: columns) { buffer, count in
        if let base = buffer.baseAddress { weight.dequantize(rows: row..<row + 1, into: base) }
        count = columns
      }
      if let column = values.firstIndex(where: { !$0.isFinite }) {
        throw ModelError.notFinite(
          tensor: name + ".weight", row: row, column: column, value: values[column])
      }
    }
  }

  private func isFinite(_ range: Range<Int>) -> Bool {
    withUnsafeTemporaryAllocation(of: Float.self, capacity: range.count * columns) { buffer in
      guard let base = buffer.baseAddress else { return true }
      weight.dequantize(rows: range, into: base)
      // All exponent bits set is what infinities and not-a-numbers have in common.
      var found: UInt32 = 0
      for index in 0..<range.count * columns {
        found |= base[index].bitPattern & 0x7f80_0000 == 0x7f80_0000 ? 1 : 0
      }
      return found == 0
    }
  }
}
