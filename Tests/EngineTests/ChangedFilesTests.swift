import DemoModel
import Engine
import FoundationEssentials
import Glibc
import Platform
import Quantization
import TestSupport
import Testing

/// Weights that change while they are open end the job that reads them, by name, and never the program.
@Suite struct ChangedFilesTests {
  static func model(in folder: TemporaryFolder) throws -> String {
    let path = folder.path("model")
    try FileManager.default.copyItem(
      atPath: DemoModel(locator: ResourceLocator()).directory, toPath: path)
    return path
  }

  static func message(of ended: Ended?) -> String {
    guard case .failed(_, let message)? = ended?.event else {
      return "\(String(describing: ended))"
    }
    return message
  }

  @Test func replacedAndRewrittenFilesAreNamed() throws {
    let folder = try TemporaryFolder()
    let path = try Self.model(in: folder)
    let weights = path + "/model.safetensors"
    let laboratory = try Laboratory(threads: 1)
    _ = try perform(laboratory, LoadJob(path: path))
    let job = EvaluateJob(options: EvaluationOptions(windows: 1))
    _ = try perform(laboratory, job)

    let file = try MappedFile(path: weights)
    try WholeFile.write(file.read(at: 0, count: file.byteCount), to: weights)
    let replaced = #expect(throws: Ended.self) { try perform(laboratory, job) }
    #expect(
      Self.message(of: replaced).hasPrefix("\(weights) was replaced or removed after it was opened")
    )
    // Opened again all is well.
    _ = try perform(laboratory, LoadJob(path: path))
    _ = try perform(laboratory, job)
    #expect(
      utimensat(
        AT_FDCWD, weights, [timespec(tv_sec: 1, tv_nsec: 0), timespec(tv_sec: 1, tv_nsec: 0)], 0)
        == 0)
    let touched = #expect(throws: Ended.self) { try perform(laboratory, job) }
    #expect(Self.message(of: touched).hasPrefix("\(weights) was written to after it was opened"))
  }

  @Test func aFileCutOffUnderAJobEndsTheJob() async {
    await #expect(processExitsWith: .success) {
      let folder = try TemporaryFolder()
      let path = try ChangedFilesTests.model(in: folder)
      let weights = path + "/model.safetensors"
      let laboratory = try Laboratory(threads: 2)
      _ = try perform(laboratory, LoadJob(path: path))
      let ended = #expect(throws: Ended.self) {
        try perform(
          laboratory,
          QuantizeJob(
            recipe: Recipe(weights: MethodChoice(method: "rtn")),
            calibration: CalibrationOptions(samples: 4, length: 64), keeping: .nothing)
        ) { event in
          if case .progressed(_, let progress) = event, progress.done >= 1 {
            truncate(weights, 200_000)
          }
        }
      }
      let words = ChangedFilesTests.message(of: ended)
      #expect(words.contains("\(weights) changed after it was opened"))
      // The program goes on with another model.
      _ = try perform(laboratory, LoadJob(path: nil))
      _ = try perform(laboratory, EvaluateJob(options: EvaluationOptions(windows: 1)))
    }
  }
}
