import Engine
import Profiling
import Quantization
import Workbench

extension Play {
  /// The sample report of a job; nil for a kind that has none yet.
  static func report(_ job: any Job, _ state: State) -> JobPayload? {
    report(ofModel: job, state) ?? report(ofWeights: job, state) ?? report(ofMeasuring: job, state)
      ?? report(ofRun: job, state)
  }

  private static func report(ofModel job: any Job, _ state: State) -> JobPayload? {
    switch job {
    case is LoadJob: JobPayload(SampleRun.summary, of: LoadJob.self)
    case is MachineJob: JobPayload(SampleRun.peaks, of: MachineJob.self)
    case let job as PlanJob: JobPayload(SampleRun.plan(job.workload), of: PlanJob.self)
    case let job as CacheFillingJob:
      JobPayload(SampleRun.caches(job.workload), of: CacheFillingJob.self)
    case let job as OutliersJob:
      JobPayload(
        SampleOutliers.survey(job.recipe, planted: state.facts.model?.planted),
        of: OutliersJob.self)
    case let job as PlantingJob:
      JobPayload(SampleOutliers.planted(job.planting), of: PlantingJob.self)
    case let job as RotationJob:
      JobPayload(SampleOutliers.rotated(job.rotation), of: RotationJob.self)
    case let job as OutlierLabJob:
      JobPayload(SampleOutliers.lab(job.options), of: OutlierLabJob.self)
    default: nil
    }
  }

  private static func report(ofWeights job: any Job, _ state: State) -> JobPayload? {
    switch job {
    case let job as AssessJob:
      return JobPayload(SampleRun.assessment(job.recipe), of: AssessJob.self)
    case let job as QuantizeJob:
      var report = SampleRun.quantized
      report.recipe = job.recipe
      return JobPayload(report, of: QuantizeJob.self)
    case let job as CellJob:
      var detail = SampleRun.detail
      (detail.map, detail.row, detail.column) = (job.map, job.row, job.column)
      return JobPayload(detail, of: CellJob.self)
    case let job as RestoreJob:
      return JobPayload(
        RestoreReport(
          cells: job.cells, klBefore: 0.0213, klAfter: 0.0183,
          extraBytes: 1_700_000 * job.cells.count), of: RestoreJob.self)
    case is SensitivityJob: return JobPayload(sensitivity, of: SensitivityJob.self)
    case let job as CalibrationSurveyJob:
      var survey = SampleRun.survey
      survey.recipe = job.recipe
      return JobPayload(survey, of: CalibrationSurveyJob.self)
    case let job as ChooseJob:
      return JobPayload(SampleChoice.report(job.options), of: ChooseJob.self)
    case is AllocateJob: return JobPayload(SampleRun.allocation, of: AllocateJob.self)
    case let job as OpenRecipeJob:
      let recipe = try? RecipeText.recipe(SampleRun.recipeOnDisk)
      return JobPayload(
        RecipeOnDisk(path: job.path, recipe: recipe ?? .baseline), of: OpenRecipeJob.self)
    case let job as WriteRecipeJob:
      return JobPayload(RecipeOnDisk(path: job.path, recipe: job.recipe), of: WriteRecipeJob.self)
    default: return nil
    }
  }

  private static func report(ofMeasuring job: any Job, _ state: State) -> JobPayload? {
    switch job {
    case let job as CachesJob: JobPayload(SampleCaches.report(job.options), of: CachesJob.self)
    case let job as CacheSpeedJob:
      JobPayload(
        CacheSpeedReport(
          model: "sample", weights: "FP", threads: 2, steps: job.options.steps,
          repetitions: job.options.repetitions, rows: []), of: CacheSpeedJob.self)
    case let job as BatchJob: JobPayload(SampleBatches.report(job.options), of: BatchJob.self)
    case let job as TrafficJob:
      JobPayload(SampleTraffic.report(job.options), of: TrafficJob.self)
    case let job as SweepJob: JobPayload(SampleSweep.report(job.path), of: SweepJob.self)
    case let job as ProvidersJob:
      JobPayload(SampleProviders.report(job.options), of: ProvidersJob.self)
    case let job as KernelsJob:
      JobPayload(SampleProviders.kernels(job.options), of: KernelsJob.self)
    default: nil
    }
  }

  private static func report(ofRun job: any Job, _ state: State) -> JobPayload? {
    switch job {
    case is EvaluateJob: JobPayload(SampleRun.evaluation, of: EvaluateJob.self)
    case is ContinueJob: JobPayload(SampleRun.continuation, of: ContinueJob.self)
    case is RecallJob: JobPayload(SampleRun.recall, of: RecallJob.self)
    case is TasksJob: JobPayload(SampleRun.tasks, of: TasksJob.self)
    case is BenchJob: JobPayload(SampleRun.bench, of: BenchJob.self)
    case let job as WorkloadJob:
      JobPayload(SampleWorkload.report(job.workload), of: WorkloadJob.self)
    case let job as ExportJob:
      JobPayload(ExportedArtifact(path: job.path, bytes: 21_300_000), of: ExportJob.self)
    case is SaveJob:
      JobPayload(
        RunRecord(
          id: "2026-11-23-1", model: SampleRun.summary.name,
          recipe: state.facts.quantized?.recipe ?? SampleRun.recipe,
          quantize: state.facts.quantized, evaluation: state.facts.evaluation,
          bench: state.facts.bench, workload: state.facts.workload,
          verdict: state.facts.verdict()), of: SaveJob.self)
    default: nil
    }
  }
}
