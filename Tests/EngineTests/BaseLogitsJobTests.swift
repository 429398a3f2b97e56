import Engine
import Evaluation
import FoundationEssentials
import Quantization
import TestSupport
import Testing

/// A model's logits written, and read as the baseline of another run.
@Suite(.serialized) struct BaseLogitsJobTests {
  private static func message(_ work: () throws -> Void) -> String {
    do {
      try work()
      return ""
    } catch let ended as Ended {
      if case .failed(_, let message) = ended.event { return message }
      return "\(ended)"
    } catch {
      return "\(error)"
    }
  }

  @Test func aRecordedBaselineGivesTheFiguresOfOneThatRuns() throws {
    let folder = try TemporaryFolder()
    let path = folder.path("base.bin")
    let laboratory = try Laboratory(threads: 2)
    _ = try perform(laboratory, LoadJob(path: nil))
    var options = EvaluationOptions(window: 64, windows: 4)
    options.logitsOut = path
    let plain = try perform(laboratory, EvaluateJob(options: options))
    #expect(plain.kl.mean == 0)
    _ = try perform(
      laboratory,
      QuantizeJob(
        recipe: RecipeText.recipe("weights=rtn:3:64"),
        calibration: CalibrationOptions(samples: 2, length: 64), keeping: .nothing))
    options.logitsOut = nil
    let run = try perform(laboratory, EvaluateJob(options: options))
    options.logits = path
    options.window = nil
    let recorded = try perform(laboratory, EvaluateJob(options: options))
    #expect(recorded.tokens == run.tokens && recorded.window == 64 && recorded.windows == 4)
    #expect(recorded.perplexity == run.perplexity)
    // Sixteen bits over 16 nats: a step of 0.00024.
    #expect(abs(recorded.baseline.perplexity / run.baseline.perplexity - 1) < 1e-4)
    #expect(abs(recorded.kl.mean - run.kl.mean) < 1e-4)
    #expect(abs(recorded.kl.p99 - run.kl.p99) < 1e-3)
    #expect(abs(recorded.topOneAgreement - run.topOneAgreement) < 0.02)
    #expect(recorded.baseline.name == "base.bin")
    #expect(recorded.conditions.words.contains("against base.bin"))
    // The same text by name, and fewer windows of it.
    options.windows = 2
    options.text = try folder.file("other.txt", "Once there was a dog who had a boat.")
    let other = Self.message { _ = try perform(laboratory, EvaluateJob(options: options)) }
    #expect(other.contains("base.bin, token"), "\(other)")
    #expect(other.contains("as in other.txt"), "\(other)")
    options.text = nil
    #expect(try perform(laboratory, EvaluateJob(options: options)).windows == 2)
    options.window = 128
    let window = Self.message { _ = try perform(laboratory, EvaluateJob(options: options)) }
    #expect(
      window.contains("its windows: expected 128 tokens, as asked for, found 64"), "\(window)")
    options.window = nil
    options.protocol = .paper
    let paper = Self.message { _ = try perform(laboratory, EvaluateJob(options: options)) }
    #expect(paper.contains("its protocol: expected paper, found llama.cpp"), "\(paper)")
    options.logits = nil
    options.logitsOut = folder.path("paper.bin")
    let unwritten = Self.message { _ = try perform(laboratory, EvaluateJob(options: options)) }
    #expect(unwritten.contains("second half of each window"), "\(unwritten)")
    #expect(!FileManager.default.fileExists(atPath: folder.path("paper.bin")))
  }

  /// Of another vocabulary, and of windows longer than the context; both are told before anything runs.
  @Test func whatDoesNotFitTheModelIsRefusedByName() throws {
    let folder = try TemporaryFolder()
    func file(window: Int, vocabulary: Int) throws -> String {
      var bytes = Array("_logits_".utf8)
      func put(_ value: Int) {
        withUnsafeBytes(of: Int32(value).littleEndian) { bytes.append(contentsOf: $0) }
      }
      for value in [window, vocabulary, 1] { put(value) }
      for _ in 0..<window { put(1) }
      let rows = (window - 1 - window / 2) * (8 + (vocabulary + 1) / 2 * 4)
      bytes += [UInt8](repeating: 0, count: rows)
      return try folder.file("w\(window)v\(vocabulary).bin", bytes)
    }
    let laboratory = try Laboratory(threads: 2)
    _ = try perform(laboratory, LoadJob(path: nil))
    for (window, vocabulary, words) in [
      (8, 2047, "its vocabulary: expected 2048 tokens"),
      (1026, 2048, "its windows: expected 1024 tokens at most"),
    ] {
      let options = EvaluationOptions(logits: try file(window: window, vocabulary: vocabulary))
      let found = Self.message { _ = try perform(laboratory, EvaluateJob(options: options)) }
      #expect(found.contains(words), "\(found)")
    }
    let gone = EvaluationOptions(logits: folder.path("none.bin"))
    let found = Self.message { _ = try perform(laboratory, EvaluateJob(options: gone)) }
    #expect(found.contains("none.bin"))
  }
}
