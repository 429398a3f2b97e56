import Engine
import Operators
import Profiling
import TestSupport
import Testing

/// What a phase reached of the machine's limits in the same seconds.
@Suite struct LimitShareTests {
  private static func limits(_ read: Double) -> MachinePeaks {
    MachinePeaks(
      name: "", memoryBytes: 0, readBandwidth: read, fp32Rate: 1e12, bf16Rate: 1e12, int8Rate: 4e12,
      threads: 2, isMeasured: true)
  }

  private static func kernel(_ bytes: Double, _ operations: Double) -> KernelRecord {
    KernelRecord(
      operator: "attention FP16", kernel: "attention_avx512", native: true, reason: nil, calls: 1,
      bytes: bytes, operations: operations, seconds: 1)
  }

  /// Each kernel waits for the longer of reading and multiplying; the phase for the sum of them.
  @Test func kernelsAreHeldAgainstTheLimitsNextToThem() throws {
    let kernels = [Self.kernel(30e9, 1e9), Self.kernel(1e9, 0.5e12)]
    // 1 s of reading and 0.5 s of multiplying in 2 s; then at half the bandwidth 2 s and 0.5 s in 2.5 s.
    let share = try #require(
      LimitShare(
        kernels, rounds: [(2, Self.limits(30e9)), (2.5, Self.limits(15e9)), (3, Self.limits(30e9))])
    )
    #expect(share.limit == .readBandwidth)
    #expect(abs(share.share - 0.75) < 1e-9)
    #expect(share.limitRate == 30e9)
    #expect(share.lower < share.share && share.share < share.upper)
    #expect(share.words.hasPrefix("75 % ("))
    #expect(!share.words.contains("caches"))
    #expect(LimitShare([], rounds: [(1, Self.limits(1))]) == nil)
    #expect(LimitShare(kernels, rounds: []) == nil)
    let small = try #require(LimitShare(kernels, rounds: [(1, Self.limits(30e9))]))
    #expect(small.words.contains("caches"), "what is faster than memory lies nearer")
    #expect(
      small.words.hasPrefix("150 % of what"), "one repetition has no quartiles: \(small.words)")
  }

  @Test func benchTellsBothPhasesOfBothSides() throws {
    let laboratory = try Laboratory(threads: 2)
    _ = try perform(laboratory, LoadJob(path: nil))
    let report = try perform(
      laboratory, BenchJob(options: BenchOptions(prompt: 64, generate: 4, repetitions: 2)))
    for side in [report.quantized, try #require(report.baseline)] {
      for limit in [side.prefillLimit, side.decodeLimit] {
        let limit = try #require(limit)
        #expect(limit.share > 0 && limit.limitRate > 0)
        #expect(limit.lower <= limit.share && limit.share <= limit.upper)
      }
    }
  }
}
