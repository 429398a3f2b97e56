import Checkpoints
import Engine
import FoundationEssentials
import Models
import Platform
import Quantization
import Tensors
import TestSupport
import Testing

@Suite struct LayerTrialTests {
  /// Float32 against float64 sums of a layer's output.
  static let energyTolerance = 1e-4

  private let pool = WorkerPool(threads: 2)

  private func sample(seed: UInt64 = 1) throws -> LayerSample {
    try LayerSample(rows: 40, columns: 96, tokens: 300, seed: seed, pool: pool)
  }

  private func run(
    _ sample: LayerSample, _ choice: String, repetitions: Int = 1
  ) throws -> (report: LayerTrialReport, values: [Float]) {
    try LayerTrial(sample, RecipeText.choice(choice, target: .weights), pool: pool)
      .run(repetitions: repetitions)
  }

  @Test func samplesFollowTheirSeed() throws {
    let (first, second, other) = (try sample(), try sample(), try sample(seed: 2))
    #expect(first.weights == second.weights)
    #expect(first.inputs == second.inputs)
    #expect(first.weights != other.weights)
    #expect(first.inputs != other.inputs)
    #expect(!first.inputs.contains { !$0.isFinite })
  }

  @Test func gptqTellsItsStepsAndBeatsRoundingToNearest() throws {
    let sample = try sample()
    let found = try run(sample, "gptq:4:32", repetitions: 3)
    let report = found.report
    #expect(report.phases.map(\.name) == ["hessian", "factorization", "rounding", "packing"])
    #expect(report.repetitions == 3)
    for phase in report.phases + [report.total] {
      #expect(phase.fastest <= phase.seconds && phase.seconds <= phase.slowest)
    }
    #expect(report.fallback == nil)
    #expect(report.proxyLoss < 0.8 * report.nearestProxyLoss)
    #expect(report.relativeError < report.nearestRelativeError)
    #expect(report.peakResidentBytes > report.sampleBytes)
    #expect(try run(sample, "gptq:4:32").values == found.values)
  }

  @Test func lossesAreThoseOfTheHessian() throws {
    let sample = try sample()
    let found = try run(sample, "gptq:3:32")
    var hessian = Hessian(columns: 96)
    hessian.add(sample.inputs, tokens: 300)
    let expected = GPTQ.proxyLoss(
      of: sample.weights, rounded: found.values, rows: 40, columns: 96, hessian: hessian.matrix())
    #expect(abs(found.report.proxyLoss / expected - 1) < Self.energyTolerance)
  }

  @Test(arguments: ["rtn:4:32", "hqq:4:32"])
  func methodsWithoutDataHaveOneStep(_ choice: String) throws {
    let report = try run(try sample(), choice).report
    #expect(report.phases.map(\.name) == ["rounding"])
    if choice.hasPrefix("rtn") { #expect(report.proxyLoss == report.nearestProxyLoss) }
  }

  @Test func filesGiveAndTakeWeights() throws {
    let folder = try TemporaryFolder()
    let made = try sample()
    let path = folder.path("layer.safetensors")
    try write(
      [("weight", [40, 96], made.weights), ("inputs", [300, 96], made.inputs)], to: path)
    let read = try LayerSample(path: path)
    #expect(read.weights == made.weights)
    #expect(read.inputs == made.inputs)
    #expect((read.rows, read.columns, read.tokens) == (40, 96, 300))
    let trial = try LayerTrial(
      read, .init(method: "rtn", options: ["group": .integer(32)]), pool: pool)
    let found = try trial.run(repetitions: 1)
    let output = folder.path("out.safetensors")
    try trial.write(found.values, to: output)
    let stored = try #require(SafetensorsFile(path: output).tensors.first)
    #expect(stored.name == "weight")
    #expect(stored.shape == [40, 96])
    #expect(try stored.view().floats() == found.values)
  }

  @Test func filesThatDoNotFitAreRefusedInWords() throws {
    let folder = try TemporaryFolder()
    let path = folder.path("layer.safetensors")
    let weight = [Float](repeating: 1, count: 6)
    func message(_ tensors: [(String, Shape, [Float])]) throws -> String {
      try write(tensors, to: path)
      do {
        _ = try LayerSample(path: path)
        return ""
      } catch {
        return "\(error)"
      }
    }
    #expect(try message([("weight", [2, 3], weight)]).contains("expected tensor inputs"))
    #expect(
      try message([("weight", [2, 3], weight), ("inputs", [3, 2], weight)])
        .contains("expected the 3 columns of weight, found 2"))
    #expect(
      try message([("weight", [6], weight), ("inputs", [2, 3], weight)])
        .contains("expected F32 of two dimensions"))
    #expect(
      try message([("weight", [2, 3], weight), ("inputs", [0, 3], [])]).contains("tokens"))
    var spoiled = weight
    spoiled[4] = .nan
    #expect(
      try message([("weight", [2, 3], weight), ("inputs", [2, 3], spoiled)])
        .contains("expected finite numbers, found nan at row 1, column 1"))
    #expect(throws: CheckpointError.self) { try LayerSample(path: folder.path("none")) }
  }

  @Test func whatCannotBeTriedIsRefused() throws {
    let sample = try sample()
    #expect(throws: QuantizationError.self) { try run(sample, "gptq:4:64") }
    #expect(throws: QuantizationError.self) { try run(sample, "rtn:4:64") }
    #expect(throws: QuantizationError.self) {
      try LayerTrial(sample, .init(method: "nothing"), pool: pool)
    }
    #expect(throws: EngineError.self) {
      try LayerSample(rows: 0, columns: 8, tokens: 8, seed: 0, pool: pool)
    }
    #expect(throws: EngineError.self) {
      try LayerSample(rows: 131_072, columns: 131_072, tokens: 1 << 22, seed: 0, pool: pool)
    }
  }

  @Test func hessiansThatDoNotFitAreRefused() throws {
    // 137 GB for the matrices, but half a megabyte of inputs.
    let sample = try LayerSample(rows: 1, columns: 131_072, tokens: 1, seed: 0, pool: pool)
    if let free = Machine.memoryAvailable(), free < 137_000_000_000 {
      #expect(throws: EngineError.self) { try run(sample, "gptq:4:128") }
    }
  }

  /// The methods themselves run, so that each that quantizes weights can be tried.
  @Test(arguments: QuantizationMethods.descriptions(for: .weights).map(\.name))
  func everyWeightMethodCanBeTried(_ method: String) throws {
    let report = try run(try sample(), "\(method):4:32").report
    #expect(report.fallback == nil)
    #expect(!report.phases.isEmpty)
    #expect(report.phases.reduce(0) { $0 + $1.seconds } <= report.total.seconds)
    #expect(report.relativeError > 0 && report.relativeError < 0.2)
    #expect(report.bits > 4 && report.bits < 6.5)
  }

  @Test func awqTellsItsStepsAndBeatsRoundingToNearest() throws {
    let report = try run(try sample(), "awq:3:32").report
    #expect(
      report.phases.map(\.name)
        == ["moments of the inputs", "scale search", "clip search", "rounding"])
    #expect(report.proxyLoss < report.nearestProxyLoss)
  }

  private func write(_ tensors: [(String, Shape, [Float])], to path: String) throws {
    let writer = try SafetensorsWriter(
      path: path, entries: tensors.map { .init(name: $0.0, dtype: .f32, shape: $0.1) })
    for tensor in tensors { try writer.write(tensor.0, tensor.2) }
    try writer.commit()
  }
}
