import Engine
import Evaluation
import FoundationEssentials
import Models
import Operators
import Platform
import Profiling
import Quantization
import Tensors
import TestSupport
import Testing

@Suite struct QuantizedHeadTests {
  private struct Failed: Error {}

  @Test(arguments: ["4", "8", "2:64", "3:channel"]) func textsComeBack(text: String) throws {
    #expect(try HeadChoice(text).description == text)
    let recipe = Recipe(head: try HeadChoice(text))
    #expect(recipe.targets == [.weights])
    let data = try JSONEncoder().encode(recipe)
    #expect(try JSONDecoder().decode(Recipe.self, from: data) == recipe)
    #expect("\(recipe)" == "head \(text)")
  }

  @Test(arguments: ["", "5", "16", "4:", "4:0", "4:16", "4:128:1", "fp", "4:-2", ":128"])
  func otherTextsAreRefused(text: String) {
    #expect(throws: QuantizationError.self) { try HeadChoice(text) }
  }

  @Test func theWidthCallsForAGroup() throws {
    #expect(try HeadChoice("4").format(columns: 2048).granularity == .group(size: 128))
    #expect(try HeadChoice("4").format(columns: 576).granularity == .group(size: 64))
    #expect(try HeadChoice("4").format(columns: 50).granularity == .channel)
    #expect(try HeadChoice("8").format(columns: 2048).granularity == .channel)
    #expect(try HeadChoice("4:128").bitsPerWeight(columns: 256) == 4.125)
    #expect(throws: QuantizationError.self) {
      try HeadChoice("4:128").bitsPerWeight(columns: 576)
    }
  }

  /// Tied tables are rounded once; INT8 activations reach the head as they reach the layers.
  @Test(arguments: ["", "W4A16", "W4A8", "W8A8"]) func theBuiltInModel(scheme: String) throws {
    let folder = try TemporaryFolder()
    let laboratory = try Laboratory(threads: 2, workspace: Workspace(directory: folder.path))
    _ = try perform(laboratory, LoadJob(path: nil))
    var recipe = RecipeText.scheme(scheme) ?? .baseline
    let without = try recipe.isBaseline ? nil : measured(laboratory, recipe)
    recipe.head = HeadChoice(bits: 8)
    let before = try measured(laboratory, recipe)
    #expect(before.evaluation.kl.mean > 0)
    #expect(before.evaluation.kl.mean < (without?.evaluation.kl.mean ?? 0) + 0.001)
    if let without {
      // Half of 2048 x 256 weights of two bytes, and a scale a row.
      let saved = without.evaluation.weightBytes - before.evaluation.weightBytes
      #expect(saved > 2048 * 250 && saved < 2048 * 256)
    }
    let isInt8 = recipe.activations != nil
    let head = before.kernels.filter {
      $0.operator.hasPrefix("linear W8") && $0.kernel.hasPrefix("linear_int8_")
    }
    #expect(
      head.contains { $0.kernel.hasPrefix(isInt8 ? "linear_int8_int8" : "linear_int8_bf16") },
      "\(before.kernels.map(\.kernel))")
    let path = folder.path("artifact")
    _ = try perform(laboratory, ExportJob(path: path, format: "compressed-tensors"))
    _ = try perform(laboratory, LoadJob(path: path))
    let after = try measured(laboratory, nil)
    #expect(after.evaluation.kl == before.evaluation.kl)
    #expect(after.evaluation.weightBytes == before.evaluation.weightBytes)
    #expect(after.kernels.map(\.kernel).sorted() == before.kernels.map(\.kernel).sorted())
    #expect(after.evaluation.recipe == before.evaluation.recipe)
  }

  @Test func aHeadOfItsOwn() throws {
    let folder = try TemporaryFolder()
    let shape = ModelShape(
      architecture: "llama", blocks: 2, hiddenSize: 64, intermediateSize: 96, heads: 4, kvHeads: 2,
      headDimension: 16, vocabularySize: 2048, context: 128, tiedEmbeddings: false)
    try SyntheticModel(shape: shape, seed: 5).write(
      to: folder.path("model"), pool: WorkerPool(threads: 1))
    let laboratory = try Laboratory(threads: 1, workspace: Workspace(directory: folder.path))
    _ = try perform(laboratory, LoadJob(path: folder.path("model")))
    let recipe = Recipe(
      weights: MethodChoice(method: "rtn", options: ["group": .integer(32)]),
      head: try HeadChoice("4:32"))
    _ = try perform(
      laboratory,
      QuantizeJob(
        recipe: recipe, calibration: CalibrationOptions(samples: 1, length: 16), keeping: .nothing))
    let bench = try perform(
      laboratory, BenchJob(options: BenchOptions(prompt: 4, generate: 2, repetitions: 1)))
    let linears = bench.quantized.kernels.filter { $0.operator.hasPrefix("linear") }
    #expect(!linears.isEmpty)
    #expect(linears.allSatisfy { $0.operator.hasPrefix("linear W4 g32") })
    #expect(try #require(bench.quantized.firstPassSeconds) > 0)
    _ = try perform(
      laboratory, ExportJob(path: folder.path("artifact"), format: "compressed-tensors"))
    let summary = try perform(laboratory, LoadJob(path: folder.path("artifact")))
    #expect(summary.recipe == "\(recipe)")
    #expect(summary.parametersByType["BF16", default: 0] < 1000, "norms alone are floats")
  }

  private func measured(
    _ laboratory: Laboratory, _ recipe: Recipe?
  ) throws -> (evaluation: EvaluationReport, kernels: [KernelRecord]) {
    if let recipe {
      _ = try perform(
        laboratory,
        QuantizeJob(
          recipe: recipe, calibration: CalibrationOptions(samples: 2, length: 64), keeping: .nothing
        ))
    }
    let report = try perform(
      laboratory, EvaluateJob(options: EvaluationOptions(windows: 2)))
    let bench = try perform(
      laboratory, BenchJob(options: BenchOptions(prompt: 8, generate: 2, repetitions: 1)))
    return (report, bench.quantized.kernels)
  }
}
