import Engine
import Evaluation
import FoundationEssentials
import Models
import Platform
import Quantization
import Synchronization
import TestSupport
import Testing

@testable import Engine

/// Jobs that measure for long: ended early they give what they have, and resumed they come to the same figures.
@Suite(.serialized) struct KeptMeasuresTests {
  /// A laboratory whose data folder is this one.
  private func laboratory(_ folder: TemporaryFolder) throws -> Laboratory {
    let locator = ResourceLocator(
      environment: ProcessInfo.processInfo.environment.merging(
        ["XDG_DATA_HOME": folder.path + "/data"]
      ) { $1 },
      executable: try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe"))
    let laboratory = try Laboratory(
      threads: 2, workspace: Workspace(directory: folder.path + "/runs"), locator: locator)
    _ = try perform(laboratory, LoadJob(path: nil))
    return laboratory
  }

  private func files(_ folder: TemporaryFolder) -> [String] {
    let path = folder.path + "/data/nibble/unfinished"
    return ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).map {
      path + "/" + $0
    }
  }

  /// Ends the job where it has come to each of some points, resumes it, and compares with a run that was not ended.
  private func check<Kind: Job>(
    _ job: Kind, stops: [(phase: String, done: Int)],
    _ figures: (Kind.Report) throws -> some Equatable
  ) throws {
    let folder = try TemporaryFolder()
    let laboratory = try laboratory(folder)
    let straight = try figures(try perform(laboratory, job))
    #expect(files(folder).isEmpty, "a run that has finished keeps nothing")
    for stop in stops {
      let parts = Mutex(0)
      let said = Mutex("")
      let control = JobControl()
      let outcome = laboratory.run(
        job, id: JobID(number: 1), control: control, resuming: .whenKept
      ) { event in
        switch event {
        case .part: parts.withLock { $0 += 1 }
        case .log(_, let text): if text.hasPrefix("Done: ") { said.withLock { $0 = text } }
        case .progressed(_, let progress):
          if progress.phase.contains(stop.phase), progress.done >= stop.done { control.cancel() }
        default: break
        }
      }
      guard case .cancelled = outcome else {
        Issue.record("\(stop): expected the job to be cancelled, found \(outcome)")
        continue
      }
      #expect(files(folder).count == 1)
      #expect(said.withLock { $0 }.contains("still to do: "), "\(stop): \(said.withLock { $0 })")
      #expect(parts.withLock { $0 } > 0, "\(stop): what was measured is told")
    }
    let resumed = try figures(try perform(laboratory, job, resuming: .required))
    #expect(resumed == straight)
    #expect(files(folder).isEmpty)
  }

  @Test func cachesComeToTheSameFigures() throws {
    let options = CacheOptions(
      caches: try ["int8", "int4"].map(RecipeText.cache), depth: 64, tokens: 48, windows: 2,
      mapWindows: 1, generate: 8, recallDocuments: 1)
    try check(
      CachesJob(options: options),
      stops: [("decoding", 60), ("errors", 7), (": continuing", 5)]
    ) { report in
      report.rows.map { row in
        var row = row
        // What the system counts is not the same twice.
        row.resident = nil
        return row
      }
    }
  }

  @Test func budgetsComeToTheSameFigures() throws {
    let job = AllocateJob(
      recipe: RecipeText.scheme("W4A16") ?? .baseline,
      calibration: CalibrationOptions(samples: 2, length: 64), budget: .bits(4.5), windows: 2)
    try check(job, stops: [("2 bits: KL", 5), ("3 bits: KL", 60), ("mixed bits", 0)]) { report in
      var report = report
      report.seconds = 0
      return report
    }
  }

  @Test func kernelsComeToTheSameFigures() throws {
    let options = KernelOptions(
      tokens: 12, decoded: 4, forms: ["BF16", "W8A16", "W8A8", "cache int8", "cache fp16"])
    try check(KernelsJob(options: options), stops: [("W8A16", 1), ("W8A8", 2), ("cache FP16", 4)]) {
      $0.rows
    }
  }

  @Test func theLabComesToTheSameFigures() throws {
    let options = OutlierLabOptions(
      factors: [1, 8], windows: 2, isQuick: true,
      calibration: CalibrationOptions(samples: 2, length: 64))
    try check(OutlierLabJob(options: options), stops: [("x1: ", 2), ("x1: ", 9), ("x8: ", 14)]) {
      $0.sides
    }
  }

  /// What is damaged costs that measurement and is told; another run's file is not read.
  @Test func aDamagedLineIsMeasuredAgain() throws {
    let folder = try TemporaryFolder()
    let said = Mutex<[String]>([])
    func open(_ resuming: Resuming, _ value: String = "a") throws -> KeptMeasures {
      try KeptMeasures(
        job: "j", facts: [.init("option", value)], folder: folder.path, resuming: resuming,
        tell: { text in said.withLock { $0.append(text) } })
    }
    let missing = #expect(throws: EngineError.self) { try open(.required) }
    #expect(missing.map { "\($0)".hasPrefix("there is nothing to resume: expected ") } == true)
    var kept: KeptMeasures? = try open(.never)
    let path = try #require(kept?.path)
    kept?.plan(["one", "two", "three"])
    #expect(try kept?.measured("one") { 0.1 + 0.2 } == 0.1 + 0.2)
    #expect(try kept?.measured("two") { Double.infinity } == .infinity)
    #expect(throws: CancellationError.self) { try kept?.during { throw CancellationError() } }
    #expect(
      said.withLock { $0.last }
        == "Done: 2 of 3, still to do: three. It is kept in \(path); a run with the same settings that resumes goes on "
        + "from there.")
    kept = nil
    kept = try open(.required)
    #expect(try kept?.measured("one") { -1.0 } == 0.1 + 0.2)
    #expect(try kept?.measured("two") { -1.0 } == .infinity)
    kept = nil
    var bytes = try [UInt8](#require(FileManager.default.contents(atPath: path)))
    let digit = try #require(
      bytes.lastIndex(of: UInt8(ascii: "f")), "the value of the second measurement")
    bytes[digit] = UInt8(ascii: "g")
    try WholeFile.write(bytes, to: path)
    kept = try open(.required)
    #expect(
      said.withLock { $0.last } == "\(path), line 3, is damaged; what it held is measured again.")
    #expect(try kept?.measured("one") { -1.0 } == 0.1 + 0.2)
    #expect(try kept?.measured("two") { -1.0 } == -1)
    kept = nil
    #expect(try open(.whenKept, "b").measured("one") { 5 } == 5, "another option, another file")
  }

  /// A file that is not taken away when the job is done would be where the next one begins.
  @Test func aFileThatStaysIsTold() throws {
    let folder = try TemporaryFolder()
    let said = Mutex<[String]>([])
    let kept = try KeptMeasures(
      job: "j", facts: [], folder: folder.path, resuming: .never,
      tell: { text in said.withLock { $0.append(text) } })
    let path = try #require(kept.path)
    try FileManager.default.removeItem(atPath: path)
    #expect(try kept.during { 2 } == 2)
    #expect(said.withLock { $0.last }?.hasPrefix("\(path) is done with") == true)
  }

  /// Where nothing can be written the job goes on, and says so.
  @Test func aFolderThatCannotBeWrittenIsTold() throws {
    let folder = try TemporaryFolder()
    try folder.file("file", "")
    let said = Mutex<[String]>([])
    let kept = try KeptMeasures(
      job: "j", facts: [], folder: folder.path + "/file", resuming: .never,
      tell: { text in said.withLock { $0.append(text) } })
    #expect(said.withLock { $0.first }?.hasPrefix("What is measured cannot be kept: ") == true)
    #expect(try kept.measured("one") { 1 } == 1)
    #expect(try kept.during { 2 } == 2)
  }
}
