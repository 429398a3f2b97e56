import Engine
import FoundationEssentials
import Operators
import Platform
import TestSupport
import Testing

@Suite struct PeaksStoreTests {
  private static let name = (Machine.processorName() ?? "processor") + ", 2 threads"

  private static func peaks(_ bandwidth: Double = 36e9) -> MachinePeaks {
    MachinePeaks(
      name: name, memoryBytes: 24e9, readBandwidth: bandwidth, fp32Rate: 230e9, bf16Rate: 470e9,
      int8Rate: 940e9, threads: 2, isMeasured: true,
      measurement: PeakMeasurement(spreads: [
        .init(limit: .readBandwidth, lower: 35e9, upper: 37e9, undisturbed: 40, slices: 50)
      ]))
  }

  private func store(_ folder: TemporaryFolder, now: Double = 1000) -> PeaksStore {
    var store = PeaksStore(folder: folder.path("cache"), threads: 2)
    store.now = { now }
    return store
  }

  @Test func keepsSpreadAndTimeAndTellsTheAge() throws {
    let folder = try TemporaryFolder()
    #expect(store(folder).read() == .nothing)
    let made = try store(folder).measure { Self.peaks() }
    #expect(made.measurement?.measuredAt == 1000 && made.measurement?.ageSeconds == 0)
    guard case .peaks(let kept) = store(folder, now: 8200).read() else {
      Issue.record("nothing was kept")
      return
    }
    #expect(kept.measurement?.ageSeconds == 7200)
    #expect(kept.measurement?[.readBandwidth]?.lower == 35e9)
    // A clock that was set back.
    guard case .peaks(let early) = store(folder, now: 10).read() else {
      Issue.record("nothing was kept")
      return
    }
    #expect(early.measurement?.ageSeconds == nil)
  }

  @Test func aFolderThatCannotBeWrittenIsTold() throws {
    let folder = try TemporaryFolder()
    try folder.file("cache", "")
    var said: [String] = []
    let found = try store(folder).measure(log: { said.append($0) }) { Self.peaks() }
    #expect(found.readBandwidth == 36e9)
    #expect(said.count == 1)
    #expect(said.first?.hasPrefix("What was measured cannot be kept: ") == true, "\(said)")
  }

  /// A host of two states: what the other one gave stays in the range that advice is looked at in.
  @Test func earlierMeasurementsAreRemembered() throws {
    let folder = try TemporaryFolder()
    for (time, bandwidth) in [(1.0, 66e9), (2, 36e9), (3, 37e9)] {
      _ = try store(folder, now: time).measure { Self.peaks(bandwidth) }
    }
    guard case .peaks(let kept) = store(folder, now: 4).read() else {
      Issue.record("nothing was kept")
      return
    }
    #expect(kept.readBandwidth == 37e9)
    #expect(kept.measurement?.earlier?.map(\.measuredAt) == [1, 2])
    let range = try #require(kept.range(of: .readBandwidth))
    #expect(range.upperBound == 66e9)
    #expect(abs(range.lowerBound - 37e9 * 0.9) < 1)
    #expect(kept.provenance.contains("2 before: reads 36.0 GB/s to 66.0 GB/s"))
    // Not more than are worth keeping.
    for time in 4...30 { _ = try store(folder, now: Double(time)).measure { Self.peaks() } }
    guard case .peaks(let many) = store(folder, now: 31).read() else { return }
    #expect(many.measurement?.earlier?.count == 16)
    #expect(many.range(of: .readBandwidth)?.upperBound ?? 0 < 66e9)
  }

  /// As the first version wrote it, which on a busy machine kept half of the rates.
  @Test func aFileWithoutSpreadCountsForNothing() throws {
    let folder = try TemporaryFolder()
    let kept = store(folder)
    try FileManager.default.createDirectory(
      atPath: folder.path("cache"), withIntermediateDirectories: true)
    try folder.file(
      "cache/peaks-2.json",
      """
      {"name":"\(Self.name)","memoryBytes":24e9,"readBandwidth":36e9,"fp32Rate":230e9,
       "bf16Rate":470e9,"int8Rate":940e9,"threads":2,"isMeasured":true}
      """)
    #expect(kept.read() == .nothing)
  }

  @Test func absurdFiguresAreRefusedWithWords() throws {
    let folder = try TemporaryFolder()
    let store = store(folder)
    try store.write(Self.peaks(38.6e6))
    guard case .refused(let reason) = store.read() else {
      Issue.record("taken")
      return
    }
    #expect(
      reason.hasSuffix("peaks-2.json: read bandwidth: expected at least 426 MB/s, found 38.6 MB/s"))
  }

  /// One bad measurement is taken again, and three of them are none.
  @Test func implausibleMeasurementsAreTakenAgain() throws {
    let folder = try TemporaryFolder()
    let store = store(folder)
    var results = [38.6e6, 36e9]
    var said: [String] = []
    let found = try store.measure(log: { said.append($0) }) {
      Self.peaks(results.removeFirst())
    }
    #expect(found.readBandwidth == 36e9 && said.count == 1)
    #expect(said.first?.contains("found 38.6 MB/s") == true)
    var tries = 0
    #expect(throws: EngineError.self) {
      try store.measure {
        tries += 1
        return Self.peaks(1e6)
      }
    }
    #expect(tries == 3)
    guard case .peaks(let kept) = store.read() else {
      Issue.record("what was kept is gone")
      return
    }
    #expect(kept.readBandwidth == 36e9)
  }

  /// What a crowded minute gave serves this run, and the next measures again.
  @Test func aDisturbedMeasurementIsNotKept() throws {
    let folder = try TemporaryFolder()
    let store = store(folder)
    let found = try store.measure {
      var peaks = Self.peaks()
      peaks.measurement = PeakMeasurement(spreads: [
        .init(limit: .readBandwidth, lower: 35e9, upper: 37e9, undisturbed: 2, slices: 500)
      ])
      return peaks
    }
    #expect(found.isDisturbed && store.read() == .nothing)
  }

  private struct Stopped: Error {}

  /// A probe that is interrupted leaves what there was, and nothing where there was nothing.
  @Test func aProbeThatIsInterruptedKeepsNothing() throws {
    let folder = try TemporaryFolder()
    let store = store(folder)
    #expect(throws: Stopped.self) { try store.measure { throw Stopped() } }
    #expect(store.read() == .nothing)
    #expect(try folder.names() == [])
    _ = try store.measure { Self.peaks() }
    #expect(throws: Stopped.self) { try store.measure { throw Stopped() } }
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: folder.path("cache")) == ["peaks-2.json"])
    guard case .peaks = store.read() else {
      Issue.record("what was kept is gone")
      return
    }
  }

  /// The job with `again` measures whatever is kept; without it takes what is there.
  @Test func theJobReallyMeasuresAgain() throws {
    let folder = try TemporaryFolder()
    let locator = ResourceLocator(
      environment: ["XDG_CACHE_HOME": folder.path("cache")], executable: nil)
    let store = PeaksStore(locator: locator, threads: 2)
    try store.write(Self.peaks(35.123e9))
    let laboratory = try Laboratory(threads: 2, locator: locator)
    #expect(try perform(laboratory, MachineJob()).readBandwidth == 35.123e9)
    let again = try perform(laboratory, MachineJob(again: true))
    #expect(again.readBandwidth != 35.123e9)
    let measured = try #require(again.measurement?.measuredAt)
    #expect(abs(measured - Date().timeIntervalSince1970) < 600)
    #expect(try perform(laboratory, MachineJob()) == again)
  }

  /// Requests of sessions that were recorded before there was an option.
  @Test func requestsWithoutOptionAreRead() throws {
    let request = try JSONDecoder().decode(
      JobRequest.self, from: Data(#"{"job":"machine"}"#.utf8))
    #expect(request.as(MachineJob.self)?.again == false)
  }
}
