import Platform
import Testing

/// Memory that may be refused is looked at before arrays take it.
@Suite struct HeapMemoryTests {
  @Test func whatFitsIsNotHeld() throws {
    try HeapMemory.expect(0)
    try HeapMemory.expect(-1)
    try HeapMemory.expect(64 << 20)
    // More than a machine has, if each were held.
    for _ in 0..<4096 { try HeapMemory.expect(1 << 28, of: 4) }
  }

  @Test(arguments: [(1 << 50, 1, 1 << 50), (1 << 47, 8, 1 << 50), (1 << 62, 8, Int.max)])
  func whatNobodyHasIsRefusedWithItsBytes(count: Int, bytes: Int, told: Int) {
    let error = #expect(throws: PlatformError.self) { try HeapMemory.expect(count, of: bytes) }
    guard case .memoryRefused(let found, _)? = error else {
      Issue.record("expected refused memory, found \(String(describing: error))")
      return
    }
    #expect(found == told)
  }
}
