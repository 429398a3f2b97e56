import Checkpoints
import DemoModel
import Evaluation
import FoundationEssentials
import Models
import Operators
import Platform
import Profiling
import Quantization
import Wording

/// Makes the receipt of a run from what the laboratory holds: contents are hashed, jobs are taken as they were asked for.
struct ReceiptMaker {
  let laboratory: Laboratory
  let held: Laboratory.OpenModel
  /// Told the file that is hashed.
  var log: (String) -> Void = { _ in }

  /// - Parameters:
  ///   - command: as it was typed; nil where nothing was.
  ///   - now: seconds since 1970.
  /// - Throws: what reading a file of the model or a text throws.
  func receipt(
    _ record: RunRecord, command: String?, now: Double = Date().timeIntervalSince1970
  ) throws -> Receipt {
    let load = laboratory.job(of: LoadJob.self)
    let jobs = jobs(load)
    let isCandidate = held.quantized?.file != nil
    let against = isCandidate ? load?.against : nil
    return Receipt(
      format: Receipt.format,
      date: Quantity.date(now), version: ProgramVersion.current,
      command: command ?? "nibble verify receipt.json",
      model: try model(
        held.summary.label, isCandidate ? load?.path : held.isBuiltIn ? nil : held.stored.path),
      against: try against.map { try model($0, $0 == DemoPath.name ? nil : $0) },
      recipe: record.recipe, words: record.words, texts: try texts(), protocols: protocols(record),
      host: Receipt.Host(
        name: Machine.processorName() ?? "an unknown processor", provider: laboratory.provider,
        threads: laboratory.pool.threads, disabledKernels: laboratory.disabledKernels.sorted()),
      kernels: try kernels(record), figures: record.figures,
      chosen: record.choice.flatMap { choice in
        choice.winner.map { "\(choice.rows[$0].recipe)" }
      }, jobs: jobs)
  }

  /// What was done to come to it, in the order that it is done again.
  private func jobs(_ load: LoadJob?) -> [JobRequest] {
    var jobs: [JobRequest] = load.map { [JobRequest($0)] } ?? []
    if let planting = held.transformed.transform(OutlierPlanting.self) {
      jobs.append(JobRequest(PlantingJob(planting: planting)))
    }
    if let rotation = held.transformed.transform(ResidualRotation.self) {
      jobs.append(JobRequest(RotationJob(rotation: rotation)))
    }
    if let job = laboratory.job(of: QuantizeJob.self) {
      jobs.append(
        JobRequest(
          QuantizeJob(
            recipe: job.recipe, calibration: job.calibration, keeping: .nothing,
            compares: job.compares)))
    }
    func add<Kind: Job>(_ kind: Kind.Type) {
      if let job = laboratory.job(of: kind) { jobs.append(JobRequest(job)) }
    }
    if let job = laboratory.job(of: EvaluateJob.self) {
      // What was written once is not written again.
      var options = job.options
      options.logitsOut = nil
      jobs.append(JobRequest(EvaluateJob(options: options)))
    }
    add(RecallJob.self)
    add(TasksJob.self)
    add(BenchJob.self)
    add(WorkloadJob.self)
    add(ChooseJob.self)
    return jobs
  }

  private func model(_ name: String, _ path: String?) throws -> Receipt.Model {
    try ReceiptContents(locator: laboratory.locator, log: log).model(name, path)
  }

  /// The texts of the jobs that were done.
  private func texts() throws -> [Receipt.Text] {
    let contents = ReceiptContents(locator: laboratory.locator, log: log)
    var texts: [Receipt.Text] = []
    func add(_ use: ReceiptContents.Use, _ path: String?) throws {
      let text = try contents.text(use, path)
      if !texts.contains(text) { texts.append(text) }
    }
    if let quantize = laboratory.job(of: QuantizeJob.self), try quantize.recipe.calibrates() {
      try add(.calibration, quantize.calibration.text)
    }
    if let evaluate = laboratory.job(of: EvaluateJob.self) {
      try add(.evaluation, evaluate.options.text)
    }
    if let choose = laboratory.job(of: ChooseJob.self) {
      try add(.calibration, choose.options.calibration.text)
      try add(.evaluation, choose.options.text)
    }
    return texts
  }

  private func protocols(_ record: RunRecord) -> [String] {
    var lines: [String] = []
    if let report = record.evaluation {
      lines.append(
        "quality: \(report.conditions.words); \(report.tokens) tokens")
    }
    if let report = record.bench {
      lines.append(
        "speed: prompt \(report.promptTokens), \(report.generatedTokens) generated at depth \(report.depth), "
          + "\(report.repetitions) rounds interleaved with the baseline")
    }
    if let report = record.workload {
      lines.append("workload: \(report.workload.words) on \(report.machine); \(report.source)")
    }
    if let choice = record.choice {
      lines.append(
        "choice: \(choice.options.workload.words) on \(choice.machine); KL at most "
          + "\(Quantity.significant(choice.options.mostKL)), top-1 at least "
          + "\(Quantity.percent(choice.options.leastTopOne)); windows of \(choice.windowTokens)")
    }
    return lines
  }

  /// Those of the profile; without one those that the layers are prepared for.
  private func kernels(_ record: RunRecord) throws -> [String] {
    if let bench = record.bench {
      return Set(bench.quantized.kernels.map(\.kernel)).sorted()
    }
    let model = held.quantized?.model ?? held.model
    let context = try laboratory.makeContext()
    return Set(
      try model.linears.prefix(model.linears.count / max(1, model.blocks.count) * 2).map {
        try model[$0].prepared(for: context).kernel.fullName(laboratory.provider)
      }
    ).sorted()
  }
}
