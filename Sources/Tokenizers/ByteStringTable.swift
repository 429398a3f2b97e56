/// A hash table whose keys are byte strings, numbered in the order in which they came.
///
/// Keys are compared by bytes, never by `String` equality, which takes different spellings of one
/// accented letter for equal. Open addressing with linear probing; growing is the only way to change.
final class ByteStringTable {
  private struct Slot {
    var hash: UInt32
    /// The number of the key plus one; 0 for an empty slot.
    var number: UInt32
  }

  private var slots: UnsafeMutableBufferPointer<Slot>
  private var bytes: UnsafeMutableRawBufferPointer
  /// The end of each key in `bytes`; its start is the end of the one before.
  private var ends: UnsafeMutableBufferPointer<Int>
  /// How many keys there are.
  private(set) var count = 0

  init(expecting keys: Int = 0, bytes: Int = 0) {
    var slotCount = 64
    while slotCount < keys * 2 { slotCount *= 2 }
    slots = .allocate(capacity: slotCount)
    slots.initialize(repeating: Slot(hash: 0, number: 0))
    self.bytes = .allocate(byteCount: max(bytes, 256), alignment: 8)
    ends = .allocate(capacity: max(keys, 32))
  }

  deinit {
    slots.deallocate()
    bytes.deallocate()
    ends.deallocate()
  }

  /// Bytes of all keys together.
  var byteCount: Int { count == 0 ? 0 : ends[count - 1] }

  /// The key with this number, which must be below `count`; valid until the next insertion.
  subscript(number: Int) -> UnsafeRawBufferPointer {
    let start = number == 0 ? 0 : ends[number - 1]
    return UnsafeRawBufferPointer(rebasing: bytes[start..<ends[number]])
  }

  /// The number of `key`, or nil.
  @inline(__always)
  func number(of key: UnsafeRawBufferPointer) -> Int? {
    let hash = Self.hash(key)
    let slot = slots[find(key, hash)]
    return slot.number == 0 ? nil : Int(slot.number) - 1
  }

  /// The number of `key`, which is added when it is new.
  func insert(_ key: UnsafeRawBufferPointer) -> (number: Int, isNew: Bool) {
    let hash = Self.hash(key)
    let index = find(key, hash)
    if slots[index].number != 0 { return (Int(slots[index].number) - 1, false) }
    store(key)
    slots[index] = Slot(hash: hash, number: UInt32(count))
    if count * 2 > slots.count { rehash() }
    return (count - 1, true)
  }

  private func find(_ key: UnsafeRawBufferPointer, _ hash: UInt32) -> Int {
    let mask = slots.count - 1
    var index = Int(hash) & mask
    while slots[index].number != 0 {
      if slots[index].hash == hash, Self.equal(self[Int(slots[index].number) - 1], key) {
        return index
      }
      index = (index + 1) & mask
    }
    return index
  }

  private func store(_ key: UnsafeRawBufferPointer) {
    let start = byteCount
    if start + key.count > bytes.count {
      let larger = UnsafeMutableRawBufferPointer.allocate(
        byteCount: max(bytes.count * 2, start + key.count), alignment: 8)
      larger.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[..<start]))
      bytes.deallocate()
      bytes = larger
    }
    if count == ends.count {
      let larger = UnsafeMutableBufferPointer<Int>.allocate(capacity: ends.count * 2)
      _ = larger.update(fromContentsOf: ends[..<count])
      ends.deallocate()
      ends = larger
    }
    if !key.isEmpty {
      UnsafeMutableRawBufferPointer(rebasing: bytes[start..<start + key.count])
        .copyMemory(from: key)
    }
    ends[count] = start + key.count
    count += 1
  }

  private func rehash() {
    let larger = UnsafeMutableBufferPointer<Slot>.allocate(capacity: slots.count * 2)
    larger.initialize(repeating: Slot(hash: 0, number: 0))
    let mask = larger.count - 1
    for slot in slots where slot.number != 0 {
      var index = Int(slot.hash) & mask
      while larger[index].number != 0 { index = (index + 1) & mask }
      larger[index] = slot
    }
    slots.deallocate()
    slots = larger
  }

  @inline(__always)
  private static func equal(_ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer) -> Bool
  {
    guard left.count == right.count else { return false }
    for index in 0..<left.count where left[index] != right[index] { return false }
    return true
  }

  /// Eight bytes a step, multiplied and folded.
  @inline(__always)
  private static func hash(_ key: UnsafeRawBufferPointer) -> UInt32 {
    var state = 0x9e37_79b9_7f4a_7c15 ^ UInt64(truncatingIfNeeded: key.count)
    var position = 0
    while position + 8 <= key.count {
      let word = key.loadUnaligned(fromByteOffset: position, as: UInt64.self)
      state = mixed(state ^ word)
      position += 8
    }
    var rest: UInt64 = 0
    while position < key.count {
      rest = rest << 8 | UInt64(key[position])
      position += 1
    }
    state = mixed(state ^ rest)
    return UInt32(truncatingIfNeeded: state ^ state >> 32)
  }

  @inline(__always)
  private static func mixed(_ value: UInt64) -> UInt64 {
    let product = value.multipliedFullWidth(by: 0xd6e8_feb8_6659_fd93)
    return product.high ^ product.low
  }
}
