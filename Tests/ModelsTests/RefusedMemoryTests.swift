import Models
import Operators
import Platform
import Testing

/// Memory that the system refuses is an error with its bytes, and what asked goes on with less.
@Suite struct RefusedMemoryTests {
  @Test func scratchAndStreams() throws {
    let context = try makeContext()
    let refused = #expect(throws: PlatformError.self) {
      try context.floats(slot: 0, count: 1 << 58)
    }
    guard case .memoryRefused(1_152_921_504_606_846_976, _)? = refused else {
      Issue.record("\(String(describing: refused))")
      return
    }
    let words = "\(PlatformError.memoryRefused(bytes: 4096, code: 12))"
    #expect(words.hasPrefix("expected 4096 bytes of memory, the system refused: "))
    let numbers = try context.floats(slot: 0, count: 16)
    numbers[15] = 1
    #expect(throws: PlatformError.self) { try HiddenStates(tokens: 1 << 40, width: 1 << 15) }
    #expect(try HiddenStates(tokens: 2, width: 3).values(token: 1) == [0, 0, 0])
  }

  @Test func theHeap() throws {
    for count in [Int.max / 8, Int.max / 4, Int.max] {
      #expect(throws: PlatformError.self) { try HeapMemory.floats(count) }
    }
    #expect(throws: PlatformError.self) { try HeapMemory.take(-1) }
    let memory = try HeapMemory.take(0)
    #expect(Int(bitPattern: memory) % 64 == 0)
    memory.deallocate()
  }
}
