import Checkpoints
import Models
import Operators
import Quantization
import Tensors
import Tokenizers

/// A model that was opened by itself, whatever holds it: a checkpoint, a GGUF file, a directory that `quantize` wrote.
struct OpenedModel: Sendable {
  var stored: StoredModel
  var summary: ModelSummary
  /// The weights as they are stored, inputs of layers in BF16.
  var weights: Model
  /// As it says it is to be run: `weights`, or with inputs turned into something else.
  var model: Model
  /// What it was made with; nil where it does not say.
  var recipe: Recipe?
  var cache = KVFormatPair.fp16
  /// The path of the model it was made from, `built-in` for the built-in one; nil where it does not say.
  var origin: String?
  var tokenizer: Tokenizer?

  /// What a measurement of it is called: its recipe, or its name and what it is stored as.
  var words: String {
    if let recipe { return "\(recipe)" }
    return summary.name + (summary.storedAs.map { " (\($0))" } ?? "")
  }
}

extension Laboratory.OpenModel {
  /// A model that is its own reference.
  init(_ opened: OpenedModel) {
    self.init(
      directory: opened.stored.path, stored: opened.stored,
      isBuiltIn: opened.summary.path == DemoPath.name, summary: opened.summary,
      model: opened.weights, tokenizer: opened.tokenizer)
    if opened.recipe != nil || opened.model !== opened.weights { quantized = .init(opened) }
  }

  /// A candidate next to the model that its figures are held against.
  init(_ candidate: OpenedModel, against base: OpenedModel, notes: [String]) {
    self.init(candidate)
    stored = base.stored
    model = base.weights
    quantized = .init(candidate)
    summary.against = ReferenceSummary(
      name: base.summary.name, path: base.summary.path, storedAs: base.summary.storedAs,
      notes: notes)
  }

  /// What is measured: a recipe, a file, or the open model itself.
  var subjectWords: String { quantized?.words ?? referenceWords }

  /// The open model before it is quantized: its transforms, or what it is.
  var referenceWords: String {
    transformed.isBaseline ? summary.baseline.long : "\(transformed)"
  }
}

extension Laboratory.Quantized {
  /// What a file holds.
  init(_ opened: OpenedModel) {
    self.init(
      recipe: opened.recipe ?? .baseline, file: opened.recipe == nil ? opened.words : nil,
      model: opened.model, cache: opened.cache, blocks: [], sample: [])
  }

  /// The recipe it was made by, or the file it was read from.
  var words: String { file ?? "\(recipe)" }
}

/// The name that stands for the path of the built-in model.
enum DemoPath {
  static let name = "built-in"
}
