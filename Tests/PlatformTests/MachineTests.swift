import Platform
import Testing

@Suite struct MachineTests {
  @Test func factsFit() throws {
    #expect(Machine.logicalCores >= 1)
    #expect((1...Machine.logicalCores).contains(Machine.usableCores))
    let total = try #require(Machine.memoryTotal())
    let available = try #require(Machine.memoryAvailable())
    #expect(available > 0 && available <= total)
    let peak = try #require(Machine.peakResidentBytes())
    let resident = try #require(Machine.residentBytes())
    #expect(resident > 1 << 20 && resident <= total)
    #expect(peak > 1 << 20 && peak <= total)
    #expect(Machine.processorName() != "")
  }

  @Test func clocksDoNotGoBack() {
    var last = Machine.seconds()
    let preempted = Machine.preemptions()
    for _ in 0..<1000 {
      let now = Machine.seconds()
      #expect(now >= last)
      last = now
    }
    #expect(Machine.processorSeconds() > 0)
    #expect(Machine.preemptions() >= preempted)
  }

  @Test func peakFollowsMemory() throws {
    let before = try #require(Machine.peakResidentBytes())
    let buffer = try HugeBuffer(byteCount: 64 << 20)
    for offset in stride(from: 0, to: buffer.bytes.count, by: 4096) { buffer.bytes[offset] = 1 }
    let resident = try #require(Machine.residentBytes())
    #expect(resident >= 64 << 20)
    #expect(try #require(Machine.peakResidentBytes()) >= max(before, 64 << 20))
  }
}
