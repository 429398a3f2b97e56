import Checkpoints
import Models
package import Platform
import Quantization

/// A plan made into its tasks, with all that they depend on as it is now.
package struct SweepExpansion: Sendable {
  /// In the order of the plan: by model, by recipe, by text and protocol, workloads last.
  package let tasks: [SweepTask]
  package let inputs: [FrozenInput]

  /// Counts first, then reads what the tasks depend on and makes them.
  ///
  /// - Parameter log: is told of what takes long.
  /// - Throws: `SweepError.tooMany`, `.sameTask`, `.badPlan` for a model without weights whose quality is to be measured; what
  ///   reading models, texts and traces throws; `EngineError.unknownMachine`.
  package init(
    _ plan: SweepPlan, locator: ResourceLocator = ResourceLocator(),
    log: (String) -> Void = { _ in }
  ) throws {
    _ = try plan.count()
    var reader = Reader(plan: plan, locator: locator)
    try reader.read(log)
    tasks = try reader.tasks()
    inputs = reader.inputs
    var known: [String: SweepTask] = [:]
    for task in tasks {
      if let first = known.updateValue(task, forKey: task.id) {
        throw SweepError.sameTask(id: task.id, first: first.words, second: task.words)
      }
    }
  }

  private struct Reader {
    let plan: SweepPlan
    let locator: ResourceLocator
    var models: [FrozenInput] = []
    var texts: [FrozenInput] = []
    var calibration: FrozenInput?
    var traces: [String: FrozenInput] = [:]
    var machines = MachineCatalog()

    var inputs: [FrozenInput] {
      models + texts + [calibration].compactMap(\.self)
        + traces.values.sorted { $0.name < $1.name }
    }

    mutating func read(_ log: (String) -> Void) throws {
      for source in plan.models {
        models.append(try FrozenInput(.model, source, locator: locator, log: log))
        if let path = source.path, path.hasSuffix(".json") { try checkShape(path) }
      }
      if !plan.protocols.isEmpty {
        texts = try plan.texts.map { try FrozenInput(.text, $0, locator: locator) }
        if try plan.recipes.contains(where: { try $0.recipe.calibrates() }) {
          let path = plan.calibration.text
          calibration = try FrozenInput(
            .calibration, .init(name: path ?? SweepPlan.Source.builtIn.name, path: path),
            locator: locator)
        }
      }
      guard !plan.workloads.isEmpty else { return }
      machines = try MachineCatalog(locator: locator)
      for workload in plan.workloads {
        if case .file(let path, _, _, _) = workload.options.source {
          traces[path] = try FrozenInput(.trace, .init(name: path, path: path), locator: locator)
        }
      }
    }

    /// A model without weights can be planned with, and no more.
    private func checkShape(_ path: String) throws {
      guard plan.protocols.isEmpty else {
        throw SweepError.badPlan(
          path: plan.path, line: nil, key: "models",
          expected: "models with weights next to a protocol", found: path)
      }
      _ = try ModelShape(planningFor: ConfigFile(path: path))
    }

    func tasks() throws -> [SweepTask] {
      var found: [SweepTask] = []
      for model in models {
        for recipe in plan.recipes {
          let base = SweepTask(
            model: model, recipe: recipe, threads: plan.threads, provider: plan.provider)
          for text in texts {
            for measure in plan.protocols { found.append(try quality(base, text, measure)) }
          }
          for workload in plan.workloads { found.append(try traffic(base, workload)) }
        }
      }
      return found
    }

    private func quality(
      _ base: SweepTask, _ text: FrozenInput, _ measure: SweepPlan.NamedProtocol
    ) throws -> SweepTask {
      var task = base
      task.text = SweepTask.Source(text)
      task.protocolName = measure.name
      task.evaluation = measure.options
      task.evaluation?.text = text.path
      if try task.recipe.calibrates(), let calibration {
        task.calibration = plan.calibration
        task.calibrationText = SweepTask.Source(calibration)
      }
      task.id = try task.identity()
      return task
    }

    private func traffic(
      _ base: SweepTask, _ workload: SweepPlan.Workload
    ) throws -> SweepTask {
      var task = base
      task.workloadName = workload.name
      task.traffic = workload.options
      task.traffic?.recipes = task.recipe.isBaseline ? [] : [task.recipe]
      task.machine = try machines.named(workload.options.machine ?? "")
      if case .file(let path, _, _, _) = workload.options.source {
        task.trace = traces[path].map(SweepTask.Source.init)
      }
      task.id = try task.identity()
      return task
    }
  }
}
