package import Engine
package import Evaluation
package import Models
package import Operators
package import Planning
package import Profiling
package import Quantization

/// What is known: the newest report of each kind of job that still says something, and the parts of those that run.
package struct Facts: Hashable, Sendable {
  package var reports = JobReports()

  package init() {}

  /// The report of a kind of job.
  package subscript<Kind: Job>(_ kind: Kind.Type) -> Kind.Report? {
    get { reports[kind] }
    set { reports[kind] = newValue }
  }

  /// The job that a report came of, with the options as they were asked for.
  package func job<Kind: Job>(_ kind: Kind.Type) -> Kind? { reports.job(kind) }

  /// The verdict over everything measured so far.
  package var verdict: Verdict {
    Verdict.judge(
      plan: plan, quantize: quantized, evaluation: evaluation, bench: bench, recall: recall,
      tasks: tasks)
  }
}

/// Short names for what several screens read.
extension Facts {
  /// The open model as it is now.
  package var model: ModelSummary? { self[LoadJob.self] }
  package var peaks: MachinePeaks? { self[MachineJob.self] }
  package var plan: PlanReport? { self[PlanJob.self] }
  /// What filled caches of the open model held, next to the plan.
  package var cacheFill: CacheMeasurement? { self[CacheFillingJob.self] }
  package var assessment: AssessReport? { self[AssessJob.self] }
  /// What quantizing did to the layers, or what sets a candidate apart from its base.
  package var quantized: QuantizeReport? { self[QuantizeJob.self] ?? self[LayersJob.self] }
  /// Layers of the job that quantizes or compares, as they come; all of them once it has finished.
  package var layers: [LayerReport] {
    reports.parts(of: QuantizeJob.self) ?? reports.parts(of: LayersJob.self) ?? quantized?.layers
      ?? []
  }
  /// Whether a candidate is open next to the model that it is held against.
  package var holdsCandidate: Bool { model?.against != nil }
  /// What figures are held against, in words.
  package var baseline: BaselineWords { model?.baseline ?? BaselineWords() }
  package var sensitivity: ErrorMap? { self[SensitivityJob.self] }
  package var survey: CalibrationSurvey? { self[CalibrationSurveyJob.self] }
  package var allocation: AllocationReport? { self[AllocateJob.self] }
  package var outliers: OutlierSurvey? { self[OutliersJob.self] }
  /// What planting outliers in the open model did last.
  package var planting: PlantingReport? { self[PlantingJob.self] }
  package var outlierLab: OutlierLabReport? { self[OutlierLabJob.self] }
  package var caches: CacheReport? { self[CachesJob.self] }
  package var batches: BatchReport? { self[BatchJob.self] }
  package var cell: CellDetail? { self[CellJob.self] }
  package var restored: RestoreReport? { self[RestoreJob.self] }
  package var evaluation: EvaluationReport? { self[EvaluateJob.self] }
  package var continuation: ContinuationReport? { self[ContinueJob.self] }
  package var recall: RecallReport? { self[RecallJob.self] }
  package var tasks: TaskReport? { self[TasksJob.self] }
  package var bench: BenchReport? { self[BenchJob.self] }
  package var providers: ProviderReport? { self[ProvidersJob.self] }
  package var saved: RunRecord? { self[SaveJob.self] }
  package var exported: ExportedArtifact? { self[ExportJob.self] }
}
