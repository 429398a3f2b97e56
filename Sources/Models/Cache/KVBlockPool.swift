package import Operators
import Platform
import Synchronization
import Tensors

/// Memory for KV caches of one layout, in groups that hold 64 positions of all layers.
///
/// Caches that share a pool share its memory: groups are handed out one at a time, may belong to
/// several caches with a common prefix, and go back when the last of them lets go.
package final class KVBlockPool: Sendable {
  package let layout: KVCacheLayout
  /// Bytes of a group.
  package let groupBytes: Int
  /// One for each layer.
  let codings: [KVLayerCoding]
  /// Where the blocks of each layer begin in a group.
  private let offsets: [Int]
  /// Memory for the latest tokens, where these are kept in full precision.
  let recent: KVBlockPool?
  /// How the latest tokens of each layer are coded; nil for layers that keep no window.
  let recentCodings: [KVLayerCoding?]
  private let groupsPerSlab: Int
  private let slabs = Mutex<[KVSlab]>([])

  /// - Throws: `OperatorError` when no kernel stores such a cache.
  package init(_ layout: KVCacheLayout) throws {
    self.layout = layout
    var made: [KVFormatPair: KVLayerCoding] = [:]
    codings = try (0..<layout.layers).map { layer in
      let format = layout.format.inLayer(layer, of: layout.layers)
      if let scales = layout.scales, scales.count == layout.layers {
        return try KVLayerCoding(format: format, headDimension: layout.headDimension)
          .scaled(keys: scales[layer].keys, values: scales[layer].values)
      }
      if let coding = made[format] { return coding }
      let coding = try KVLayerCoding(format: format, headDimension: layout.headDimension)
      made[format] = coding
      return coding
    }
    var offsets: [Int] = []
    var bytes = 0
    for coding in codings {
      offsets.append(bytes)
      bytes += layout.kvHeads * (coding.keyBlockBytes + coding.valueBlockBytes)
    }
    self.offsets = offsets
    groupBytes = bytes
    groupsPerSlab = Self.groupsPerSlab(bytes)
    recentCodings = try codings.map { coding in
      try coding.format.window.map { try coding.recent($0.type) }
    }
    recent = try layout.format.window.map { window in
      var plain = layout
      plain.format = KVFormatPair(
        keys: .float(type: window.type), values: .float(type: window.type))
      return try KVBlockPool(plain)
    }
  }

  /// A pool for caches of one layer whose coders are given.
  package init(coding: KVLayerCoding, kvHeads: Int, headDimension: Int) {
    layout = KVCacheLayout(
      layers: 1, kvHeads: kvHeads, headDimension: headDimension, format: coding.format)
    codings = [coding]
    offsets = [0]
    groupBytes = kvHeads * (coding.keyBlockBytes + coding.valueBlockBytes)
    groupsPerSlab = Self.groupsPerSlab(groupBytes)
    recent = nil
    recentCodings = [nil]
  }

  /// Groups taken from the system together.
  ///
  /// 8 to 32 MiB of them, so that rounding up to huge pages wastes little. Pages become resident as they
  /// are touched.
  private static func groupsPerSlab(_ bytes: Int) -> Int {
    let page = 2 << 20
    let bytes = max(1, bytes)
    func waste(_ groups: Int) -> Double {
      Double((groups * bytes + page - 1) / page * page) / Double(groups * bytes) - 1
    }
    let range = max(1, (8 << 20) / bytes)...max(1, (32 << 20) / bytes)
    return range.first { waste($0) < 0.01 }
      ?? range.min { waste($0) < waste($1) } ?? range.lowerBound
  }

  /// Where a block lies in a group.
  func offset(layer: Int, head: Int, keys: Bool) -> Int {
    let coding = codings[layer]
    let start = offsets[layer] + head * (coding.keyBlockBytes + coding.valueBlockBytes)
    return keys ? start : start + coding.keyBlockBytes
  }

  /// Bytes taken from the system; those never written to are not resident.
  package var reservedBytes: Int {
    slabs.withLock { $0.reduce(0) { $0 + $1.memory.reservedBytes } } + (recent?.reservedBytes ?? 0)
  }

  /// Bytes of the groups that are handed out; one that several caches share counts once.
  package var heldBytes: Int {
    slabs.withLock { $0.reduce(0) { $0 + $1.taken } } * groupBytes + (recent?.heldBytes ?? 0)
  }

  /// Bytes that are in memory, as the system tells: pages that were touched.
  package var residentBytes: Int {
    slabs.withLock { $0.reduce(0) { $0 + $1.memory.residentBytes } } + (recent?.residentBytes ?? 0)
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
    base + pool.offset(layer: layer, head: head, keys: true)
  }

  func values(layer: Int, head: Int) -> UnsafeMutableRawPointer {
    base + pool.offset(layer: layer, head: head, keys: false)
  }

  /// Another group with the same content.
  func copy() throws -> KVBlockGroup {
    let copy = try pool.group()
    copy.base.copyMemory(from: base, byteCount: pool.groupBytes)
    return copy
  }
}
