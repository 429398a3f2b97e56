import Engine
import Evaluation
import FoundationEssentials
import Operators
import Platform
import Quantization
import Synchronization
import TestSupport
import Testing

/// What the baseline said of a text, kept for the next recipe.
@Suite(.serialized) struct KeptBaselineTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func laboratory(
    least: Double = 0, provider: ExecutionProvider? = nil, weights: String = "weights=rtn:4:64"
  ) throws -> Laboratory {
    let locator = ResourceLocator(
      environment: ProcessInfo.processInfo.environment.merging(
        ["XDG_DATA_HOME": folder.path + "/data", "XDG_CACHE_HOME": folder.path + "/cache"]
      ) { $1 },
      executable: try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe"))
    let laboratory = try Laboratory(
      threads: 2, provider: provider, workspace: Workspace(directory: folder.path + "/runs"),
      locator: locator, leastKeptWork: least)
    _ = try perform(laboratory, LoadJob(path: nil))
    _ = try perform(
      laboratory,
      QuantizeJob(
        recipe: RecipeText.recipe(weights),
        calibration: CalibrationOptions(samples: 2, length: 64), keeping: .nothing))
    return laboratory
  }

  private func files(_ suffix: String = ".ends") -> [String] {
    let path = folder.path + "/cache/nibble/baselines"
    return ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? [])
      .filter { $0.hasSuffix(suffix) }.sorted().map { path + "/" + $0 }
  }

  /// Quality, and what was logged on the way.
  private func evaluate(
    _ laboratory: Laboratory,
    _ options: EvaluationOptions = EvaluationOptions(window: 64, windows: 3),
    stopping: Int? = nil
  ) throws -> (report: EvaluationReport, log: [String]) {
    let log = Mutex<[String]>([])
    var report = try perform(laboratory, EvaluateJob(options: options), stopping: stopping) {
      event in
      if case .log(_, let text) = event { log.withLock { $0.append(text) } }
    }
    report.seconds = 0
    return (report, log.withLock { $0 })
  }

  @Test func anotherProcessFindsTheSameFigures() throws {
    let first = try evaluate(laboratory())
    #expect(files().count == 1 && files(".noise").count == 1)
    let bytes = FileManager.default.contents(atPath: files()[0])
    let second = try evaluate(laboratory())
    #expect(second.report == first.report)
    #expect(second.log == first.log)
    #expect(FileManager.default.contents(atPath: files()[0]) == bytes)
    // Another recipe is held against the same file.
    let other = try evaluate(laboratory(weights: "weights=rtn:3:64"))
    #expect(other.report.baseline == first.report.baseline)
    #expect(other.report.kl.mean > first.report.kl.mean)
    #expect(files().count == 1)
  }

  /// Both protocols, and what is kept of one never stands for the other.
  @Test func othersHaveFilesOfTheirOwn() throws {
    let plain = try evaluate(laboratory())
    for options in [
      EvaluationOptions(protocol: .paper, window: 64, windows: 3),
      EvaluationOptions(window: 64, windows: 2), EvaluationOptions(window: 32, windows: 3),
      EvaluationOptions(window: 64, windows: 3, baseline: .f32),
    ] {
      let before = files().count
      let fresh = try evaluate(laboratory(), options)
      #expect(files().count == before + 1, "\(options)")
      #expect(try evaluate(laboratory(), options).report == fresh.report, "\(options)")
    }
    let before = files().count
    _ = try evaluate(laboratory(provider: .generic))
    #expect(files().count == before + 1)
    #expect(try evaluate(laboratory()).report == plain.report)
  }

  @Test func aDamagedFileIsToldAndMadeAgain() throws {
    let first = try evaluate(laboratory())
    let path = files()[0]
    let whole = [UInt8](try #require(FileManager.default.contents(atPath: path)))
    for place in [2, whole.count / 2, whole.count - 1] {
      var bytes = whole
      bytes[place] ^= 1
      try WholeFile.write(bytes, to: path)
      let again = try evaluate(laboratory())
      #expect(again.report == first.report, "byte \(place)")
      #expect(
        again.log.contains { $0.contains(path) && $0.contains("runs again") }, "byte \(place)")
      #expect(try evaluate(laboratory()).report == first.report)
      #expect(files() == [path], "byte \(place)")
      #expect(FileManager.default.contents(atPath: path).map([UInt8].init) == whole)
    }
    try WholeFile.write(Array(whole.prefix(whole.count / 2)), to: path)
    #expect(try evaluate(laboratory()).report == first.report)
    #expect(FileManager.default.contents(atPath: path).map([UInt8].init) == whole)
  }

  @Test func anEarlyEndKeepsNothing() throws {
    #expect(throws: Ended.self) { try evaluate(laboratory(), stopping: 1) }
    #expect(files().isEmpty)
    // Short work is done again sooner than it is read.
    _ = try evaluate(laboratory(least: .infinity))
    #expect(files().isEmpty)
  }
}
