/// The merges of a byte-pair encoding: a pair of ids to its rank and the id it becomes.
///
/// Open addressing with linear probing; filled once, then only read.
final class MergeTable: @unchecked Sendable {
  // Unchecked: written only while it is made.
  private struct Slot {
    var pair: UInt64
    var rank: UInt32
    var id: Int32
  }

  private static let empty = UInt64.max
  private let slots: UnsafeMutableBufferPointer<Slot>

  /// Takes merges in the order of their ranks; of a pair that is there twice the later holds.
  init(_ merges: [(left: Int32, right: Int32, id: Int32)]) {
    var slotCount = 64
    while slotCount < merges.count * 2 { slotCount *= 2 }
    slots = .allocate(capacity: slotCount)
    slots.initialize(repeating: Slot(pair: Self.empty, rank: 0, id: 0))
    for (rank, merge) in merges.enumerated() {
      let pair = Self.pair(merge.left, merge.right)
      slots[find(pair)] = Slot(
        pair: pair, rank: UInt32(truncatingIfNeeded: rank), id: merge.id)
    }
  }

  deinit { slots.deallocate() }

  /// What two neighbours become, or nil.
  @inline(__always)
  func merge(_ left: Int32, _ right: Int32) -> (rank: UInt32, id: Int32)? {
    let slot = slots[find(Self.pair(left, right))]
    return slot.pair == Self.empty ? nil : (slot.rank, slot.id)
  }

  /// Ids are never negative, so no pair is `empty`.
  @inline(__always)
  private static func pair(_ left: Int32, _ right: Int32) -> UInt64 {
    UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
  }

  @inline(__always)
  private func find(_ pair: UInt64) -> Int {
    let mask = slots.count - 1
    let product = pair.multipliedFullWidth(by: 0x9e37_79b9_7f4a_7c15)
    var index = Int(truncatingIfNeeded: product.high ^ product.low) & mask
    while slots[index].pair != pair, slots[index].pair != Self.empty { index = (index + 1) & mask }
    return index
  }
}
