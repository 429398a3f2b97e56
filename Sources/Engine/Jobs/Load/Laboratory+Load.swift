import Checkpoints
import DemoModel
import FoundationEssentials
import Models
import Operators
import Platform
import Quantization
import Tensors
import Tokenizers

extension Laboratory {
  /// Opens a model and makes it the one jobs work on.
  ///
  /// - Throws: what was expected, found and where, for any file that is not as it should be.
  func load(_ path: String?, _ reporter: JobReporter) throws -> ModelSummary {
    let start = Machine.seconds()
    let directory = try path ?? DemoModel(locator: locator).directory
    let configPath = try ModelDirectory(path: directory).path(of: "config.json")
    let config = try ConfigFile(path: configPath)
    let configuration = try ModelConfiguration(config)
    reporter.progress(
      "reading \(path ?? "the built-in model")", done: 0, of: 2, unit: "parts", since: start)
    var bench: Bench
    if CompressedTensors.reads(quantMethod: configuration.quantization) {
      bench = try artifact(directory, config: config, configuration: configuration, reporter)
    } else {
      let model = try Model.load(directory: directory)
      bench = Bench(
        directory: directory, isBuiltIn: path == nil,
        summary: try summary(model, directory: directory, isBuiltIn: path == nil), model: model)
    }
    reporter.progress("reading the tokenizer", done: 1, of: 2, unit: "parts", since: start)
    try reporter.checkpoint()
    if hasTokenizer(directory) {
      let tokenizer = try Tokenizer.load(directory: directory)
      try tokenizer.check(vocabularySize: configuration.vocabularySize)
      bench.tokenizer = tokenizer.replacing(bosID: configuration.beginToken)
      bench.summary.tokenizer = "\(tokenizer.vocabularySize) tokens"
    } else {
      bench.summary.tokenizer = "none"
    }
    bench.openSeconds = Machine.seconds() - start
    hold(bench)
    return bench.summary
  }

  private func hasTokenizer(_ directory: String) -> Bool {
    ["tokenizer.json", "tokenizer.model"].contains {
      FileManager.default.fileExists(atPath: directory + "/" + $0)
    }
  }

  private func summary(
    _ model: Model, directory: String, isBuiltIn: Bool
  ) throws -> ModelSummary {
    let checkpoint = try Checkpoint(path: directory)
    var types: [String: Int] = [:]
    for tensor in checkpoint.tensors {
      types[tensor.dtype.description, default: 0] += tensor.range.count * 8 / tensor.dtype.bits
    }
    let shape = model.configuration.shape
    let name = directory.split(separator: "/").last.map(String.init) ?? directory
    return ModelSummary(
      name: isBuiltIn ? DemoModel.name : name, path: isBuiltIn ? "built-in" : directory,
      shape: shape, parametersByType: types, tensors: checkpoint.tensors.count,
      fileBytes: checkpoint.byteCount, kvBytesPerToken: shape.kvBytesPerToken(.fp16),
      tokenizer: "")
  }

  /// Opens a directory that `quantize` wrote, and the model it was made from as its baseline.
  private func artifact(
    _ directory: String, config: ConfigFile, configuration: ModelConfiguration,
    _ reporter: JobReporter
  ) throws -> Bench {
    let notes = try config.optionalObject("nibble")
    let source = QuantizedSource(
      try Checkpoint(path: directory), scheme: try CompressedTensorsScheme(config))
    let stored = try Model.load(configuration, from: source)
    let recipe = try ArtifactNotes.recipe(notes, path: config.path)
    let format = try recipe.cacheFormat(standard: .fp16)
    let quantized = try activated(stored, by: source)
    var baseline = stored
    if let origin = try notes?.optionalText("source") {
      let path = origin == "built-in" ? try DemoModel(locator: locator).directory : origin
      if FileManager.default.fileExists(atPath: path) {
        baseline = try Model.load(directory: path)
      } else {
        reporter.log(
          "The model this was made from is not at \(path): figures are against the artifact's own "
            + "weights in BF16.")
      }
    }
    var summary = try summary(stored, directory: directory, isBuiltIn: false)
    summary.recipe = "\(recipe)"
    summary.planted = try notes?.optionalText("planted")
    summary.rotated = try notes?.optionalText("rotated")
    return Bench(
      directory: directory, isBuiltIn: false, summary: summary, model: baseline,
      quantized: Quantized(
        recipe: recipe, model: quantized, cache: format, blocks: [], sample: []))
  }

  /// The quantized layers set to the activations that the artifact says.
  private func activated(_ model: Model, by source: QuantizedSource) throws -> Model {
    var changed: [LinearID: Linear] = [:]
    for id in model.linears where !model[id].weight.format.isFloat {
      guard let activation = try source.activation(of: model[id].name) else { continue }
      changed[id] = try model[id].replacing(activation: activation)
    }
    let activated = try model.replacing(changed)
    guard !model.head.weight.format.isFloat else { return activated }
    let names = model.frame
    let name = model.configuration.tiedEmbeddings ? names.embedding : names.head
    guard let activation = try source.activation(of: LinearPlan.layer(of: name)) else {
      return activated
    }
    return try activated.replacing(
      embedding: model.embedding, head: model.head.replacing(activation: activation))
  }
}

/// The tensors of an artifact in the `compressed-tensors` layout.
private struct QuantizedSource: WeightSource {
  private let reader: CompressedTensorsReader
  private let dense: CheckpointSource

  init(_ checkpoint: Checkpoint, scheme: CompressedTensorsScheme) {
    reader = CompressedTensorsReader(checkpoint, scheme: scheme)
    dense = CheckpointSource(checkpoint)
  }

  var path: String { dense.path }
  var names: [String] { reader.names }
  func has(_ name: String) -> Bool { reader.has(name) }

  func tensor(_ name: String, shape: Shape) throws -> TensorView {
    try dense.tensor(name, shape: shape)
  }

  /// What the inputs of a layer are turned into; nil where they stay as they are.
  func activation(of layer: String) throws -> ActivationFormat? {
    try reader.activation(of: layer)
  }

  func weight(_ name: String, rows: Int, columns: Int) throws -> any LinearWeight {
    try reader.weight(name, rows: rows, columns: columns)
      ?? DenseWeight(dense.tensor(name, shape: Shape(checking: [rows, columns])))
  }
}

/// What an artifact says of how it was made, under `nibble` in its `config.json`.
enum ArtifactNotes {
  /// The notes to write.
  static func make(
    _ recipe: Recipe, source: String, planted: String? = nil, rotated: String? = nil
  ) throws -> JSONObject {
    var notes = JSONObject()
    notes.set("source", .string(source))
    if let planted { notes.set("planted", .string(planted)) }
    if let rotated { notes.set("rotated", .string(rotated)) }
    let text = try JSONEncoder().encode(recipe)
    notes.set("recipe", try StrictJSON.parse([UInt8](text)))
    return notes
  }

  /// The recipe noted; the baseline's when there is none.
  static func recipe(_ notes: ConfigFile?, path: String) throws -> Recipe {
    guard let notes, let value = notes.root["recipe"] else { return .baseline }
    do {
      let recipe = try JSONDecoder().decode(Recipe.self, from: Data(value.text().utf8))
      try recipe.validate()
      return recipe
    } catch let error as QuantizationError {
      throw error
    } catch {
      throw EngineError.badRun(path: path, reason: "nibble.recipe: expected a recipe, \(error)")
    }
  }
}
