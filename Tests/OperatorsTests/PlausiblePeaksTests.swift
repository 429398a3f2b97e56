import Operators
import Platform
import Testing
import Wording

@Suite struct PlausiblePeaksTests {
  private static let good = MachinePeaks(
    name: "two cores", memoryBytes: 24e9, readBandwidth: 36e9, fp32Rate: 230e9, bf16Rate: 470e9,
    int8Rate: 940e9, threads: 2, isMeasured: true)

  private func problem(_ change: (inout MachinePeaks) -> Void) -> String? {
    var peaks = Self.good
    change(&peaks)
    return PlausiblePeaks.problem(of: peaks).map { "\($0)" }
  }

  @Test func whatMachinesDoIsTaken() {
    #expect(problem { _ in } == nil)
    // A board with one slow channel, and a rack of accelerators.
    #expect(
      problem {
        $0.readBandwidth = 2e9
        ($0.fp32Rate, $0.bf16Rate, $0.int8Rate) = (8e9, 8e9, 16e9)
      } == nil)
    #expect(
      problem {
        ($0.readBandwidth, $0.fp32Rate, $0.bf16Rate) = (576e12, 5.7e15, 180e15)
        ($0.int8Rate, $0.fp8Rate) = (360e15, 360e15)
      } == nil)
  }

  /// One bad slice was 38.6 MB/s once.
  @Test func oneBadSliceIsRefusedByName() {
    #expect(
      problem { $0.readBandwidth = 38.6e6 }
        == "read bandwidth: expected at least 426 MB/s, found 38.6 MB/s")
    #expect(
      problem { $0.readBandwidth = 0 }?.hasPrefix("read bandwidth: expected at least") == true)
    #expect(problem { $0.readBandwidth = .nan }?.hasPrefix("read bandwidth") == true)
    #expect(problem { $0.readBandwidth = .infinity }?.contains("at most") == true)
    #expect(problem { $0.bf16Rate = -1 }?.hasPrefix("BF16 rate: expected at least") == true)
  }

  /// A rate in gigaflops where teraflops were meant, and the other way round.
  @Test func mistakenUnitsAreRefused() {
    #expect(problem { $0.fp32Rate *= 1e6 }?.hasPrefix("FP32 rate: expected") == true)
    #expect(problem { $0.int8Rate *= 2e3 }?.contains("next to an FP32 rate of 230 GFLOP/s") == true)
    #expect(problem { $0.bf16Rate /= 1e3 }?.hasPrefix("BF16 rate: expected") == true)
    #expect(problem { $0.readBandwidth *= 1e4 }?.contains("next to a bandwidth of") == true)
    #expect(problem { $0.memoryBytes = 24 }?.hasPrefix("memory: expected at least") == true)
  }

  /// Where a limit may lie: the quartiles, and a tenth either way at the least.
  @Test func rangesCoverTheSpread() throws {
    var peaks = Self.good
    let narrow = try #require(peaks.range(of: .readBandwidth))
    #expect(abs(narrow.lowerBound - 32.4e9) < 1 && abs(narrow.upperBound - 39.6e9) < 1)
    peaks.measurement = PeakMeasurement(spreads: [
      .init(limit: .readBandwidth, lower: 20e9, upper: 37e9, undisturbed: 40, slices: 90)
    ])
    let wide = try #require(peaks.range(of: .readBandwidth))
    #expect(wide.lowerBound == 20e9 && abs(wide.upperBound - 39.6e9) < 1)
    peaks.isMeasured = false
    #expect(peaks.range(of: .readBandwidth) == nil)
  }

  @Test func agesAreSaidInWords() {
    #expect(Quantity.ago(12) == "just now")
    #expect(Quantity.ago(600) == "10 min ago")
    #expect(Quantity.ago(7200) == "2 h ago")
    #expect(Quantity.ago(5 * 86400) == "5 days ago")
  }

  private struct Stopped: Error {}

  @Test func aProbeKeepsItsSpreadAndCanBeStopped() throws {
    let probe = MachineProbe(pool: WorkerPool(threads: 2))
    let peaks = try probe.measure(seconds: 0.05)
    #expect(PlausiblePeaks.problem(of: peaks) == nil)
    let measurement = try #require(peaks.measurement)
    for limit in MachineLimit.all {
      let spread = try #require(measurement[limit])
      #expect(spread.lower <= peaks[limit] && peaks[limit] <= spread.upper)
      #expect(spread.slices >= spread.undisturbed && spread.slices > 0)
    }
    var left = 2
    #expect(throws: Stopped.self) {
      try probe.measure(seconds: 60) {
        left -= 1
        if left == 0 { throw Stopped() }
      }
    }
  }
}
