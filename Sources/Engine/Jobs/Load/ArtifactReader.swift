import Checkpoints
import Models
import Operators
import Platform
import Quantization
import Tensors
import Tokenizers

/// Opens a checkpoint whose layers are quantized: one that `quantize` wrote, or anybody else.
struct ArtifactReader {
  let directory: ModelDirectory
  let config: ConfigFile
  let layout: any QuantizedLayout
  let configuration: ModelConfiguration
  let reporter: JobReporter<Never>

  /// Reads it by itself.
  func read() throws -> OpenedModel {
    let notes = try config.optionalObject("nibble")
    for notice in layout.notices { reporter.log(notice) }
    let source = LayoutSource(try Checkpoint(path: directory.path), layout: layout)
    let loaded = try Model.load(configuration, from: source)
    let stored = try scaled(loaded, TensorNaming(loaded.frame, has: source.has))
    let recipe = try notes.map { try ArtifactNotes.recipe($0, path: config.path) }
    let naming = TensorNaming(stored.frame, has: source.has)
    let quantized = try activated(stored) { naming?.stored($0) ?? $0 }
    for notice in Self.fallbacks(of: quantized) { reporter.log(notice) }
    var summary = try ModelSummary(stored, .directory(directory))
    // Weights that were decoded when they were read are none of the file's floating-point numbers.
    if recipe == nil { summary.stored?.isQuantized = true }
    summary.stored?.label = configuration.quantization
    summary.recipe = recipe.map { "\($0)" }
    summary.layout = Self.form(of: stored, method: configuration.quantization)
    summary.planted = try notes?.optionalText("planted")
    summary.rotated = try notes?.optionalText("rotated")
    return OpenedModel(
      stored: .directory(directory), summary: summary, weights: stored,
      model: quantized, recipe: recipe,
      cache: try recipe?.cacheFormat(standard: .fp16) ?? .fp16,
      origin: try notes?.optionalText("source"))
  }

  /// The model with the scales that the file has for its cache.
  private func scaled(_ model: Model, _ naming: TensorNaming?) throws -> Model {
    var blocks: [Int: DecoderBlock] = [:]
    for (index, block) in model.blocks.enumerated() {
      func scale(_ role: Projection) throws -> Float? {
        let name = block[role].name
        return try layout.cacheScale(of: naming?.stored(name) ?? name)
      }
      guard let keys = try scale(.k), let values = try scale(.v) else { continue }
      blocks[index] = try block.replacing(cacheScales: KVScales(keys: keys, values: values))
    }
    return blocks.isEmpty ? model : try model.replacing(blocks: blocks)
  }

  /// The quantized layers set to the activations that the artifact says.
  ///
  /// - Parameter inFile: what the file calls a layer.
  private func activated(_ model: Model, _ inFile: (String) -> String) throws -> Model {
    var changed: [LinearID: Linear] = [:]
    for id in model.linears where !model[id].weight.format.isFloat {
      let plan = model.blocks[id.block].plan[id.projection]
      let name = plan?.storedName ?? model[id].name
      guard let activation = try layout.activation(of: inFile(name)) else { continue }
      changed[id] = try model[id].replacing(activation: activation)
    }
    let activated = try model.replacing(changed)
    guard !model.head.weight.format.isFloat else { return activated }
    let names = model.frame
    let name = model.configuration.tiedEmbeddings ? names.embedding : names.head
    guard let activation = try layout.activation(of: inFile(LinearPlan.layer(of: name))) else {
      return activated
    }
    return try activated.replacing(
      embedding: model.embedding, head: model.head.replacing(activation: activation))
  }

  /// What the layers of the blocks are stored as, in words: the method, and the format of most.
  private static func form(of model: Model, method: String?) -> String {
    var counts: [WeightFormat: Int] = [:]
    for id in model.linears { counts[model[id].weight.format, default: 0] += 1 }
    let sorted = counts.sorted { ($0.value, "\($1.key)") > ($1.value, "\($0.key)") }
    let formats = sorted.map { "\($0.key)" }
    return ([method ?? "quantized"] + formats.prefix(3)).joined(separator: ", ")
      + (formats.count > 3 ? " and \(formats.count - 3) more" : "")
  }

  /// Layers that no kernel runs as they are stored, a sentence for each reason.
  private static func fallbacks(of model: Model) -> [String] {
    var counts: [String: (layers: Int, format: WeightFormat)] = [:]
    for id in model.linears where !model[id].weight.format.isFloat {
      guard let reason = model[id].choice(disabling: []).reason else { continue }
      counts[reason, default: (0, model[id].weight.format)].layers += 1
    }
    return counts.sorted { $0.key < $1.key }.map { reason, found in
      "\(found.layers) layer\(found.layers == 1 ? "" : "s") in \(found.format): \(reason)."
    }
  }
}
