import Engine
import Models
import Planning
import Quantization

/// What a job leads to in the workbench beyond its report being kept; most lead to nothing more.
struct JobConsequences: Sendable {
  /// What happens when the job begins.
  var begun: @Sendable (inout State) -> Void = { _ in }
  /// Why its report cannot be used, as a session file may hold anything.
  var problem: @Sendable (JobPayload) -> String? = { _ in nil }
  /// What happens once its report is kept.
  var finished: @Sendable (inout State, JobPayload) -> [Effect] = { _, _ in [] }

  /// What a kind of job leads to, by its name.
  static func of(_ name: String) -> JobConsequences { all[name] ?? JobConsequences() }

  private static let all: [String: JobConsequences] = [
    LoadJob.name: JobConsequences(
      LoadJob.self, problem: { impossible($0) }
    ) { state, summary in
      state.readOnly = nil
      state.choices.workload.context = min(max(1, summary.shape.context), 8192)
      state.choices.workload.promptTokens = max(1, state.choices.workload.context * 3 / 4)
      state.choices.workload.generatedTokens = max(1, state.choices.workload.context / 4)
      state.leaveTransforms()
      // What is built in is listed first anyway.
      let isBuiltIn = summary.path == "built-in"
      return state.replan() + state.reassess()
        + (isBuiltIn ? [] : [.rememberModel(path: summary.path)])
    },
    MachineJob.name: JobConsequences(MachineJob.self) { state, _ in state.replan() },
    PlantingJob.name: JobConsequences(
      PlantingJob.self, problem: { impossible($0.summary) }
    ) { state, report in
      state.facts[LoadJob.self] = report.summary
      state.choices.recipe.set(OutlierPlanting.self, report.planting)
      return state.reassess()
    },
    RotationJob.name: JobConsequences(
      RotationJob.self, problem: { impossible($0.summary) }
    ) { state, report in
      state.facts[LoadJob.self] = report.summary
      state.choices.recipe.set(ResidualRotation.self, report.rotation)
      return state.reassess()
    },
    OpenRecipeJob.name: JobConsequences(OpenRecipeJob.self) { state, opened in
      // A recipe without transforms is for the model as it is.
      let made = state.choices.recipe.transforms
      state.choices.recipe = opened.recipe
      if opened.recipe.transforms.isEmpty { state.choices.recipe.transforms = made }
      return state.reassess()
    },
    SaveJob.name: JobConsequences(SaveJob.self) { state, run in
      state.catalog.apply(.run(record: run))
      return []
    },
    EditRunJob.name: JobConsequences(EditRunJob.self) { state, edited in
      if let record = edited.record {
        state.catalog.apply(.run(record: record))
      } else {
        state.catalog.forget(run: edited.id)
      }
      return []
    },
  ]
}

extension State {
  /// Takes the transforms out of the recipe, which were made of the model that was open before.
  fileprivate mutating func leaveTransforms() {
    let words = choices.recipe.modelTransformWords
    guard !words.isEmpty else { return }
    choices.recipe.transforms = []
    say(
      .information,
      "Taken out of the recipe, since another model is open: \(words.joined(separator: ", "))")
  }
}

extension JobConsequences {
  private static func impossible(_ summary: ModelSummary) -> String? {
    summary.shape.isPlausible
      ? nil : "The model \(summary.name) has impossible sizes: \(summary.shape)"
  }

  /// Those of a kind of job, with its report as it is.
  init<Kind: Job>(
    _ kind: Kind.Type, begun: @escaping @Sendable (inout State) -> Void = { _ in },
    problem: @escaping @Sendable (Kind.Report) -> String? = { _ in nil },
    finished: @escaping @Sendable (inout State, Kind.Report) -> [Effect]
  ) {
    self.begun = begun
    self.problem = { payload in (payload.value as? Kind.Report).flatMap(problem) }
    self.finished = { state, payload in
      (payload.value as? Kind.Report).map { finished(&state, $0) } ?? []
    }
  }
}
