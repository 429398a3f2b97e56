import Platform
import Testing

@Suite struct ChecksumTests {
  /// Any one bit, at any place, of lengths around a stripe.
  @Test(arguments: [1, 7, 31, 32, 33, 100])
  func everyFlippedBitIsSeen(count: Int) {
    let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 * 37) }
    let whole = Checksum(bytes)
    for index in 0..<count {
      for bit in 0..<8 {
        var changed = bytes
        changed[index] ^= 1 << bit
        #expect(Checksum(changed) != whole)
      }
    }
  }

  @Test func lengthAndOrderCount() {
    #expect(Checksum([0]) != Checksum([0, 0]))
    #expect(Checksum([]) != Checksum([0]))
    let one = [UInt8](repeating: 1, count: 32) + [UInt8](repeating: 2, count: 32)
    #expect(Checksum(one) != Checksum(Array(one.reversed())))
    #expect(Checksum(Array("kept".utf8)).description.count == 16)
  }
}
