import Engine
import Evaluation
import Models
import Quantization
import TestSupport
import Testing

/// A recipe says what is made of the whole model: the engine makes it, and everything that names the recipe names that too.
@Suite struct RecipeTransformsTests {
  private static let calibration = CalibrationOptions(samples: 2, length: 64)

  private static func quantize(
    _ laboratory: Laboratory, _ recipe: Recipe
  ) throws -> QuantizeReport {
    try perform(
      laboratory, QuantizeJob(recipe: recipe, calibration: calibration, keeping: .nothing))
  }

  @Test func quantizingBringsTheModelToItsRecipe() throws {
    let recipe = try RecipeText.recipe("plant=8:128 rotate=3 weights=rtn:8:-1")
    let folder = try TemporaryFolder()
    let laboratory = try Laboratory(
      threads: 2, workspace: Workspace(directory: folder.path("runs")))
    _ = try perform(laboratory, LoadJob(path: nil))
    let report = try Self.quantize(laboratory, recipe)
    #expect(report.recipe == recipe)

    // The same job after job, with a recipe that says nothing of the model.
    let other = try Laboratory(threads: 2)
    _ = try perform(other, LoadJob(path: nil))
    _ = try perform(other, PlantingJob(planting: OutlierPlanting(channels: 8, factor: 128)))
    _ = try perform(other, RotationJob(rotation: ResidualRotation(seed: 3)))
    let second = try Self.quantize(other, try RecipeText.recipe("weights=rtn:8:-1"))
    #expect(second.recipe == recipe)
    #expect(second.layers.map(\.relativeError) == report.layers.map(\.relativeError))

    // A saved run and an artifact say it.
    #expect(try perform(laboratory, SaveJob()).recipe == recipe)
    #expect(laboratory.workspace.runs().runs.map(\.recipe) == [recipe])
    let path = folder.path("artifact")
    _ = try perform(laboratory, ExportJob(path: path, format: "compressed-tensors"))
    let summary = try perform(laboratory, LoadJob(path: path))
    #expect(summary.recipe == "\(recipe)")
    #expect(summary.planted == "8 channels x128 planted")
    #expect(summary.rotated == "rotated, seed 3")
    // What is quantized already is not transformed.
    #expect(throws: Ended.self) { try Self.quantize(laboratory, recipe) }
  }

  @Test func aTransformAloneIsNotTheBaseline() throws {
    let laboratory = try Laboratory(threads: 2)
    _ = try perform(laboratory, LoadJob(path: nil))
    func evaluated() throws -> String {
      try perform(laboratory, EvaluateJob(options: EvaluationOptions(windows: 1))).recipe
    }
    #expect(try evaluated() == "FP baseline")
    let report = try perform(laboratory, RotationJob(rotation: ResidualRotation(seed: 1)))
    #expect(report.summary.label.hasSuffix("rotated, seed 1"))
    #expect(try evaluated() == "rotated, seed 1")
    // Another recipe begins with the model as it was read.
    _ = try Self.quantize(laboratory, try RecipeText.recipe("plant=8:32"))
    #expect(try evaluated() == "8 channels x32 planted")
  }
}
