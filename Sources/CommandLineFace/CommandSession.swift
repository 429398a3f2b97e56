import ArgumentParser
import Engine
import FoundationEssentials
import Glibc
import Operators
import Planning
import Platform
import Quantization
import Synchronization
import Wording

/// One command's way through the engine: jobs one after the other, their progress shown.
struct CommandSession {
  let laboratory: Laboratory
  private let progress = ProgressLine()

  init(_ runtime: RuntimeOptions) throws {
    self.init(laboratory: try runtime.laboratory())
  }

  init(laboratory: Laboratory) {
    self.laboratory = laboratory
  }

  /// Runs one job to its end.
  ///
  /// - Throws: `CommandFailure` with the job's message.
  /// - Parameter hear: is told each part of the report as it comes.
  func perform<Kind: Job>(
    _ job: Kind, hear: (@Sendable (Kind.Part) -> Void)? = nil
  ) throws -> Kind.Report {
    try report(of: run(job, hear: hear))
  }

  /// Runs a job that may take long: each part is told in a line as it comes, and what there is is shown when the job
  /// ends early.
  ///
  /// - Parameters:
  ///   - resume: whether an earlier run with the same settings, which ended early, is gone on from.
  ///   - reuses: whether what an earlier run measured counts where it is still there.
  ///   - line: a part in words; nil where nothing is to be told of it.
  ///   - show: shows the parts of a job that ended early.
  /// - Throws: `CommandFailure` with the job's message.
  func performLong<Kind: Job>(
    _ job: Kind, resume: Bool, reuses: Bool = false,
    line: @escaping @Sendable (Kind.Part) -> String?,
    ended show: ([Kind.Part]) throws -> Void
  ) throws -> Kind.Report {
    let parts = Mutex<[Kind.Part]>([])
    let progress = progress
    let outcome = run(job, resuming: resume ? .required : reuses ? .whenKept : .never) { part in
      if let line = line(part) { progress.note(line) }
      parts.withLock { $0.append(part) }
    }
    if case .finished = outcome {
    } else {
      let told = parts.withLock { $0 }
      if !told.isEmpty { try show(told) }
    }
    return try report(of: outcome)
  }

  /// Runs a job of any kind to its end.
  func perform(_ request: JobRequest) throws {
    func perform(_ job: some Job) throws { _ = try self.perform(job) }
    try perform(request.job)
  }

  private func run<Kind: Job>(
    _ job: Kind, resuming: Resuming = .never, hear: (@Sendable (Kind.Part) -> Void)?
  ) -> JobOutcome<Kind.Report> {
    let progress = progress
    let outcome = laboratory.run(
      job, id: JobID(number: 0), control: Interrupt.control, resuming: resuming
    ) { event in
      if let hear, case .part(_, let payload) = event, let part = payload.value as? Kind.Part {
        hear(part)
      } else {
        progress.show(event)
      }
    }
    progress.finish()
    return outcome
  }

  private func report<Report>(of outcome: JobOutcome<Report>) throws -> Report {
    switch outcome {
    case .finished(let report): return report
    case .failed(let message): throw CommandFailure(message: message)
    case .cancelled: throw Interrupt.failure
    }
  }

  /// Tells something besides the progress.
  func note(_ text: String) { progress.note(text) }

  /// Shows the progress of work that is no job; Ctrl-C ends it at its next step.
  func show(
    _ what: String, unit: String,
    _ body: (_ progress: (_ done: Int, _ total: Int) throws -> Void) throws -> Void
  ) throws {
    let start = Machine.seconds()
    defer { progress.finish() }
    do {
      try body { done, total in
        try Interrupt.control.checkpoint()
        progress.show(
          .progressed(
            id: JobID(number: 0),
            progress: JobProgress(
              phase: what, done: done, total: total, unit: unit,
              secondsElapsed: Machine.seconds() - start)))
      }
    } catch is JobControl.Cancelled {
      throw Interrupt.failure
    }
  }

  /// Opens a model, makes the transforms of a recipe of it, and yields its summary.
  func load(
    _ path: String?, as recipe: Recipe = .baseline, against base: String? = nil
  ) throws -> ModelSummary {
    var summary = try perform(LoadJob(path: path, against: base))
    if let planting = recipe.transform(OutlierPlanting.self) { summary = try plant(planting) }
    if let rotation = recipe.transform(ResidualRotation.self) { summary = try rotate(rotation) }
    return summary
  }

  private func plant(_ planting: OutlierPlanting) throws -> ModelSummary {
    let report = try perform(PlantingJob(planting: planting))
    progress.note(
      "\(report.summary.label): the largest difference of \(Quantity.grouped(report.logits)) logits is "
        + "\(report.logitDifference); \(report.atSixBefore) -> \(report.atSixAfter) of "
        + "\(Quantity.grouped(report.columns)) columns reach 6.0")
    return report.summary
  }

  private func rotate(_ rotation: ResidualRotation) throws -> ModelSummary {
    let report = try perform(RotationJob(rotation: rotation))
    var words = "\(report.summary.label): \(report.kind)"
    if let exact = report.exact {
      words +=
        "; in float32 the largest difference of \(Quantity.grouped(exact.logits)) logits is "
        + "\(Quantity.significant(exact.difference)) of \(Quantity.significant(exact.largest))"
    }
    if let kl = report.kl { words += "; rounded to BF16 again, KL \(Quantity.significant(kl))" }
    progress.note(
      words
        + "; after norms the farthest channel reaches \(Quantity.significant(report.reachBefore))"
        + " -> \(Quantity.significant(report.reachAfter)) times the middle one")
    return report.summary
  }

  /// Opens a model and quantizes it by a recipe; with one that quantizes nothing a checkpoint is transformed at most, and a
  /// directory that `quantize` wrote keeps its own, and a candidate is held against another model as it is.
  func open(
    _ path: String?, recipe: Recipe, _ calibration: CalibrationOptions, against base: String? = nil
  ) throws {
    if let base {
      guard recipe.isBaseline else {
        throw ValidationError(
          "--against: expected no recipe next to it, since a candidate is measured as it is, found '\(recipe)'"
        )
      }
      _ = try load(path, against: base)
      return
    }
    let summary = try load(path, as: recipe)
    let isTransformed = recipe.transforms.count == (summary.transforms ?? []).count
    // Nobody asked how the layers fare: the caller measures the whole.
    if !recipe.staysFloat || !isTransformed {
      _ = try quantize(recipe, calibration, compares: false)
    }
  }

  /// Quantizes the open model.
  ///
  /// - Parameter compares: whether each layer's output is compared with the original's on the calibration text.
  func quantize(
    _ recipe: Recipe, _ calibration: CalibrationOptions, keeping: Keeping = .nothing,
    compares: Bool = true
  ) throws -> QuantizeReport {
    try perform(
      QuantizeJob(recipe: recipe, calibration: calibration, keeping: keeping, compares: compares))
  }
}

/// A command that could not do what it was asked to.
struct CommandFailure: Error, CustomStringConvertible {
  var message: String
  /// The exit code: 1 failed, 3 ran but a check failed, 128 + signal interrupted.
  var code: Int32 = 1

  var description: String { message }
}
