import FoundationEssentials
import Models
import Operators
import Profiling
import Quantization
import Synchronization
import Testing

@testable import Engine

/// Timing batches on the built-in model, and what is refused before it begins.
@Suite(.serialized) struct BatchTests {
  private static func laboratory() throws -> Laboratory {
    let laboratory = try Laboratory(threads: 2)
    _ = try perform(laboratory, LoadJob(path: nil))
    return laboratory
  }

  private static let options = BatchOptions(
    forms: BatchForm.allCases, batches: [3, 1], depth: 70, prompt: 9, steps: 2, repetitions: 2)

  @Test func formsAreMadeAndMeasuredAtEveryBatch() throws {
    let laboratory = try Self.laboratory()
    let seen = Mutex<[Int]>([])
    let report = try perform(
      laboratory, BatchJob(options: Self.options),
      emit: { event in
        if case .part(_, let part) = event, let report = part.value as? BatchReport {
          seen.withLock { $0.append(report.points.count) }
        }
      })
    let names = BatchForm.allCases.map(\.label)
    #expect(report.forms.map(\.name) == names && report.batches == [1, 3])
    #expect(seen.withLock { $0 } == [6, 12])
    #expect(
      report.points.map(\.batch) == [Int](repeating: 1, count: 6) + [Int](repeating: 3, count: 6))
    #expect(report.points.prefix(6).map(\.form) == names)
    for point in report.points {
      let name = "\(point.form) at \(point.batch)"
      #expect(point.rounds.count == 2 && point.prefillRounds.count == 2, "\(name)")
      #expect(point.decode.lowest <= point.decode.tokensPerSecond, "\(name)")
      #expect(point.decode.tokensPerSecond <= point.decode.highest, "\(name)")
      #expect(point.rounds.allSatisfy { $0 > 0 } && point.prefill != nil, "\(name)")
      #expect(point.limitSeconds >= max(point.memorySeconds, point.computeSeconds) * 0.999_999)
      #expect(point.kernel.contains(Self.kernel(point.form)), "\(name): \(point.kernel)")
      #expect((point.fallback != nil) == (point.form == "FP8"), "\(name)")
      #expect(point.unit == (point.form.hasSuffix("A8") ? .int8 : .bf16), "\(name)")
    }
    // Counted, not measured: a step of three sequences multiplies three times as much and reads the weights once.
    for name in names {
      let one = try #require(report.point(name, batch: 1))
      let three = try #require(report.point(name, batch: 3))
      #expect(abs(three.operations / one.operations - 3) < 1e-9)
      #expect(three.weightBytes == one.weightBytes)
      #expect(abs(three.cacheBytes / one.cacheBytes - 3) < 1e-9)
    }
    let bytes = try names.map { try #require(report.point($0, batch: 1)).weightBytes }
    #expect(bytes[1] == bytes[2] && bytes[1] < bytes[3] && bytes[3] < bytes[0])
  }

  /// Whatever else runs together with it, a prompt gives the same bits: each form's kernels sum rows apart.
  @Test(arguments: BatchForm.allCases) func rowsDoNotSeeEachOther(_ form: BatchForm) throws {
    let laboratory = try Self.laboratory()
    let held = try laboratory.openModel(for: "a test")
    let context = try laboratory.makeContext()
    let recipe = form.recipe(held.summary.shape)
    let blocks = try held.model.blocks.indices.map { index in
      try BlockTrial(
        recipe: recipe, model: held.model, index: index, sequences: [], context: context
      ).drafted
    }
    let model = try held.model.replacing(
      blocks: Dictionary(uniqueKeysWithValues: blocks.enumerated().map { ($0, $1) }))
    func run(_ prompts: [[Int32]]) throws -> [[Float]] {
      let logits = try model.prefill(
        prompts: prompts, caches: prompts.map { _ in try model.makeCache() }, context: context)
      return prompts.indices.map { logits.values(row: $0) }
    }
    let prompts: [[Int32]] = [40, 3, 70].map { (length: Int) -> [Int32] in
      (0..<length).map { Int32($0 * 37 % 900 + length) }
    }
    let found = try run(prompts)
    #expect(try run(prompts.reversed()) == found.reversed())
    #expect(try run(prompts + prompts) == found + found)
  }

  private static func kernel(_ form: String) -> String {
    switch form {
    case "BF16": "linear_bf16_bf16"
    case "W4A16": "linear_int4_bf16"
    case "W4A8": "linear_int4_int8"
    case "W8A8": "linear_int8_int8"
    case "W8A16": "linear_int8_bf16"
    default: "linear_e4m3_bf16"
    }
  }

  @Test func theDocumentTellsWhatFollows() throws {
    var options = Self.options
    options.forms = [.bf16, .w8a8]
    options.prompt = 0
    let report = try perform(
      Self.laboratory(), BatchJob(options: options))
    #expect(!report.points.isEmpty)
    #expect(report.points.allSatisfy { $0.prefill == nil && $0.prefillRounds.isEmpty })
    // A report survives its own JSON.
    let data = try JSONEncoder().encode(report)
    #expect(try JSONDecoder().decode(BatchReport.self, from: data) == report)
    let json = try JSONSerialization.object(JSONEncoder().encode(BatchDocument(report)))
    #expect(
      Set(json.keys).isSuperset(of: [
        "model", "threads", "depth", "prompt", "steps", "repetitions", "peaks", "forms", "batches",
        "points", "crossovers", "limitCrossovers", "bends", "words", "seconds",
      ]))
    #expect(json["points"]?.count == 4)
  }

  @Test func cancellingEndsBetweenPasses() throws {
    #expect(throws: Ended.self) {
      try perform(Self.laboratory(), BatchJob(options: Self.options), stopping: 3)
    }
  }

  @Test func optionsAreReadAndRefusedWithWords() throws {
    #expect(try BatchOptions.batches("1..64") == [1, 2, 4, 8, 16, 32, 64])
    #expect(try BatchOptions.batches("6..30, 1,2") == [1, 2, 6, 12, 24])
    for bad in ["", "0", "257", "1,,2", "4..2", "1,1", "1..4,2", "a", "1.5", "1...4", "-1", "4.."] {
      #expect(throws: EngineError.self, "\(bad)") { try BatchOptions.batches(bad) }
    }
    #expect(try BatchOptions.forms("BF16, w8a8") == [.bf16, .w8a8])
    for bad in ["", "w9", "bf16,bf16"] {
      #expect(throws: EngineError.self, "\(bad)") { try BatchOptions.forms(bad) }
    }
    func refused(_ change: (inout BatchOptions) -> Void) -> String {
      var options = BatchOptions()
      change(&options)
      do {
        try options.check()
        return ""
      } catch { return "\(error)" }
    }
    #expect(refused { _ in } == "")
    #expect(refused { $0.steps = 0 } == "steps: expected 1 to 100000, found 0")
    #expect(refused { $0.batches = [1, 300] }.hasPrefix("batches: expected"))
    #expect(refused { $0.forms = [] }.contains("found none"))
    #expect(refused { $0.depth = -1 }.hasPrefix("depth"))
    guard
      case .failed(_, let message) = Self.failure(
        try Self.laboratory(), BatchOptions(batches: [0]))
    else { throw Ended() }
    #expect(message.hasPrefix("batches: expected different numbers from 1 to 256"))
  }

  @Test func whatMemoryCannotHoldIsRefusedBeforeItStarts() throws {
    let laboratory = try Self.laboratory()
    guard
      case .failed(_, let message) = Self.failure(
        laboratory, BatchOptions(batches: [256], depth: 1_000_000))
    else { throw Ended() }
    #expect(message.contains("expected that much free memory"), "\(message)")
    let model = try laboratory.openModel(for: "a test").model
    let small = BatchMemory(BatchOptions(batches: [1], depth: 0, prompt: 0), model).bytes
    let deep = BatchMemory(BatchOptions(batches: [64], depth: 63 - 8, prompt: 0), model).bytes
    // 63 more sequences: a block of 64 tokens each of 4096 bytes, and the activations and logits of a token.
    let more = 63 * (64 * 4096 + 4 * 12_000.0)
    #expect(deep - small > 63 * 64 * 4096 && deep - small < more, "\(deep - small)")
  }

  @Test func aQuantizedModelIsRefused() throws {
    let laboratory = try Self.laboratory()
    let held = try laboratory.openModel(for: "a test")
    var changed = held
    let recipe = BatchForm.w8a16.recipe(held.summary.shape)
    changed.model = try held.model.replacing(blocks: [
      0: BlockTrial(
        recipe: recipe, model: held.model, index: 0, sequences: [],
        context: laboratory.makeContext()
      ).drafted
    ])
    laboratory.hold(changed)
    guard case .failed(_, let message) = Self.failure(laboratory, BatchOptions()) else {
      throw Ended()
    }
    #expect(message.contains("open the model it was made from"), "\(message)")
  }

  private static func failure(_ laboratory: Laboratory, _ options: BatchOptions) -> JobEvent? {
    do {
      _ = try perform(laboratory, BatchJob(options: options))
      return nil
    } catch { return (error as? Ended)?.event }
  }
}

/// What a JSON document holds at its top: the number of elements of lists, 0 for anything else.
private enum JSONSerialization {
  struct Held: Decodable {
    var count = 0

    init(from decoder: any Decoder) throws {
      if var list = try? decoder.unkeyedContainer() {
        while !list.isAtEnd {
          _ = try list.decode(Held.self)
          count += 1
        }
      }
    }
  }

  static func object(_ data: Data) throws -> [String: Held] {
    try JSONDecoder().decode([String: Held].self, from: data)
  }
}
