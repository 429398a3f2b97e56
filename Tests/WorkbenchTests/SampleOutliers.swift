import Engine
import Models
import Quantization

/// Made-up reports on outliers, as the engine would give them.
enum SampleOutliers {
  private static func reach(_ largest: Double, channel: Int) -> OutlierSurvey.Reach {
    var cells = [Double](repeating: 1.25, count: 64)
    cells[channel / 4] = largest
    return OutlierSurvey.Reach(
      largest: largest, median: 1.25, topOneShare: 0.75, topEightShare: 0.9,
      cells: cells, topChannels: [channel, 9, 200], topValues: [largest, largest / 4, 2.5])
  }

  private static func inputs(block: Int, _ recipe: Recipe) -> [OutlierSurvey.Input] {
    [Projection.q, .o, .gate, .down].map { projection in
      let stands = OutlierSurvey.isBehindNorm(projection)
      var input = OutlierSurvey.Input(
        block: block, projection: projection, columns: projection == .down ? 512 : 256,
        reach: reach(stands ? 96 + Double(block) : 4.5, channel: stands ? 57 : 130),
        kurtosis: stands ? 214.5 : 2.5,
        atSix: OutlierSurvey.Count(columns: stands ? 8 : 0, perWindow: stands ? 7.5 : 0))
      input.first = OutlierSurvey.FirstTokens(
        position: 0, channel: 57, magnitude: 6.5, behind: 5.5)
      input.atProposed = OutlierSurvey.Count(columns: stands ? 8 : 0, perWindow: stands ? 7 : 0)
      if recipe.activations != nil, stands { input.smoothed = reach(9.5, channel: 57) }
      return input
    }
  }

  static func survey(_ recipe: Recipe, planted: String?) -> OutlierSurvey {
    OutlierSurvey(
      model: planted.map { "tales-5M, \($0)" } ?? "tales-5M", recipe: recipe,
      text: "the built-in calibration text", windows: 32, tokens: 8192,
      inputs: (0..<SampleRun.blocks).flatMap { inputs(block: $0, recipe) },
      columns: 1280 * SampleRun.blocks,
      ladder: ladder, proposal: .init(threshold: 18.5, columns: 128, gap: 2.5, farthest: 9.5))
  }

  private static let ladder: [OutlierSurvey.Rung] = [3.0, 6, 12, 24, 48, 96].map { threshold in
    OutlierSurvey.Rung(
      threshold: threshold,
      count: OutlierSurvey.Count(columns: Int(384 / threshold), perWindow: 300 / threshold))
  }

  static func planted(_ planting: OutlierPlanting?) -> PlantingReport {
    var summary = SampleRun.summary
    summary.planted = planting.map { "\($0)" }
    return PlantingReport(
      summary: summary, planting: planting,
      channels: planting == nil ? [] : [3, 57, 60, 101, 140, 177, 203, 250], logitDifference: 0,
      logits: 524_288, columns: 10240, atSixBefore: 42, atSixAfter: planting == nil ? 42 : 164)
  }

  static func rotated(_ rotation: ResidualRotation?) -> RotationReport {
    var summary = SampleRun.summary
    summary.rotated = rotation.map { "\($0)" }
    return RotationReport(
      summary: summary, rotation: rotation, kind: "residual stream: Hadamard of 256")
  }

  static func lab(_ options: OutlierLabOptions) -> OutlierLabReport {
    var report = OutlierLabReport(model: SampleRun.summary.name, options: options, seconds: 84)
    for factor in options.factors {
      let facts = OutlierLabReport.Facts(
        factor: factor, name: options.planting(factor).map { "\($0)" } ?? "as it is",
        logitDifference: 0, columns: 10240, columnsAtSix: 42 + factor, proposed: 18.5,
        columnsAtProposed: 128, ratio: 3.5 * Double(factor), shrunk: Double(factor))
      for (name, kind) in rows {
        let isWeights = kind == .weights
        report.add(
          OutlierLabReport.Row(
            name: name, kind: kind, recipe: .baseline, perplexity: 9.125 + Double(factor) / 64,
            perplexityError: 0.125, kl: kind == .baseline ? 0 : Double(factor) / 1024,
            klError: 0.000125, weightBytes: isWeights ? 3_500_000 : 6_500_000,
            ratio: kind == .smoothQuant ? 4.5 : facts.ratio,
            flagged: kind == .llmInt8 ? 37.5 : nil, zeroed: isWeights ? 0.875 : nil,
            zeroedElsewhere: isWeights ? 0.125 : nil), facts)
      }
    }
    return report
  }

  private static let rows: [(String, OutlierLabReport.Row.Kind)] = [
    ("FP", .baseline), ("W8A8 per token", .int8), ("LLM.int8() from 6.0", .llmInt8),
    ("SmoothQuant alpha 0.5", .smoothQuant), ("W4A16 RTN g128", .weights),
  ]
}
