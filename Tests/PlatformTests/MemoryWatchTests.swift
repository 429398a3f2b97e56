import Platform
import Testing

@Suite struct MemoryWatchTests {
  /// Memory that is touched counts, and stays the peak once it is given back.
  ///
  /// What is watched is a whole process, so this is done in one of its own: other tests give back memory at the same time.
  @Test func seesWhatIsTakenAndGivenBack() async {
    await #expect(processExitsWith: .success) {
      let watch = try #require(MemoryWatch())
      let taken = 96 << 20
      do {
        let buffer = try HugeBuffer(byteCount: taken)
        buffer.bytes.initializeMemory(as: UInt8.self, repeating: 3)
        #expect(watch.peakBytes >= taken * 9 / 10)
      }
      #expect(watch.peakBytes >= taken * 9 / 10)
    }
  }
}
