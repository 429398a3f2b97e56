import Engine
import Operators
import Profiling
import Testing

/// A profile above the roofs of its machine.
@Suite struct RoofContradictionTests {
  private static let peaks = MachinePeaks(
    name: "m", memoryBytes: 24e9, readBandwidth: 30e9, fp32Rate: 200e9, bf16Rate: 400e9,
    int8Rate: 800e9, threads: 2, isMeasured: true)

  private func row(
    seconds: Double, bytes: Double, operations: Double, kernel: String = "bf16_avx512"
  ) -> LayerProfile.Row {
    LayerProfile.Row(
      block: 0, name: "q_proj", operator: "linear", kernel: kernel, calls: 10, seconds: seconds,
      bytes: bytes, operations: operations, bandwidthShare: 0, rateShare: 0, bound: .overhead)
  }

  private func found(_ row: LayerProfile.Row, cacheBytes: Int = 1 << 20) -> RoofContradiction? {
    RoofContradiction(
      [LayerProfile(prefill: [], decode: [row])], peaks: Self.peaks, cacheBytes: cacheBytes)
  }

  @Test func belowTheRoofsThereIsNone() {
    #expect(found(row(seconds: 1, bytes: 29e9, operations: 150e9)) == nil)
    // A little above is the clock.
    #expect(found(row(seconds: 1, bytes: 31e9, operations: 150e9)) == nil)
  }

  @Test func readingFasterThanThePeakIsOne() throws {
    let contradiction = try #require(found(row(seconds: 1, bytes: 41e9, operations: 1e9)))
    #expect(contradiction.limit == .readBandwidth)
    #expect(
      contradiction.words
        == "the profile reached 41.0 GB/s in reading, 137 % of the peak that was kept (30.0 GB/s)")
    // What lies in the processor's caches may be read as fast as it likes.
    #expect(found(row(seconds: 1, bytes: 41e9, operations: 1e9), cacheBytes: 4 << 30) == nil)
  }

  @Test func multiplyingFasterThanThePeakIsOne() throws {
    let contradiction = try #require(
      found(row(seconds: 1, bytes: 1e9, operations: 260e9, kernel: "f32_f32_avx512")))
    #expect(contradiction.limit == .fp32)
    #expect(contradiction.words.contains("260 GFLOP/s in FP32 arithmetic, 130 %"))
  }

  @Test(arguments: [
    ("linear_q8_0_int16g32_avx512", MachineLimit.int16), ("linear_q6_k_int8g32_avx2", .int8),
    ("linear_q4_k_bf16_generic", .bf16),
  ])
  func blocksOfFilesAreHeldAgainstTheUnitOfTheirInputs(kernel: String, unit: MachineLimit) {
    #expect(KernelRecord.unit(of: kernel) == unit)
    // 390 GFLOP/s are more than FP32 gives here, and not more than INT16, which is half of INT8 where it was not measured.
    let row = row(seconds: 1, bytes: 1e9, operations: 390e9, kernel: kernel)
    #expect(found(row) == nil)
  }

  @Test func rowsAreHeldAgainstOtherPeaks() {
    let profile = LayerProfile(
      prefill: [], decode: [row(seconds: 1, bytes: 27e9, operations: 1e9)])
    var peaks = Self.peaks
    let before = profile.held(against: peaks).decode[0]
    #expect(abs(before.bandwidthShare - 0.9) < 1e-12 && before.bound == .memory)
    peaks.readBandwidth = 60e9
    let after = profile.held(against: peaks).decode[0]
    #expect(abs(after.bandwidthShare - 0.45) < 1e-12 && after.bound == .overhead)
  }

  @Test func ratesSayTheirQuartiles() {
    let rate = BenchReport.Rate([10, 12, 11, 30, 9])
    #expect(rate.tokensPerSecond == 11 && rate.lower == 10 && rate.upper == 12)
    #expect(rate.lowest == 9 && rate.highest == 30 && rate.repetitions == 5)
    #expect(rate.words == "11.0 (10.0 to 12.0)")
    #expect(BenchReport.Rate([10]).words == "10.0")
    #expect(
      BenchReport.Rate(tokensPerSecond: 5, lowest: 4, highest: 6).words == "5.00")
  }

  @Test func aBusyMachineIsTold() {
    #expect(MachineShare.note(nil) == nil && MachineShare.note(0.05) == nil)
    #expect(
      MachineShare.note(1.34)?.hasPrefix("The machine was busy: others had 1.3 of its cores")
        == true)
  }
}
