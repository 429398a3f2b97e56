import Models
import Operators
import Planning
import Quantization
import TestSupport
import Testing

@testable import Engine

/// The planned workload measured on the built-in model, and modelled for a described machine.
@Suite(.serialized) struct WorkloadTests {
  private func laboratory(_ recipe: Recipe) throws -> Laboratory {
    let laboratory = try Laboratory(threads: 2)
    _ = try perform(laboratory, LoadJob(path: nil))
    _ = try perform(
      laboratory,
      QuantizeJob(
        recipe: recipe, calibration: CalibrationOptions(samples: 2, length: 64),
        keeping: .nothing, compares: false))
    return laboratory
  }

  @Test func thePlannedDepthAndRequestsAreMeasured() throws {
    let laboratory = try laboratory(
      Recipe(weights: try RecipeText.choice("rtn:4:64", target: .weights)))
    let workload = Workload(
      context: 300, requests: 3, promptTokens: 96, generatedTokens: 16, batch: 3)
    let report = try perform(
      laboratory, WorkloadJob(workload: workload, machine: nil, seconds: 1))
    let extent = try #require(report.extent)
    #expect(!report.isModelled && extent.modelError == nil)
    #expect(extent.prompt == 96 && extent.batch == 3 && extent.depth == extent.plannedDepth)
    #expect((280...300).contains(extent.depth))
    for side in [report.baseline, report.quantized] {
      #expect(side.times.promptSeconds > 0 && side.times.stepSeconds > 0)
      #expect(side.times.request > side.times.promptSeconds)
      #expect(side.fittingRequests > 0)
    }
    #expect(report.baseline.times.speedup.median == 1)
    #expect(report.quantized.weightBytes < report.baseline.weightBytes * 0.7)
    #expect(report.quantized.cacheBytes == report.baseline.cacheBytes)
  }

  /// Four-bit caches take the share of the bytes that their format has.
  @Test func aSmallerCacheLetsMoreRequestsIn() throws {
    let choice = MethodChoice(method: "int4")
    let laboratory = try laboratory(Recipe(keys: choice, values: choice))
    let workload = Workload(
      context: 512, requests: 400, promptTokens: 64, generatedTokens: 8, batch: 2,
      memoryBudget: 200_000_000)
    let report = try perform(
      laboratory, WorkloadJob(workload: workload, machine: nil, seconds: 1))
    #expect(report.resource == .capacity)
    #expect(report.quantized.cacheBytes < report.baseline.cacheBytes * 0.4)
    #expect(report.quantized.fittingRequests > report.baseline.fittingRequests * 2)
  }

  @Test func aDescribedMachineIsAlwaysModelled() throws {
    let laboratory = try laboratory(
      Recipe(weights: try RecipeText.choice("rtn:4:64", target: .weights)))
    let machine = try #require(laboratory.machines.machines.first?.name)
    let report = try perform(
      laboratory, WorkloadJob(workload: Workload(context: 512), machine: machine))
    #expect(report.isDescribed && report.isModelled && report.extent == nil)
    #expect(report.machine == machine)
    #expect(report.source.contains("modelled"))
    #expect(report.quantized.times.stepSpeedup.median > 1.5)
  }

  @Test func withoutARecipeThereIsNothingToMeasure() throws {
    let laboratory = try Laboratory(threads: 2)
    _ = try perform(laboratory, LoadJob(path: nil))
    #expect(throws: Ended.self) {
      try perform(laboratory, WorkloadJob(workload: Workload(context: 512), machine: nil))
    }
  }
}
