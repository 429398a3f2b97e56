/// All jobs there are, by the names that sessions know them by.
package enum Jobs {
  package static let all: [any Job.Type] = [
    LoadJob.self, InspectJob.self, LayersJob.self, MachineJob.self, PlanJob.self,
    CacheFillingJob.self, AssessJob.self,
    QuantizeJob.self, CellJob.self, RestoreJob.self, SensitivityJob.self,
    CalibrationSurveyJob.self, ImportanceJob.self, AllocateJob.self, OutliersJob.self,
    PlantingJob.self,
    RotationJob.self, OutlierLabJob.self, CachesJob.self, CacheSpeedJob.self, BatchJob.self,
    EvaluateJob.self, ContinueJob.self, RecallJob.self, TasksJob.self, BenchJob.self,
    ProvidersJob.self,
    KernelsJob.self, ExportJob.self, SaveJob.self, OpenRecipeJob.self, WriteRecipeJob.self,
    TokensJob.self, LogitsJob.self, GenerateJob.self, ChooseJob.self, WorkloadJob.self,
    EditRunJob.self, TrafficJob.self, QuantizeBlocksJob.self, SweepJob.self,
  ]

  private static let byName = Dictionary(uniqueKeysWithValues: all.map { ($0.name, $0) })

  /// The job of a name.
  ///
  /// - Throws: `DecodingError` that names what was found and what is known.
  static func named(_ name: String, at path: [any CodingKey]) throws -> any Job.Type {
    guard let type = byName[name] else {
      throw DecodingError.dataCorrupted(
        DecodingError.Context(
          codingPath: path,
          debugDescription: "unknown job '\(name)': expected one of "
            + byName.keys.sorted().joined(separator: ", ")))
    }
    return type
  }
}
