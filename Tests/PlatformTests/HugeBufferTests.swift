import Platform
import Testing

@Suite struct HugeBufferTests {
  @Test(arguments: [0, 1, 4096, HugeBuffer.pageBytes, HugeBuffer.pageBytes + 1, 9_000_000])
  func givesZeroedAlignedMemory(count: Int) throws {
    let buffer = try HugeBuffer(byteCount: count)
    #expect(buffer.bytes.count == count)
    #expect(buffer.reservedBytes % HugeBuffer.pageBytes == 0)
    #expect(buffer.reservedBytes >= max(count, 1))
    #expect(buffer.reservedBytes - count <= HugeBuffer.pageBytes)
    let address = UInt(bitPattern: buffer.bytes.baseAddress)
    #expect(address % UInt(HugeBuffer.pageBytes) == 0)
    #expect(buffer.bytes.allSatisfy { $0 == 0 })
    if count > 0 {
      buffer.bytes[0] = 1
      buffer.bytes[count - 1] = 2
      #expect(buffer.bytes[count - 1] == 2)
    }
  }

  @Test(arguments: [-1, 1 << 50, Int.max])
  func refusalIsAnError(count: Int) {
    let error = #expect(throws: PlatformError.self) { try HugeBuffer(byteCount: count) }
    guard case .memoryRefused(count, _) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
  }
}
