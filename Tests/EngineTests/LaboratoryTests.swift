import Engine
import Evaluation
import FoundationEssentials
import Models
import Operators
import Profiling
import Quantization
import Synchronization
import Testing

/// The whole walk on the built-in model, as the command line and the workbench do it.
@Suite(.serialized) struct LaboratoryTests {
  /// The KL of 4-bit rounding on this model lies far above BF16's own noise and far below ruin.
  static let fourBitKL = 0.0005...0.02
  /// 8-bit codes are near the noise floor.
  static let eightBitKL = 0.0...0.0005

  private struct Failed: Error { var message: String }

  private func perform<Kind: Job>(_ laboratory: Laboratory, _ job: Kind) throws -> Kind.Report {
    switch laboratory.run(job, id: JobID(number: 1), control: JobControl(), emit: { _ in }) {
    case .finished(let report): return report
    case .failed(let message): throw Failed(message: message)
    case .cancelled: throw Failed(message: "cancelled")
    }
  }

  private func laboratory() throws -> Laboratory {
    let laboratory = try Laboratory(
      threads: 2, workspace: Workspace(directory: Self.temporary("runs")))
    _ = try perform(laboratory, LoadJob(path: nil))
    return laboratory
  }

  private static func temporary(_ name: String) -> String {
    FileManager.default.temporaryDirectory.path + "/nibble-\(name)-\(UInt64.random(in: 0 ... .max))"
  }

  private func evaluate(_ laboratory: Laboratory) throws -> EvaluationReport {
    let report = try perform(
      laboratory, EvaluateJob(options: EvaluationOptions(windows: 2)))
    return report
  }

  private func quantize(_ laboratory: Laboratory, _ recipe: Recipe) throws -> QuantizeReport {
    let report = try perform(
      laboratory,
      QuantizeJob(
        recipe: recipe, calibration: CalibrationOptions(samples: 2, length: 64), keeping: .nothing
      ))
    return report
  }

  @Test func opensTheBuiltInModel() throws {
    let laboratory = try Laboratory(threads: 1)
    let summary = try perform(laboratory, LoadJob(path: nil))
    #expect(summary.shape.parameters == 5_247_232)
    #expect(summary.kvBytesPerToken == 4096)
  }

  @Test func weightsWalk() throws {
    let laboratory = try laboratory()
    let report = try quantize(laboratory, try #require(RecipeText.scheme("W4A16")))
    #expect(report.layers.count == 56)
    #expect(report.outputBytes < report.baselineBytes / 2)
    #expect(report.layers.allSatisfy { $0.relativeError > 0 && $0.relativeError < 0.1 })
    #expect(report.maps.first?.cells.count == 8)
    let quality = try evaluate(laboratory)
    #expect(Self.fourBitKL.contains(quality.kl.mean), "\(quality.kl.mean)")
    #expect(quality.noiseFloor.klMean < quality.kl.mean / 10)
    let restored = try perform(
      laboratory,
      RestoreJob(
        map: 0,
        cells: (0..<8).flatMap { row in (0..<7).map { CellAddress(row: row, column: $0) } },
        windows: 1))
    let detail = try perform(laboratory, CellJob(map: 0, row: 3, column: 6))
    #expect(restored.klAfter == 0, "all cells back in FP is the baseline")
    #expect(restored.klBefore > 0)
    #expect(restored.extraBytes == report.baselineBytes - report.outputBytes)
    #expect(detail.before.reduce(0, +) == 512 * 256)
    #expect(detail.after.reduce(0, +) == 512 * 256)
  }

  /// The errors GPTQ pushes on to later columns leave less in the output: on 3 bits far less than rounding.
  @Test(arguments: [false, true])
  func gptqBeatsRoundingAtThreeBits(actOrder: Bool) throws {
    let laboratory = try laboratory()
    func measure(_ method: String, _ options: [String: OptionValue] = [:]) throws -> Double {
      let bits: [String: OptionValue] = ["bits": .integer(3), "group": .integer(128)]
      let recipe = Recipe(
        weights: MethodChoice(method: method, options: bits.merging(options) { $1 }))
      let report = try perform(
        laboratory,
        QuantizeJob(
          recipe: recipe, calibration: CalibrationOptions(samples: 32, length: 128),
          keeping: .nothing))
      #expect(report.layers.count == 56)
      #expect(report.layers.allSatisfy { $0.fallback == nil && $0.method == method })
      return try evaluate(laboratory).kl.mean
    }
    let rounded = try measure("rtn")
    let corrected = try measure("gptq", ["act-order": .flag(actOrder)])
    #expect(corrected < rounded * 0.9, "GPTQ \(corrected), RTN \(rounded)")
  }

  @Test func activationsWalk() throws {
    let laboratory = try laboratory()
    let report = try quantize(laboratory, try #require(RecipeText.scheme("W8A8")))
    #expect(report.layers.allSatisfy { $0.fallback == nil })
    #expect(try Self.fourBitKL.upperBound > evaluate(laboratory).kl.mean)
    let bench = try perform(
      laboratory, BenchJob(options: BenchOptions(prompt: 32, generate: 4, repetitions: 1)))
    let linears = bench.quantized.kernels.filter { $0.operator.hasPrefix("linear W8") }
    #expect(!linears.isEmpty)
    #expect(linears.allSatisfy { $0.native && $0.kernel.hasPrefix("linear_int8_int8") })
    #expect(bench.baseline != nil)
  }

  @Test func cacheWalk() throws {
    let laboratory = try laboratory()
    let report = try quantize(laboratory, try #require(RecipeText.scheme("KV8")))
    #expect(report.layers.isEmpty)
    #expect(report.kvBytesPerToken == 4096 / 32 * 17)
    #expect(report.maps.filter { $0.target == .kvCache }.count == 2)
    let quality = try evaluate(laboratory)
    #expect(Self.eightBitKL.contains(quality.kl.mean), "\(quality.kl.mean)")
    #expect(quality.kl.mean > 0, "the score reads the quantized cache")
  }

  /// A zero point between the codes costs a byte a group and no kernel, and beats whole ones at 2 bits.
  @Test func hqqBeatsRoundingAtTwoBits() throws {
    let laboratory = try laboratory()
    func measure(_ text: String, _ options: [String: OptionValue] = [:]) throws -> Double {
      var choice = try RecipeText.choice(text, target: .weights)
      choice.options.merge(options) { $1 }
      let report = try quantize(laboratory, Recipe(weights: choice))
      #expect(report.layers.count == 56)
      #expect(report.layers.allSatisfy { $0.fallback == nil && $0.method == choice.method })
      return try evaluate(laboratory).kl.mean
    }
    let rounded = try measure("rtn:2:64", ["symmetric": .flag(false)])
    let moved = try measure("hqq:2:64")
    #expect(moved < rounded * 0.9, "HQQ \(moved), RTN \(rounded)")
    let bench = try perform(
      laboratory, BenchJob(options: BenchOptions(prompt: 32, generate: 4, repetitions: 1)))
    let linears = bench.quantized.kernels.filter { $0.operator.hasPrefix("linear W2 g64 real") }
    #expect(!linears.isEmpty)
    #expect(linears.allSatisfy { $0.native && $0.kernel.hasPrefix("linear_int2_bf16") })
  }

  /// What is written and opened again computes the same numbers.
  @Test(arguments: ["W4A16", "W3A16", "W8A8", "W4A16_ASYM", "hqq:4:64", "hqq:3:-1"])
  func artifactsOpenAgain(scheme: String) throws {
    let laboratory = try laboratory()
    var recipe =
      try RecipeText.scheme(scheme) ?? Recipe(weights: RecipeText.choice(scheme, target: .weights))
    recipe.keys = MethodChoice(method: "int8")
    _ = try quantize(laboratory, recipe)
    let before = try evaluate(laboratory)
    let path = Self.temporary("artifact")
    defer { try? FileManager.default.removeItem(atPath: path) }
    _ = try perform(laboratory, ExportJob(path: path, format: "compressed-tensors"))
    _ = try perform(laboratory, LoadJob(path: path))
    let after = try evaluate(laboratory)
    #expect(after.kl == before.kl)
    #expect(after.perplexity == before.perplexity)
    #expect(after.recipe == before.recipe)
    #expect(after.weightBytes == before.weightBytes)
    #expect(throws: Failed.self, "nothing is overwritten") {
      _ = try perform(laboratory, ExportJob(path: path, format: "compressed-tensors"))
    }
  }

  @Test func savedRunsComeBack() throws {
    let laboratory = try laboratory()
    defer { try? FileManager.default.removeItem(atPath: laboratory.workspace.directory) }
    _ = try quantize(laboratory, try #require(RecipeText.scheme("KV4")))
    _ = try evaluate(laboratory)
    let run = try perform(laboratory, SaveJob())
    let second = try perform(laboratory, SaveJob())
    #expect(run.id != second.id)
    #expect(try laboratory.workspace.run(named: run.id) == run)
    #expect(laboratory.workspace.runs().runs.count == 2)
  }

  @Test func errorsAreWords() throws {
    let empty = try Laboratory(threads: 1)
    #expect(throws: Failed.self) { _ = try perform(empty, EvaluateJob(options: .init())) }
    let laboratory = try laboratory()
    do {
      _ = try quantize(
        laboratory,
        Recipe(weights: MethodChoice(method: "rtn", options: ["group": .integer(16)])))
      _ = try perform(
        laboratory, EvaluateJob(options: EvaluationOptions(text: "/nonexistent/text")))
      Issue.record("a missing text must be refused")
    } catch let failure as Failed {
      #expect(failure.message.contains("/nonexistent/text"))
    }
  }

  @Test func cancellingLeavesNoResult() throws {
    let laboratory = try laboratory()
    let control = JobControl()
    control.cancel()
    let last = Mutex<JobEvent?>(nil)
    laboratory.run(
      QuantizeJob(
        recipe: RecipeText.scheme("W4A16") ?? .baseline, calibration: .init(), keeping: .nothing),
      id: JobID(number: 2), control: control
    ) { event in last.withLock { $0 = event } }
    #expect(last.withLock { $0 } == .cancelled(id: JobID(number: 2)))
    #expect(throws: Failed.self) { _ = try perform(laboratory, SaveJob()) }
  }
}
