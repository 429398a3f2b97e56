package import Evaluation
package import Profiling
package import Quantization

/// A finished run as the workspace keeps it.
package struct RunRecord: Hashable, Sendable, Codable {
  /// The name of its folder.
  package var id: String
  package var model: String
  package var recipe: Recipe
  package var quantize: QuantizeReport?
  package var evaluation: EvaluationReport?
  package var bench: BenchReport?
  package var verdict: Verdict?
  /// The file that was held against another, where nothing was quantized here.
  package var file: String?
  /// Recall through the cache, and tasks, where they were asked.
  package var recall: RecallReport?
  package var tasks: TaskReport?

  /// The recipe, or the file.
  package var words: String { file ?? "\(recipe)" }

  package init(
    id: String, model: String, recipe: Recipe, quantize: QuantizeReport? = nil,
    evaluation: EvaluationReport? = nil, bench: BenchReport? = nil, verdict: Verdict? = nil,
    file: String? = nil, recall: RecallReport? = nil, tasks: TaskReport? = nil
  ) {
    self.recall = recall
    self.tasks = tasks
    self.id = id
    self.model = model
    self.recipe = recipe
    self.quantize = quantize
    self.evaluation = evaluation
    self.bench = bench
    self.verdict = verdict
    self.file = file
  }
}
