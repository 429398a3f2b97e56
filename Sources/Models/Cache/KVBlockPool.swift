import Operators
import Platform
import Synchronization

/// Memory for KV caches of one layout, in groups that hold 64 positions of all layers.
///
/// Caches that share a pool share its memory: groups are handed out one at a time, may belong to
/// several caches with a common prefix, and go back when the last of them lets go.
package final class KVBlockPool: Sendable {
  package let layout: KVCacheLayout
  /// Bytes of a group.
  package let groupBytes: Int
  let keyBytes: Int
  let valueBytes: Int
  private let groupsPerSlab: Int
  private let slabs = Mutex<[KVSlab]>([])

  /// - Throws: `OperatorError.unsupportedCache` when no kernel stores such a cache.
  package init(_ layout: KVCacheLayout) throws {
    let block = try KVBlockLayout(format: layout.format, headDimension: layout.headDimension)
    self.layout = layout
    keyBytes = block.keyBytes
    valueBytes = block.valueBytes
    groupBytes = layout.layers * layout.kvHeads * (block.keyBytes + block.valueBytes)
    // Pages become resident as they are touched, so a slab costs what is used of it.
    groupsPerSlab = max(1, (8 << 20) / max(1, groupBytes))
  }

  /// Bytes taken from the system; those never written to are not resident.
  package var reservedBytes: Int {
    slabs.withLock { $0.reduce(0) { $0 + $1.memory.reservedBytes } }
  }

  /// Bytes of the groups that are handed out; one that several caches share counts once.
  package var heldBytes: Int {
    slabs.withLock { $0.reduce(0) { $0 + $1.taken } } * groupBytes
  }

  /// Bytes that are in memory, as the system tells: pages that were touched.
  package var residentBytes: Int {
    slabs.withLock { $0.reduce(0) { $0 + $1.memory.residentBytes } }
  }

  /// Hands out a group; what is in it is left over from before.
  func group() throws -> KVBlockGroup {
    try slabs.withLock { slabs in
      for slab in slabs {
        if let slot = slab.take() { return KVBlockGroup(pool: self, slab: slab, slot: slot) }
      }
      let slab = KVSlab(
        memory: try HugeBuffer(byteCount: groupsPerSlab * groupBytes), slots: groupsPerSlab)
      slabs.append(slab)
      guard let slot = slab.take() else {
        throw PlatformError.memoryRefused(bytes: groupBytes, code: 0)
      }
      return KVBlockGroup(pool: self, slab: slab, slot: slot)
    }
  }

  fileprivate func release(_ slab: KVSlab, slot: Int) {
    slabs.withLock { slabs in
      slab.give(slot)
      // One empty slab is kept for the next sequence.
      if slabs.count(where: \.isEmpty) > 1 { slabs.removeAll { $0 === slab } }
    }
  }
}

/// Memory of several groups.
private final class KVSlab: Sendable {
  let memory: HugeBuffer
  private let slots: Int
  private let free: Mutex<[Int]>

  init(memory: HugeBuffer, slots: Int) {
    self.memory = memory
    self.slots = slots
    // The lowest is taken first, so that resident pages lie together.
    free = Mutex((0..<slots).reversed())
  }

  var isEmpty: Bool { taken == 0 }
  var taken: Int { free.withLock { slots - $0.count } }
  func take() -> Int? { free.withLock { $0.popLast() } }
  func give(_ slot: Int) { free.withLock { $0.append(slot) } }
}

/// The blocks of 64 positions, of all layers and heads, of keys and values.
final class KVBlockGroup {
  private let pool: KVBlockPool
  private let slab: KVSlab
  private let slot: Int
  private let base: UnsafeMutableRawPointer

  fileprivate init(pool: KVBlockPool, slab: KVSlab, slot: Int) {
    self.pool = pool
    self.slab = slab
    self.slot = slot
    base =
      (slab.memory.bytes.baseAddress ?? .init(bitPattern: 64).unsafelyUnwrapped)
      + slot * pool.groupBytes
  }

  deinit { pool.release(slab, slot: slot) }

  func keys(layer: Int, head: Int) -> UnsafeMutableRawPointer {
    base + (layer * pool.layout.kvHeads + head) * (pool.keyBytes + pool.valueBytes)
  }

  func values(layer: Int, head: Int) -> UnsafeMutableRawPointer {
    keys(layer: layer, head: head) + pool.keyBytes
  }

  /// Another group with the same content.
  func copy() throws -> KVBlockGroup {
    let copy = try pool.group()
    copy.base.copyMemory(from: base, byteCount: pool.groupBytes)
    return copy
  }
}
