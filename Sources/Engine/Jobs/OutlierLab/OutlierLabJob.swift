import Evaluation
import Models
import Operators
import Platform
import Quantization
import Tensors

/// What outliers do to each method: models with more and more of them planted, every recipe on each.
///
/// All are held against the model as it is in full precision, which each planted one computes as well.
package struct OutlierLabJob: Job {
  package var options: OutlierLabOptions

  package init(options: OutlierLabOptions) { self.options = options }

  package static let name = "outlier-lab"
  package static let startsOver = true
  package static let staleAfter: Set<Change> = [.modelOpened]

  package var title: String { "What outliers do to each method" }
  package var words: String { "measure what outliers do to each method" }
  package func news(of report: OutlierLabReport) -> String? {
    "Measured what outliers do to each method"
  }

  /// Another recipe, measured on one of the models.
  package struct Part: JobValue {
    package var model: String
    package var facts: OutlierLabReport.Facts
    package var row: OutlierLabReport.Row

    package init(model: String, facts: OutlierLabReport.Facts, row: OutlierLabReport.Row) {
      self.model = model
      self.facts = facts
      self.row = row
    }
  }

  package func fold(_ part: Part, into report: inout OutlierLabReport?) {
    var grown = report ?? OutlierLabReport(model: part.model, options: options)
    grown.add(part.row, part.facts)
    report = grown
  }

  package func run(
    in laboratory: Laboratory, reporting reporter: JobReporter<Part>
  ) throws -> OutlierLabReport {
    var plain = try laboratory.openModel(for: "the outlier lab")
    guard plain.summary.isRewritable else {
      throw EngineError.cannotPlant(
        model: plain.summary.name, reason: "it is quantized; open the model it was made from")
    }
    if let words = plain.decodedWords { reporter.log(words) }
    plain.model = try plain.rewritable()
    plain.plain = nil
    plain.transformed = .baseline
    for factor in options.factors { try options.planting(factor)?.check() }
    let start = Machine.seconds()
    let lab = Setting(
      laboratory: laboratory,
      held: plain, options: options,
      text: try laboratory.calibrationWindows(plain, options.calibration),
      verify: try laboratory.evaluationWindows(plain, count: options.windows))
    let kept = try reporter.kept(
      of: plain, in: laboratory, options: options,
      texts: ["calibration": lab.text, "evaluation": lab.verify.windows])
    // Where nothing stands out a row is missing.
    let entries = OutlierLabRecipes(
      plain.model.configuration, proposed: 1, isQuick: options.isQuick
    ).entries
    kept.plan(options.factors.flatMap { factor in entries.map { Self.place($0, factor) } })
    return try kept.during {
      var report = OutlierLabReport(model: plain.summary.name, options: options)
      for (place, factor) in options.factors.enumerated() {
        try measure(factor, lab, kept, reporter, into: &report) { phase, row in
          reporter.progress(
            "x\(factor): \(phase)", done: place * entries.count + row,
            of: options.factors.count * entries.count, unit: "rows", since: start)
        }
      }
      report.seconds = Machine.seconds() - start
      return report
    }
  }

  /// What a row is kept as.
  private static func place(_ entry: OutlierLabRecipes.Entry, _ factor: Int) -> String {
    "x\(factor) \(entry.kind == .llmInt8 && entry.threshold != OutlierSurvey.six ? "LLM.int8() as proposed" : entry.name)"
  }

  /// All rows of one model; it is planted and surveyed where something of it was not kept.
  private func measure(
    _ factor: Int, _ lab: Setting, _ kept: KeptMeasures, _ reporter: JobReporter<Part>,
    into report: inout OutlierLabReport, progress: (String, Int) -> Void
  ) throws {
    var made: Side?
    func side() throws -> Side {
      if let made { return made }
      progress("surveying its activations", 0)
      let side = try planted(lab, factor, reporter)
      made = side
      return side
    }
    let facts = try kept.measured("x\(factor)") { try side().facts }
    let entries = OutlierLabRecipes(
      lab.held.model.configuration, proposed: facts.proposed, isQuick: options.isQuick
    ).entries
    for (number, entry) in entries.enumerated() {
      try reporter.checkpoint()
      progress(entry.name, number)
      let row = try kept.measured(Self.place(entry, factor)) {
        try self.row(entry, of: side(), lab, reporter)
      }
      report.add(row, facts)
      reporter.tell(Part(model: report.model, facts: facts, row: row))
    }
  }

  /// What all models of the lab share.
  private struct Setting {
    var laboratory: Laboratory
    /// The model as it was read.
    var held: Laboratory.OpenModel
    var options: OutlierLabOptions
    var text: [[Int32]]
    var verify: TextWindows
  }

  /// A planted model with what is known of it.
  private struct Side {
    var held: Laboratory.OpenModel
    var channels: [Int]
    var found: [OutlierProbe.Found]
    var facts: OutlierLabReport.Facts
  }

  private func planted(
    _ lab: Setting, _ factor: Int, _ reporter: JobReporter<Part>
  ) throws -> Side {
    let planting = lab.options.planting(factor)
    var held = lab.held
    held.model = try planting?.planted(in: lab.held.model) ?? lab.held.model
    let context = try lab.laboratory.makeContext()
    let found = try OutlierProbe(held.model, windows: lab.text, context: context)
      .run(pause: reporter.checkpoint)
    let survey = OutlierSurvey(
      found, model: "", recipe: .baseline, text: "", windows: lab.text)
    let difference = try Laboratory.difference(
      lab.held.model, held.model, on: lab.text[0], context)
    let channels = try planting?.chosen(in: lab.held.model) ?? []
    let proposed = survey.proposal.threshold
    return Side(
      held: held, channels: channels, found: found,
      facts: OutlierLabReport.Facts(
        factor: factor, name: planting.map { "\($0)" } ?? "as it is",
        logitDifference: difference.largest, columns: survey.columns,
        columnsAtSix: survey.count(at: OutlierSurvey.six)?.columns ?? 0, proposed: proposed,
        columnsAtProposed: proposed.flatMap { survey.count(at: $0)?.columns },
        ratio: OutlierSurvey.Reach.short(survey.ratios.worst),
        meanRatio: OutlierSurvey.Reach.short(survey.ratios.mean),
        shrunk: planting == nil ? 1 : PlantedColumns(channels).shrunk(in: held.model)))
  }

  /// Quantizes by one recipe and measures it.
  private func row(
    _ entry: OutlierLabRecipes.Entry, of side: Side, _ lab: Setting,
    _ reporter: JobReporter<Part>
  ) throws -> OutlierLabReport.Row {
    var model = side.held.model
    var ratios = (worst: side.facts.ratio, mean: side.facts.meanRatio)
    var zeroed: (planted: Double, elsewhere: Double)?
    if !entry.recipe.isBaseline {
      let outcome = try lab.laboratory.quantized(
        entry.recipe, side.held, lab.text, compares: true, pause: reporter.checkpoint
      ) { _, _ in }
      model = outcome.model
      let left = Self.ratios(of: outcome.blocks, below: entry.threshold)
      ratios = (OutlierSurvey.Reach.short(left.worst), OutlierSurvey.Reach.short(left.mean))
      if !side.channels.isEmpty, entry.kind != .llmInt8 {
        zeroed = PlantedColumns(side.channels).zeros(in: model)
      }
    }
    let statistics = try lab.laboratory.statistics(
      lab.held, model, .fp16, lab.verify, reporter.withoutParts)
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

  /// How the farthest channel compares with the one in the middle, of inputs after norms as quantizing left them; with a
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
