import Engine
import Evaluation
import FoundationEssentials
import Models
import Quantization
import Synchronization
import TestSupport
import Testing
import Wording

@testable import Engine

/// Comparing caches as a job, on the built-in model.
@Suite(.serialized) struct CacheReportTests {
  private func laboratory() throws -> Laboratory {
    let laboratory = try Laboratory(threads: 2)
    _ = try perform(laboratory, LoadJob(path: nil))
    return laboratory
  }

  private func compare(
    _ laboratory: Laboratory, _ options: CacheOptions,
    emit: @escaping @Sendable (JobEvent) -> Void = { _ in }
  ) throws -> CacheReport {
    let report = try perform(
      laboratory, CachesJob(options: options), emit: emit)
    return report
  }

  private static func options(_ caches: [String], windows: Int = 2) throws -> CacheOptions {
    CacheOptions(
      caches: try caches.map(RecipeText.cache), depth: 128, tokens: 160, windows: windows,
      mapWindows: 1, generate: 24, recallDocuments: 2)
  }

  @Test func fp16HasNoErrorAndFewerBitsHaveMore() throws {
    let laboratory = try laboratory()
    let streamed = Mutex<[String]>([])
    let report = try compare(
      laboratory, Self.options(["fp16", "int8", "int4", "int8/int4", "fp16/int4"])
    ) { event in
      guard case .part(_, let part) = event, let part = part.value as? CachesJob.Part else {
        return
      }
      streamed.withLock { $0.append(part.row.name) }
    }
    #expect(streamed.withLock { $0 } == report.rows.map(\.name))
    #expect(report.rows.count == 6 && report.rows[0].isReference)
    let (first, same) = (report.rows[0], report.rows[1])
    #expect(same.kl.mean == 0 && same.kl.max == 0 && same.topOne.mean == 1)
    #expect(same.divergence.sameShare == 1 && same.divergence.median == nil)
    #expect(!same.map.both.joined().isEmpty)
    #expect(same.map.both.flatMap { $0 }.allSatisfy { $0 == 0 })
    #expect(same.perplexity == first.perplexity && same.klToBaseline == nil)
    #expect(first.perplexity.mean > 1 && first.perplexity.error > 0)
    let (int8, int4, mixed, values) = (
      report.rows[2], report.rows[3], report.rows[4], report.rows[5]
    )
    #expect(int8.kl.mean > 0, "every score reads the cache")
    #expect(int4.kl.mean > 10 * int8.kl.mean)
    #expect(int8.kl.mean < mixed.kl.mean && mixed.kl.mean < int4.kl.mean)
    #expect(int4.map.mean(.keys) > 5 * int8.map.mean(.keys))
    #expect(mixed.map.keys == int8.map.keys && mixed.map.values == int4.map.values)
    #expect(values.map.keys.flatMap { $0 }.allSatisfy { $0 == 0 }, "keys stay FP16")
    #expect(int4.map.keys.count == 8 && int4.map.keys[0].count == 2)
    #expect(first.bytesPerToken == 4096)
    #expect(int8.bytesPerToken == 4096 / 32 * 17 && int4.bytesPerToken == 4096 / 64 * 18)
    #expect(int8.keyBits == 8.5 && mixed.valueBits == 4.5)
    #expect(int4.buckets.map(\.first) == [128, 256])
    #expect(int4.buckets.map(\.tokens) == [256, 64])
    #expect(int4.recall.questions == first.recall.questions && first.recall.questions > 5)
    let tokens = try #require(int4.recall.tokens)
    #expect(tokens.count > 40 && tokens.baselineLoss > 0)
    #expect(tokens.quantizedLoss != tokens.baselineLoss, "answers are read from the cache")
    #expect(first.recall.tokens?.quantizedLoss == tokens.baselineLoss)
    let whole = try JSONDecoder().decode(CacheReport.self, from: JSONEncoder().encode(report))
    #expect(whole == report)
  }

  /// With quantized weights the cache is held against the same weights, and against FP ones next to that.
  @Test func quantizedWeightsAreToldApartFromTheCache() throws {
    let laboratory = try laboratory()
    _ = try perform(
      laboratory,
      QuantizeJob(
        recipe: Recipe(
          weights: MethodChoice(method: "rtn", options: ["bits": .integer(4)])),
        calibration: CalibrationOptions(samples: 2, length: 64), keeping: .nothing))
    let report = try compare(laboratory, Self.options(["int8"], windows: 1))
    #expect(report.facts.weights?.contains("rtn:4") == true)
    #expect(report.facts.baselinePerplexity ?? 0 > 1)
    let row = report.rows[1]
    let toBaseline = try #require(row.klToBaseline)
    #expect(row.kl.mean < toBaseline.mean / 5, "4-bit weights cost more than an 8-bit cache")
    #expect(report.rows[0].kl.mean == 0)
    #expect(report.rows[0].klToBaseline?.mean ?? 0 > 0)
  }

  /// A quantized cache alone leaves the weights FP: the reference is the baseline, and the cache that was quantized
  /// is one of those that are asked for.
  @Test func aQuantizedCacheAloneLeavesTheWeights() throws {
    let laboratory = try laboratory()
    let recipe = try RecipeText.cache("int4")
    _ = try perform(
      laboratory,
      QuantizeJob(
        recipe: recipe, calibration: CalibrationOptions(samples: 2, length: 64), keeping: .nothing))
    let report = try compare(laboratory, Self.options(["int4"], windows: 1))
    #expect(report.facts.weights == nil && report.facts.baselinePerplexity == nil)
    #expect(report.rows[0].kl.mean == 0 && report.rows[1].kl.mean > 0)
  }

  @Test func documentsAreJoinedWhereNoneIsLongEnough() throws {
    let laboratory = try laboratory()
    let tokenizer = try #require(try laboratory.openModel(for: "").tokenizer)
    let apart = try DepthSource(nil, least: 500, laboratory: laboratory, tokenizer)
    #expect(apart.name == "the built-in evaluation text" && apart.bos == nil)
    #expect(apart.documents.count == 290 && apart.documents.allSatisfy { $0[0] == 0 })
    let joined = try DepthSource(nil, least: 5000, laboratory: laboratory, tokenizer)
    #expect(joined.name == "the built-in evaluation text, its documents joined")
    #expect(joined.documents == [apart.documents.flatMap { $0 }] && joined.bos == 0)
  }

  private func refusal(_ laboratory: Laboratory, _ options: CacheOptions) throws -> String {
    let ended = #expect(throws: Ended.self) { _ = try compare(laboratory, options) }
    guard case .failed(_, let message) = ended?.event else { throw Ended(event: nil) }
    return message
  }

  @Test func depthsThatCannotBeReachedAreRefusedInWords() throws {
    let laboratory = try laboratory()
    var options = try Self.options(["int8"])
    options.depth = 1000
    #expect(try refusal(laboratory, options).contains("expected 1024 together at most"))
    options = try Self.options(["int8"])
    options.generate = 1000
    #expect(try refusal(laboratory, options).contains("the model's context"))
    options = try Self.options(["int8"])
    let folder = try TemporaryFolder()
    options.text = folder.path + "/short.txt"
    try "A short text.".write(
      toFile: folder.path + "/short.txt", atomically: true, encoding: .utf8)
    let message = try refusal(laboratory, options)
    #expect(message.contains("short.txt: its longest document holds"))
    #expect(message.contains("expected 289, a depth of 128 with 160"), "\(message)")
  }

  @Test func recallTakesAUsersFileOfEitherForm() throws {
    let folder = try TemporaryFolder()
    let body =
      "On Monday there was a picnic in Milkwood. Barney brought a green hammer. Later it rained.\n"
    try (body + "\nQuestion: What did Barney bring?\nAnswer: Barney brought a green hammer.\n")
      .write(toFile: folder.path + "/a.txt", atomically: true, encoding: .utf8)
    let json =
      #"{"document": "\#(body.dropLast())", "questions": [{"question": "What did Barney bring?", "#
      + #""answer": "Barney brought a green hammer."}]}"#
    try (json + "\n\n" + json).write(
      toFile: folder.path + "/a.jsonl", atomically: true, encoding: .utf8)
    let plain = try RecallText.documents(folder.path + "/a.txt")
    let lines = try RecallText.documents(folder.path + "/a.jsonl")
    #expect(plain.count == 1 && lines == [plain[0], plain[0]])
    #expect(plain[0].body == String(body.dropLast()))
    let place = try #require(FactFinder(plain[0].body).place(of: plain[0].questions[0]))
    #expect(plain[0].body[place...].hasPrefix(" Barney brought a green hammer."))
    let laboratory = try laboratory()
    var options = try Self.options(["int8"], windows: 1)
    options.recallText = folder.path + "/a.jsonl"
    let report = try compare(laboratory, options)
    #expect(report.facts.recallText == "a.jsonl")
    #expect(report.rows[1].recall.questions == 2)
    #expect(report.rows[1].recall.depths.map(\.depth) == [256])
  }

  @Test(arguments: [
    ("no questions here", "no questions"), (#"{"document": 3}"#, "line 1: expected \"document\""),
    (#"{"document": "a", "questions": [{"question": "b"}]}"#, "line 1: a question"),
    ("{", "line 1"),
  ]) func recallFilesThatAreNoneAreRefused(text: String, words: String) throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/recall"
    try text.write(toFile: path, atomically: true, encoding: .utf8)
    do {
      _ = try RecallText.documents(path)
      Issue.record("\(text) must be refused")
    } catch let error as EngineError {
      #expect("\(error)".contains(words), "\(error)")
    }
  }

  @Test func theUnbiasedFormIsHeldAgainstThePlainOne() throws {
    let laboratory = try laboratory()
    let report = try compare(
      laboratory, Self.options(["turboquant:3", "turboquant:3 form=prod"], windows: 1))
    let (plain, unbiased) = (report.rows[1], report.rows[2])
    #expect(report.formRemark(on: plain).isEmpty)
    let words = report.formRemark(on: unbiased)
    #expect(words.contains("Softmax"))
    #expect(words.contains(Quantity.significant(plain.kl.mean)))
    #expect(words.contains(Quantity.significant(unbiased.kl.mean)))
    #expect(unbiased.kl.mean > plain.kl.mean, "variance of scores costs more than their bias")
  }
}
