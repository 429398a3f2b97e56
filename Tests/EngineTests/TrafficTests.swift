import Models
import Operators
import Planning
import Quantization
import Serving
import Tensors
import Testing

@testable import Engine

/// A trace through the real engine and next to it, and through described machines.
@Suite(.serialized) struct TrafficTests {
  private static func laboratory() throws -> Laboratory {
    let laboratory = try Laboratory(threads: 2)
    _ = try perform(laboratory, LoadJob(path: nil))
    return laboratory
  }

  /// Requests that all come at once: what is computed in which step then depends on no clock.
  private static let atOnce = DrawnTrace(
    rate: 1, requests: 14, burst: 1e6, prompt: 30, generated: 40, spread: 0.7, prefixes: 2,
    prefixTokens: 70, prefixShare: 0.6, context: 256, seed: 4)

  /// The engine takes the simulation's steps, prefixes and preemptions included, in paged caches of both kinds.
  @Test func theEngineFollowsTheSimulation() throws {
    let laboratory = try Self.laboratory()
    let shape = try laboratory.openModel(for: "a test").summary.shape
    var options = TrafficOptions(
      source: .drawn(Self.atOnce), recipes: [try RecipeText.recipe("kv=int8")], context: 256,
      seats: 4, chunk: 32, executes: true)
    // Weights and activations with room for 9 blocks of 64 tokens of FP16 cache.
    let model = try laboratory.openModel(for: "a test").model
    let planner = Planner(
      model: shape, workload: Workload(context: shape.context, promptTokens: 32, batch: 4),
      peaks: try laboratory.machinePeaks(nil), methods: PlannedMethods())
    options.memory =
      Double(model.weightBytes) + planner.activationBytes
      + 9.5 * 64 * Double(shape.kvBytesPerToken(.fp16))
    let report = try perform(laboratory, TrafficJob(options: options))
    #expect(report.sides.count == 2 && !report.isModelled)
    for side in report.sides {
      let executed = try #require(side.executed)
      #expect(executed.finished == 14 && executed.refused == 0)
      #expect(executed.steps == side.simulated.steps)
      #expect(executed.preemptions == side.simulated.preemptions)
      #expect(executed.cachedShare == side.simulated.cachedShare)
      #expect(executed.cachedShare > 0)
      #expect((side.fit?.checked ?? 0) > 0)
      #expect(TrafficReport.differences(side).count == 7)
    }
    #expect(report.sides[0].limits.blocks < 12)
    #expect(report.sides[0].simulated.preemptions > 0)
    #expect(report.sides[1].limits.blocks > report.sides[0].limits.blocks)
  }

  @Test func aFitMeetsWhatItsTermsSay() {
    func seconds(_ step: ServingStep) -> Double {
      let base = step.tokens <= 8 ? 0.01 : 0.01 + 0.001 * Double(step.tokens - 8)
      return base + 1e-4 * Double(step.rows) + 1e-7 * step.decodeReads + 2e-8 * step.chunkReads
    }
    var steps: [ServingStep] = []
    for batch in [1, 4, 8, 16] {
      for depth in [10, 500] {
        steps.append(ServingStep(decodes: batch, decodeReads: Double(batch * depth)))
      }
    }
    for (start, count) in [(0, 16), (0, 32), (400, 32), (0, 64), (400, 64)] {
      var step = ServingStep()
      step.addChunk(start: start, count: count)
      steps.append(step)
    }
    let fit = StepCostFit(steps.map { StepCostFit.Sample(step: $0, seconds: seconds($0)) })
    for (decodes, chunk) in [(2, 0), (6, 0), (12, 0), (8, 8), (10, 22), (0, 48), (20, 60)] {
      var step = ServingStep(decodes: decodes, decodeReads: Double(decodes * 200))
      if chunk > 0 { step.addChunk(start: 100, count: chunk) }
      #expect(abs(fit.seconds(step) / seconds(step) - 1) < 1e-6, "\(decodes) and \(chunk)")
    }
  }

  private static func described(
    _ change: (inout TrafficOptions) -> Void = { _ in }
  ) throws -> TrafficReport {
    let laboratory = try Laboratory(threads: 1)
    var options = TrafficOptions(
      source: .drawn(DrawnTrace(rate: 20, requests: 300, context: 4096, seed: 1)),
      recipes: [
        try RecipeText.recipe("weights=rtn:4:128"), try RecipeText.recipe("activations=int8"),
        try RecipeText.recipe("kv=int8"),
      ], machine: "H100 SXM", promise: ServingPromise(firstToken: 1, perToken: 0.05))
    change(&options)
    let llama = ModelShape(
      architecture: "llama", blocks: 32, hiddenSize: 4096, intermediateSize: 14_336, heads: 32,
      kvHeads: 8, headDimension: 128, vocabularySize: 128_256, context: 8192, tiedEmbeddings: false)
    return try TrafficJob(options: options).report(for: llama, name: "llama", in: laboratory)
  }

  @Test func recipesServeMoreOfALlama() throws {
    let report = try Self.described { $0.kvWidths = [16, 8.5, 4.5] }
    let sides = report.sides
    #expect(report.isModelled && sides.map(\.form.unit) == ["BF16", "BF16", "INT8", "BF16"])
    // 4 bits and a 16-bit scale for 128: 4.125 bits a weight.
    #expect(sides[1].form.linearBytes == 6_979_321_856 * 4.125 / 8)
    #expect(abs(sides[3].form.cacheBits - 8.5) < 0.01)
    #expect(sides[1].simulated.perToken.median < sides[0].simulated.perToken.median)
    #expect(sides[2].simulated.firstToken.median < sides[0].simulated.firstToken.median)
    let rates = sides.compactMap { $0.largest?.rate }
    #expect(rates.count == 4 && rates.allSatisfy { $0 > 10 })
    #expect(rates[2] > rates[0])
    #expect(report.widths.map(\.blocks) == [7590, 14_287, 26_986])
    #expect(report.widths.allSatisfy { ($0.users ?? 0) > 1 })
    #expect(sides[0].explanation.count == 8)
  }

  @Test func aFleetServesMoreThanAMachine() throws {
    let one = try Self.described { $0.recipes = [] }
    let four = try Self.described {
      $0.recipes = []
      $0.fleet = 4
    }
    #expect(four.replicas == 4)
    let rates = (one.sides[0].largest?.rate ?? 0, four.sides[0].largest?.rate ?? 0)
    #expect(rates.1 > 2 * rates.0, "\(rates)")
    let split = try Self.described {
      $0.recipes = []
      $0.fleet = 4
      $0.split = TensorSplit(ways: 4, link: 450e9)
    }
    #expect(split.replicas == 1)
    #expect(split.sides[0].simulated.perToken.median < one.sides[0].simulated.perToken.median)
  }

  @Test func weightsThatDoNotFitAreRefused() {
    let error = #expect(throws: EngineError.self) { try Self.described { $0.memory = 16e9 } }
    #expect(
      "\(error.map { "\($0)" } ?? "")".hasPrefix(
        "FP leaves no room for a cache on H100 SXM: weights and activations take 16.3 GB, expected less than 16.0 GB"
      ))
  }
}
