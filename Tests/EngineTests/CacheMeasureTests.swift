import Evaluation
import Models
import Operators
import Platform
import Tensors
import Testing

/// Measures of a cache, on models small enough to compute by hand what they should find.
@Suite struct CacheMeasureTests {
  static let int8 = KVFormat.integer(bits: 8, group: 32)
  static let int4 = KVFormat.integer(bits: 4, group: 32)

  /// A model of two blocks with random weights.
  static func model(_ name: String) throws -> Model {
    var parts = #filePath.split(separator: "/", omittingEmptySubsequences: false)
    parts.removeLast(2)
    return try Model.load(
      directory: parts.joined(separator: "/") + "/ModelsTests/Fixtures/" + name, precision: .bf16)
  }

  static func context() throws -> ExecutionContext {
    try ExecutionContext(pool: WorkerPool(threads: 2))
  }

  static func ids(_ count: Int) -> [Int32] {
    var generator = SeededGenerator(seed: 3)
    return (0..<count).map { _ in Int32(generator.next() % 61) + 3 }
  }

  static func text(_ depth: Int, _ tokens: Int, windows: Int = 1) throws -> DepthText {
    try DepthText(
      documents: [ids(windows * (depth + tokens + 1))], depth: depth, tokens: tokens,
      context: 256, bos: nil, most: windows, text: "t")
  }

  static func pair(_ format: KVFormat) -> KVFormatPair {
    KVFormatPair(keys: format, values: format)
  }

  // MARK: Text

  @Test func bucketsDoubleAndEndWhereTheTextDoes() throws {
    #expect(try Self.text(48, 96).buckets == [48..<64, 64..<128, 128..<144])
    #expect(try Self.text(64, 64).buckets == [64..<128])
  }

  @Test func windowsBeginWithTheirOwnTokenAndDoNotOverlap() throws {
    let documents = [Self.ids(50), Self.ids(10), Self.ids(21)]
    let text = try DepthText(
      documents: documents, depth: 10, tokens: 10, context: 20, bos: 7, most: 9, text: "t")
    #expect(text.windows.count == 3, "two of the first document, none of the short one")
    #expect(text.windows.allSatisfy { $0.count == 21 && $0[0] == 7 })
    #expect(text.windows[1][1] == documents[0][22])
  }

  @Test func whatDoesNotReachTheDepthIsRefusedWithNumbers() {
    func make(_ depth: Int, _ tokens: Int, context: Int) throws {
      _ = try DepthText(
        documents: [Self.ids(100), Self.ids(90)], depth: depth, tokens: tokens, context: context,
        bos: nil, most: 1, text: "t")
    }
    #expect(
      throws: EvaluationError.notDeepEnough(text: "t", longest: 100, depth: 90, tokens: 10)
    ) { try make(90, 10, context: 256) }
    #expect(throws: EvaluationError.beyondContext(depth: 60, tokens: 5, context: 64)) {
      try make(60, 5, context: 64)
    }
    #expect(throws: EvaluationError.beyondContext(depth: .max, tokens: 5, context: 64)) {
      try make(.max, 5, context: 64)
    }
    #expect(throws: EvaluationError.depthOutOfRange(depth: 0, tokens: 5)) {
      try make(0, 5, context: 64)
    }
  }

  // MARK: Quality at depth

  @Test func theSameCacheHasNoDivergenceAndFewerBitsMore() throws {
    let model = try Self.model("qwen3")
    let reference = EvaluationSubject(name: "FP16", model: model, cache: .fp16)
    let formats = [KVFormatPair.fp16, Self.pair(Self.int8), Self.pair(Self.int4)]
    let text = try Self.text(70, 90, windows: 2)
    let measure = DepthMeasure(
      subjects: formats.map { EvaluationSubject(name: "\($0)", model: model, cache: $0) },
      reference: reference, context: try Self.context())
    let outcome = try measure.run(text)
    let kl = outcome.subjects.map(\.toReference.all.divergence.mean)
    #expect(kl[0] == 0 && outcome.subjects[0].toReference.all.divergence.max == 0)
    #expect(kl[1] > 0 && kl[2] > 10 * kl[1], "\(kl)")
    let scores = outcome.subjects[2].toReference
    #expect(scores.buckets == [70..<128, 128..<160])
    #expect(scores.parts.map(\.count) == [116, 64] && scores.all.count == 180)
    #expect(outcome.reference.toReference.all.perplexity.mean == scores.all.baselinePerplexity.mean)
    #expect(outcome.reference.toBaseline == nil)
    // Against FP weights as well, where those are others: here the same ones.
    let beside = try DepthMeasure(
      subjects: [EvaluationSubject(name: "INT4", model: model, cache: formats[2])],
      reference: reference, baseline: reference, context: try Self.context()
    ).run(text)
    #expect(beside.subjects[0].toBaseline?.all.divergence == scores.all.divergence)
  }

  /// Each score is the one a plain forward pass over the whole window gives, whatever the step.
  @Test(arguments: [1, 7]) func scoresAreThoseOfTheWholeText(step: Int) throws {
    let model = try Self.model("mistral-window")
    let text = try Self.text(70, 50)
    let context = try Self.context()
    let fp32 = EvaluationSubject(name: "F32", model: model, cache: .fp32)
    var measure = DepthMeasure(subjects: [], reference: fp32, context: context)
    measure.step = step
    let found = try measure.run(text).reference.toReference.all
    let window = text.windows[0]
    let logits = try model.forward(
      tokens: Array(window.dropLast()), cache: model.makeCache(.fp32), context: context,
      logits: .from(70))
    var expected = ScoreStatistics()
    for row in 0..<50 {
      let scores = try #require(logits[row].baseAddress)
      expected.add(
        context.divergence(
          baseline: scores, other: scores, vocabulary: 64, target: Int(window[71 + row])))
    }
    #expect(found.count == 50)
    #expect(abs(found.perplexity.mean / expected.perplexity.mean - 1) < 2e-3)
  }

  // MARK: Errors by layer and head

  /// Keeps queries, keys and values of a pass.
  private final class Recorder: ForwardObserver {
    var seen: [ForwardTap: [Int: [Float]]] = [:]

    func wants(_ tap: ForwardTap, block: Int) -> Bool {
      [.queries, .keys, .values].contains(tap)
    }

    func observe(
      _ tap: ForwardTap, block: Int, values: UnsafePointer<Float>, tokens: Int, columns: Int
    ) {
      seen[tap, default: [:]][block, default: []] +=
        Array(UnsafeBufferPointer(start: values, count: tokens * columns))
    }
  }

  /// A row of ggml's q4_0, computed here.
  private static func q4(_ row: [Float]) -> [Float] {
    let extreme = row.max { abs($0) < abs($1) } ?? 0
    let scale = extreme / -8
    let stored = Float(Float16(scale))
    return row.map { scale == 0 ? 0 : (min(15, ($0 / scale + 8.5).rounded(.down)) - 8) * stored }
  }

  private static func half(_ row: [Float]) -> [Float] { row.map { Float(Float16($0)) } }

  /// The errors of one head's scores and outputs over all probes, from the definition.
  private struct ByHand {
    var scores = (difference: 0.0, whole: 0.0)
    var outputs = [(difference: Double, whole: Double)](repeating: (0, 0), count: 3)

    mutating func add(_ query: [Float], keys: [[Float]], values: [[Float]]) {
      let plain = keys.map(CacheMeasureTests.half)
      let coded = keys.map(CacheMeasureTests.q4)
      func scores(_ keys: [[Float]]) -> [Double] {
        keys.map { zip($0, query).reduce(0.0) { $0 + Double($1.0) * Double($1.1) } }
      }
      func output(_ scores: [Double], _ values: [[Float]]) -> [Double] {
        let top = scores.max() ?? 0
        let weights = scores.map {
          CacheMeasureTests.exponential(($0 - top) / Double(query.count).squareRoot())
        }
        let sum = weights.reduce(0, +)
        return query.indices.map { channel in
          zip(weights, values).reduce(0) { $0 + $1.0 * Double($1.1[channel]) } / sum
        }
      }
      func add(
        _ found: [Double], _ expected: [Double], to sums: inout (difference: Double, whole: Double)
      ) {
        for (found, expected) in zip(found, expected) {
          sums.difference += (found - expected) * (found - expected)
          sums.whole += expected * expected
        }
      }
      add(scores(coded), scores(plain), to: &self.scores)
      let expected = output(scores(plain), values.map(CacheMeasureTests.half))
      let sides = [
        output(scores(coded), values.map(CacheMeasureTests.half)),
        output(scores(plain), values.map(CacheMeasureTests.q4)),
        output(scores(coded), values.map(CacheMeasureTests.q4)),
      ]
      for (index, found) in sides.enumerated() { add(found, expected, to: &outputs[index]) }
    }

    static func relative(_ sums: (difference: Double, whole: Double)) -> Double {
      (sums.difference / sums.whole).squareRoot()
    }
  }

  /// `e^x` for `x <= 0`, by halving and squaring.
  private static func exponential(_ x: Double) -> Double {
    guard x > -700 else { return 0 }
    let small = x / 1024
    var value = 1 + small * (1 + small / 2 * (1 + small / 3 * (1 + small / 4)))
    for _ in 0..<10 { value *= value }
    return value
  }

  @Test(arguments: ["qwen3", "mistral-window"])
  func errorsAreThoseComputedByHand(name: String) throws {
    let model = try Self.model(name)
    let context = try Self.context()
    let (depth, tokens) = (70, 12)
    let text = try Self.text(depth, tokens)
    var measure = CacheErrorMeasure(
      model: model, formats: [Self.pair(Self.int4), .fp16], context: context)
    measure.probes = 4
    let maps = try measure.run(text)
    let map = maps[0]
    #expect(map.probes == 4)
    #expect(!maps[1].both.joined().isEmpty && !maps[1].scores.joined().isEmpty)
    #expect(maps[1].both.flatMap { $0 }.allSatisfy { $0 == 0 }, "FP16 next to FP16")
    #expect(maps[1].scores.flatMap { $0 }.allSatisfy { $0 == 0 })

    let recorder = Recorder()
    let cache = try model.makeCache(.fp16)
    try model.forward(
      tokens: Array(text.windows[0].prefix(depth)), cache: cache, context: context,
      options: ForwardOptions(observer: recorder))
    for token in text.windows[0][depth..<depth + tokens] {
      try model.forward(
        tokens: [token], cache: cache, context: context,
        options: ForwardOptions(observer: recorder))
    }
    let configuration = model.configuration
    let dimension = configuration.headDimension
    func vector(_ tap: ForwardTap, _ layer: Int, _ token: Int, _ head: Int, of heads: Int)
      -> [Float]
    {
      let all = recorder.seen[tap]?[layer] ?? []
      let first = (token * heads + head) * dimension
      return Array(all[first..<first + dimension])
    }
    let shared = configuration.heads / configuration.kvHeads
    for layer in 0..<2 {
      for head in 0..<configuration.kvHeads {
        var sums = ByHand()
        for token in [depth + 2, depth + 5, depth + 8, depth + 11] {
          let window = configuration.windows[layer]
          let seen = (window > 0 ? max(0, token + 1 - window) : 0)...token
          let keys = seen.map { vector(.keys, layer, $0, head, of: configuration.kvHeads) }
          let values = seen.map { vector(.values, layer, $0, head, of: configuration.kvHeads) }
          for query in head * shared..<(head + 1) * shared {
            sums.add(
              vector(.queries, layer, token, query, of: configuration.heads), keys: keys,
              values: values)
          }
        }
        let scores = ByHand.relative(sums.scores)
        #expect(abs(map.scores[layer][head] / scores - 1) < 1e-3, "\(layer).\(head)")
        // Kernels may round queries and weights to 8 bits.
        for (side, found) in [map.keys, map.values, map.both].enumerated() {
          let expected = ByHand.relative(sums.outputs[side])
          #expect(
            abs(found[layer][head] / expected - 1) < 0.1,
            "side \(side) of \(layer).\(head): \(found[layer][head]), by hand \(expected)")
        }
      }
    }
    let worst = try #require(map.worst(.values))
    #expect(map.values[worst.layer][worst.head] == map.values.flatMap { $0 }.max())
  }

  // MARK: First divergence

  @Test func divergenceCountsFromTheFirstTokenThatDiffers() {
    let found = FirstDivergence(
      tokens: 4, reference: [[1, 2, 3, 4], [1, 2, 0], [5, 6, 7, 8], [1, 2]],
      found: [[1, 2, 3, 4], [1, 2, 3, 4], [9, 6, 7, 8], [1, 2, 3]])
    #expect(found.first == [nil, 2, 0, 2])
    #expect(found.sameShare == 0.25 && found.median == 2)
    #expect(FirstDivergence(tokens: 4, first: [nil, nil, 1]).median == nil)
    #expect(FirstDivergence(tokens: 4, first: [nil, 1, 3, nil]).median == nil)
    #expect(FirstDivergence(tokens: 4, first: []).median == nil)
  }

  @Test func theSameCacheNeverDiverges() throws {
    let model = try Self.model("qwen3")
    let context = try Self.context()
    let prompts = [Self.ids(40), Self.ids(64), Self.ids(5)]
    func run(_ cache: KVFormatPair) throws -> [[Int32]] {
      try GreedyContinuation(
        EvaluationSubject(name: "", model: model, cache: cache), context: context
      ).run(prompts: prompts, tokens: 40, stops: [])
    }
    let expected = try run(.fp16)
    #expect(expected.map(\.count) == [40, 40, 40])
    #expect(FirstDivergence(tokens: 40, reference: expected, found: try run(.fp16)).sameShare == 1)
    let two = KVFormat.integer(bits: 4, group: 32)
    let coarse = FirstDivergence(
      tokens: 40, reference: expected, found: try run(KVFormatPair(keys: two, values: two)))
    #expect(coarse.sameShare < 1)
  }

  // MARK: Resident bytes

  @Test func residentBytesAreThoseOfTheFormat() throws {
    let model = try Self.model("qwen3")
    let measure = CacheResidenceMeasure(model: model, context: try Self.context())
    for format in [KVFormatPair.fp16, Self.pair(Self.int8)] {
      let expected = Double(
        2 * 2 * 2 * format.keys.bytesPerVector(headDimension: 16))
      // Other tests of this process take memory meanwhile, or give some back: the largest of three counts.
      let tries = try (0..<3).map { _ in
        try #require(try measure.run(format, length: 256)).bytesPerToken
      }
      let found = tries.max() ?? 0
      #expect(found > expected * 0.8, "\(format): \(found), by arithmetic \(expected)")
    }
  }

  // MARK: Recall

  /// A question counts only where every token of its answer is the model's own choice.
  @Test func recallReadsAnswersStepByStep() throws {
    let model = try Self.model("qwen3")
    let context = try Self.context()
    let side = EvaluationSubject(name: "FP16", model: model, cache: .fp16)
    let body = Self.ids(60)
    let answer = try GreedyContinuation(side, context: context).run(
      prompts: [body], tokens: 3, stops: [])[0]
    var wrong = answer
    wrong[2] = (wrong[2] + 1) % 64
    let documents = [
      RecallDocument(
        tokens: body + answer, questions: [.init(start: 60, count: 3, fact: 55)]),
      RecallDocument(tokens: body + wrong, questions: [.init(start: 60, count: 3)]),
      RecallDocument(tokens: Self.ids(300), questions: [.init(start: 60, count: 3)]),
    ]
    let found = try RecallMeasure.answers(side, documents, context: context)
    #expect(found.map(\.count) == [1, 1, 0], "the last is longer than the model's context")
    #expect(found[0][0].isCorrect && found[0][0].right == 3)
    #expect(!found[1][0].isCorrect && found[1][0].right == 2)
    // Three tokens that are each the most likely of 64 have more than 1/64 each.
    #expect(found[0][0].loss > 0 && found[0][0].loss < 3 * 4.159)
    #expect(found[1][0].loss > found[0][0].loss)
    let report = try RecallMeasure(subject: side, baseline: side, context: context).run(documents)
    #expect(report.questions == 2 && report.accuracy == 0.5 && report.baselineAccuracy == 0.5)
    #expect(documents[0].questions[0].depth == 5 && documents[1].questions[0].depth == 60)
  }
}
