import Engine
import Evaluation
import FoundationEssentials
import Models
import Quantization
import Synchronization
import TestSupport
import Testing

/// The outlier jobs on the built-in model.
@Suite(.serialized) struct OutlierSurveyTests {
  private static let calibration = CalibrationOptions(samples: 4, length: 64)

  private func laboratory() throws -> Laboratory {
    let laboratory = try Laboratory(threads: 2)
    _ = try perform(laboratory, LoadJob(path: nil))
    return laboratory
  }

  private func survey(_ laboratory: Laboratory, _ recipe: Recipe = .baseline) throws
    -> OutlierSurvey
  {
    let survey = try perform(
      laboratory,
      OutliersJob(recipe: recipe, calibration: Self.calibration, thresholds: [50]))
    return survey
  }

  private func plant(_ laboratory: Laboratory, _ planting: OutlierPlanting?) throws
    -> PlantingReport
  {
    let report = try perform(laboratory, PlantingJob(planting: planting))
    return report
  }

  @Test func plantedChannelsAreFoundAndSmoothed() throws {
    let laboratory = try laboratory()
    let before = try survey(laboratory)
    #expect(before.inputs.count == 32 && before.columns == 10240)
    #expect(before.tokens == 256 && before.windows == 4)
    #expect(before.proposal.threshold == nil, "nothing stands out after its norms")
    let planting = OutlierPlanting(channels: 8, factor: 128)
    let report = try plant(laboratory, planting)
    #expect(report.logitDifference == 0 && report.logits > 0)
    #expect(report.atSixAfter > report.atSixBefore)
    #expect(report.channels.count == 8 && report.summary.planted == "8 channels x128 planted")
    let recipe = Recipe(activations: MethodChoice(method: "smoothquant"))
    let after = try survey(laboratory, recipe)
    #expect(after.model.hasSuffix("8 channels x128 planted"))
    let threshold = try #require(after.proposal.threshold)
    #expect(after.count(at: threshold) != nil && after.count(at: OutlierSurvey.six) != nil)
    #expect(after.count(at: 50) != nil)
    for (old, new) in zip(before.inputs, after.inputs) {
      guard OutlierSurvey.isBehindNorm(new.projection) else {
        #expect(new.reach.largest == old.reach.largest && new.kurtosis == old.kurtosis)
        #expect(new.atSix == old.atSix && new.smoothed == nil)
        continue
      }
      #expect(new.reach.ratio > 10 * old.reach.ratio)
      #expect(Set(new.reach.topChannels.prefix(8)) == Set(report.channels))
      #expect(new.reach.topEightShare > 0.9 && new.kurtosis > 10)
      let smoothed = try #require(new.smoothed)
      #expect(smoothed.ratio < 4)
      #expect(new.reach.cells.max() == new.reach.largest)
    }
    let whole = try JSONDecoder().decode(OutlierSurvey.self, from: JSONEncoder().encode(after))
    #expect(whole == after)
    #expect(try JSONEncoder().encode(after).count < 65_536)
    let again = try plant(laboratory, nil)
    #expect(again.summary.planted == nil && again.planting == nil)
    #expect(try survey(laboratory) == before)
  }

  @Test func whatIsQuantizedIsDroppedAndAnArtifactOfAPlantedModelIsWhole() throws {
    let laboratory = try laboratory()
    let folder = try TemporaryFolder()
    let recipe = Recipe(
      weights: MethodChoice(method: "rtn", options: ["bits": .integer(8)]),
      exceptions: [try LayerException("*.gate=fp")])
    func kl() throws -> Double {
      let report = try perform(
        laboratory, EvaluateJob(options: EvaluationOptions(windows: 2)))
      return report.kl.mean
    }
    func quantize() throws {
      _ = try perform(
        laboratory,
        QuantizeJob(recipe: recipe, calibration: Self.calibration, keeping: .nothing))
    }
    try quantize()
    _ = try plant(laboratory, OutlierPlanting(channels: 8, factor: 64))
    #expect(try kl() == 0, "the quantized model is gone, and the planted one the same in FP")
    try quantize()
    let expected = try kl()
    #expect(expected > 0)
    let path = folder.path + "/artifact"
    _ = try perform(laboratory, ExportJob(path: path, format: "compressed-tensors"))
    let summary = try perform(laboratory, LoadJob(path: path))
    #expect(summary.planted == "8 channels x64 planted")
    #expect((try kl() / expected - 1).magnitude < 0.05, "scales are stored in another type")
    #expect(throws: Ended.self) {
      try plant(laboratory, OutlierPlanting(channels: 8, factor: 64))
    }
  }

  @Test func anUnfinishedRunOfAnotherModelIsNotResumed() throws {
    let laboratory = try laboratory()
    let folder = try TemporaryFolder()
    func quantize(resumes: Bool) throws {
      _ = try perform(
        laboratory,
        QuantizeJob(
          recipe: Recipe(weights: MethodChoice(method: "rtn")), calibration: Self.calibration,
          keeping: .folder(path: folder.path + "/kept", resumes: resumes)))
    }
    try quantize(resumes: false)
    try quantize(resumes: true)
    _ = try plant(laboratory, OutlierPlanting(channels: 8, factor: 2))
    let failure = #expect(throws: Ended.self) { try quantize(resumes: true) }
    guard case .failed(_, let message) = failure?.event else { throw Ended(event: nil) }
    #expect(message.contains("planted outliers: this run has 8 channels x2 planted"), "\(message)")
  }

  @Test func theLabMeasuresEveryRecipeOnEveryModel() throws {
    let laboratory = try laboratory()
    let options = OutlierLabOptions(
      factors: [1, 128], windows: 2, isQuick: true, calibration: Self.calibration)
    let streamed = Mutex(OutlierLabReport(model: "", options: options))
    let report = try perform(laboratory, OutlierLabJob(options: options)) { event in
      guard case .part(_, let part) = event, let part = part.value as? OutlierLabJob.Part else {
        return
      }
      streamed.withLock { $0.add(part.row, part.facts) }
    }
    #expect(streamed.withLock { $0.sides } == report.sides)
    let whole = try JSONDecoder().decode(
      OutlierLabReport.self, from: JSONEncoder().encode(report))
    #expect(whole == report)
    let (plain, planted) = (report.sides[0], report.sides[1])
    #expect(planted.facts.logitDifference == 0)
    func row(_ side: OutlierLabReport.Side, _ kind: OutlierLabReport.Row.Kind) throws
      -> OutlierLabReport.Row
    {
      try #require(side.rows.last { $0.kind == kind })
    }
    #expect(try row(planted, .baseline).kl == 0)
    let int8 = try row(planted, .int8)
    #expect(int8.kl > 20 * (try row(plain, .int8).kl))
    for kind in [OutlierLabReport.Row.Kind.llmInt8, .smoothQuant, .fp8] {
      #expect(try row(planted, kind).kl < int8.kl / 20, "\(kind)")
    }
    let nearest = try #require(planted.rows.first { $0.name.hasPrefix("W4A16 RTN") })
    #expect(nearest.zeroed == 1 && nearest.zeroedElsewhere ?? 1 < 0.3)
    #expect((nearest.ratio / planted.facts.ratio - 1).magnitude < 0.02)
    #expect(report.words(of: planted).count >= 4)
  }
}
