import Evaluation
import Models
import Operators
import Platform
import Quantization
import Tensors

extension Laboratory {
  /// What outliers do to each method: models with more and more of them planted, every recipe on each.
  ///
  /// All are held against the model as it is in full precision, which each planted one computes as well.
  func outlierLab(_ options: OutlierLabOptions, _ reporter: JobReporter) throws -> OutlierLabReport
  {
    var plain = try bench(for: "the outlier lab")
    guard plain.summary.recipe == nil else {
      throw EngineError.cannotPlant(
        model: plain.summary.name, reason: "it is quantized; open the model it was made from")
    }
    plain.model = plain.reference
    plain.rotation = nil
    for factor in options.factors { try options.planting(factor)?.check() }
    let start = Machine.seconds()
    let lab = OutlierLab(
      bench: plain, options: options, text: try calibrationWindows(plain, options.calibration),
      verify: try evaluationWindows(plain, count: options.windows))
    var report = OutlierLabReport(model: plain.summary.name, options: options)
    // Where nothing stands out a row is missing.
    let most = OutlierLabRecipes(
      plain.model.configuration, proposed: 1, isQuick: options.isQuick
    ).entries.count
    let total = options.factors.count * most
    for (place, factor) in options.factors.enumerated() {
      func progress(_ phase: String, row: Int) {
        reporter.progress(
          "x\(factor): \(phase)", done: place * most + row, of: total, unit: "rows", since: start)
      }
      progress("surveying its activations", row: 0)
      let side = try planted(lab, factor, reporter)
      let entries = OutlierLabRecipes(
        side.bench.model.configuration, proposed: side.facts.proposed, isQuick: options.isQuick
      ).entries
      for (number, entry) in entries.enumerated() {
        try reporter.checkpoint()
        progress(entry.name, row: number)
        let row = try row(entry, of: side, lab, reporter)
        report.add(row, side.facts)
        reporter.emit(.labRow(id: reporter.id, facts: side.facts, row: row))
      }
    }
    report.seconds = Machine.seconds() - start
    return report
  }

  /// What all models of the lab share.
  private struct OutlierLab {
    /// The model as it was read.
    var bench: Bench
    var options: OutlierLabOptions
    var text: [[Int32]]
    var verify: TextWindows
  }

  /// A planted model with what is known of it.
  private struct OutlierLabSide {
    var bench: Bench
    var channels: [Int]
    var found: [OutlierProbe.Found]
    var facts: OutlierLabReport.Facts
  }

  private func planted(
    _ lab: OutlierLab, _ factor: Int, _ reporter: JobReporter
  ) throws -> OutlierLabSide {
    let planting = lab.options.planting(factor)
    var bench = lab.bench
    bench.model = try planting?.planted(in: lab.bench.model) ?? lab.bench.model
    let context = try makeContext()
    let found = try OutlierProbe(bench.model, windows: lab.text, context: context)
      .run(pause: reporter.checkpoint)
    let survey = OutlierSurvey(
      found, model: "", recipe: .baseline, text: "", windows: lab.text)
    let difference = try Self.difference(lab.bench.model, bench.model, on: lab.text[0], context)
    let channels = try planting?.chosen(in: lab.bench.model) ?? []
    let proposed = survey.proposal.threshold
    return OutlierLabSide(
      bench: bench, channels: channels, found: found,
      facts: OutlierLabReport.Facts(
        factor: factor, name: planting.map { "\($0)" } ?? "as it is",
        logitDifference: difference.largest, columns: survey.columns,
        columnsAtSix: survey.count(at: OutlierSurvey.six)?.columns ?? 0, proposed: proposed,
        columnsAtProposed: proposed.flatMap { survey.count(at: $0)?.columns },
        ratio: OutlierSurvey.Reach.short(survey.ratios.worst),
        meanRatio: OutlierSurvey.Reach.short(survey.ratios.mean),
        shrunk: planting == nil ? 1 : PlantedColumns(channels).shrunk(in: bench.model)))
  }

  /// Quantizes by one recipe and measures it.
  private func row(
    _ entry: OutlierLabRecipes.Entry, of side: OutlierLabSide, _ lab: OutlierLab,
    _ reporter: JobReporter
  ) throws -> OutlierLabReport.Row {
    var model = side.bench.model
    var ratios = (worst: side.facts.ratio, mean: side.facts.meanRatio)
    var zeroed: (planted: Double, elsewhere: Double)?
    if !entry.recipe.isBaseline {
      let outcome = try quantized(entry.recipe, side.bench, lab.text, reporter) { _, _ in }
      model = outcome.model
      let left = Self.ratios(of: outcome.blocks, below: entry.threshold)
      ratios = (OutlierSurvey.Reach.short(left.worst), OutlierSurvey.Reach.short(left.mean))
      if !side.channels.isEmpty, entry.kind != .llmInt8 {
        zeroed = PlantedColumns(side.channels).zeros(in: model)
      }
    }
    let statistics = try statistics(lab.bench, model, .fp16, lab.verify, reporter)
    let flagged = entry.threshold.map { threshold in
      side.found.reduce(0) { $0 + $1.statistics.columnsPerWindow(reaching: threshold) }
    }
    return OutlierLabReport.Row(
      name: entry.name, kind: entry.kind, recipe: entry.recipe,
      perplexity: statistics.perplexity.mean, perplexityError: statistics.perplexity.error,
      kl: statistics.divergence.mean, klError: statistics.divergence.error,
      weightBytes: model.weightBytes, ratio: ratios.worst, meanRatio: ratios.mean,
      flagged: flagged.map { OutlierSurvey.Reach.short($0) },
      zeroed: zeroed.map { OutlierSurvey.Reach.short($0.planted) },
      zeroedElsewhere: zeroed.map { OutlierSurvey.Reach.short($0.elsewhere) })
  }

  /// How the farthest channel compares with the one in the middle, of inputs behind norms as quantizing left them; with a
  /// threshold, the farthest below it.
  private static func ratios(
    of blocks: [QuantizedBlock], below threshold: Double?
  ) -> OutlierSurvey.Ratios {
    OutlierSurvey.Ratios(
      blocks.flatMap { block in
        block.block.plan.inputGroups.filter(\.readsStream).map(\.lead).compactMap {
          projection -> Double? in
          guard var maxima = block.absoluteMaxima[projection] else { return nil }
          if let scales = block.scales[projection]?.input {
            maxima = zip(maxima, scales).map { $0 / $1 }
          }
          let sorted = maxima.sorted()
          let middle = Double(sorted[sorted.count / 2])
          let left = sorted.last { value in threshold.map { Double(value) < $0 } ?? true }
          guard let left, left > 0, middle > 0 else { return nil }
          return Double(left) / middle
        }
      })
  }
}

/// Looks at the planted columns of the layers behind norms.
struct PlantedColumns {
  private let isPlanted: Set<Int>

  init(_ channels: [Int]) { isPlanted = Set(channels) }

  /// The root mean square weight of the other columns over that of the planted ones.
  func shrunk(in model: Model) -> Double {
    let sums = sum(model) { Double($0) * Double($0) }
    guard sums.planted > 0 else { return .infinity }
    return OutlierSurvey.Reach.short((sums.elsewhere / sums.planted).squareRoot())
  }

  /// The shares of weights that are 0.
  func zeros(in model: Model) -> (planted: Double, elsewhere: Double) {
    sum(model) { $0 == 0 ? 1 : 0 }
  }

  /// Means of what `value` makes of each weight.
  private func sum(
    _ model: Model, _ value: (Float) -> Double
  ) -> (planted: Double, elsewhere: Double) {
    var sums = (planted: 0.0, elsewhere: 0.0)
    var counts = (planted: 0, elsewhere: 0)
    for block in model.blocks {
      for projection in block.roles where block.plan.norm(readBy: projection) != nil {
        let weight = block[projection].weight
        let flags = (0..<weight.columns).map { isPlanted.contains($0) }
        let values = weight.dequantized()
        for row in 0..<weight.rows {
          for column in 0..<weight.columns {
            let found = value(values[row * weight.columns + column])
            if flags[column] { sums.planted += found } else { sums.elsewhere += found }
          }
        }
        let planted = flags.count { $0 }
        counts.planted += planted * weight.rows
        counts.elsewhere += (weight.columns - planted) * weight.rows
      }
    }
    return (
      sums.planted / Double(max(1, counts.planted)),
      sums.elsewhere / Double(max(1, counts.elsewhere))
    )
  }
}
