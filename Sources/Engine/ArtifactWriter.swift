import Checkpoints
import FoundationEssentials
import Models
import Platform
import Quantization
import Tensors

/// Writes a quantized model: its layers by the format, everything else as the source has it.
struct ArtifactWriter {
  private let bench: Laboratory.Bench
  private let quantized: Laboratory.Quantized
  private let format: any ExportFormat.Type

  /// - Throws: `EngineError.unknownFormat`.
  init(bench: Laboratory.Bench, quantized: Laboratory.Quantized, format: String) throws {
    guard let found = ExportFormats.named(format) else {
      throw EngineError.unknownFormat(
        name: format, known: ExportFormats.all.map { $0.name })
    }
    self.bench = bench
    self.quantized = quantized
    self.format = found
  }

  /// Writes a directory whole, or nothing; yields its bytes.
  ///
  /// - Throws: `EngineError.outputExists`, `.cannotExport`; what writing throws.
  func write(to path: String) throws -> Int {
    guard !FileManager.default.fileExists(atPath: path) else {
      throw EngineError.outputExists(path: path)
    }
    guard bench.summary.recipe == nil else {
      throw EngineError.cannotExport(
        what: bench.summary.name, reason: "it is an artifact already; copy its directory")
    }
    let source = try Checkpoint(path: bench.directory)
    let layers = quantized.model.linears.map { id in
      let linear = quantized.model[id]
      return Artifact.Layer(
        name: linear.name, weight: linear.weight, activation: linear.activation)
    }
    let names = Set(layers.map { $0.name + ".weight" })
    let changed = try changed(source)
    let others = try source.tensors.filter { !names.contains($0.name) }.map {
      (name: $0.name, view: try changed[$0.name] ?? source.view($0.name))
    }
    let origin =
      bench.isBuiltIn ? "built-in" : URL(fileURLWithPath: bench.directory).standardizedFileURL.path
    let directory = try WholeDirectory(path: path)
    do {
      let artifact = Artifact(
        config: try ConfigFile(path: bench.directory + "/config.json").root, layers: layers,
        others: others, companions: companions,
        notes: try ArtifactNotes.make(
          quantized.recipe, source: origin, planted: bench.summary.planted))
      // The views point into the source's maps.
      try withExtendedLifetime(source) { try format.write(artifact, into: directory) }
      try directory.commit()
    } catch {
      directory.abandon()
      throw error
    }
    return try size(of: path)
  }

  /// Norms and biases that a method moved scale into, or that outliers were planted in, by name: norms in the type of the source, which they were rounded
  /// to, biases in float32.
  private func changed(_ source: Checkpoint) throws -> [String: TensorView] {
    var changed: [String: TensorView] = [:]
    for (index, block) in quantized.model.blocks.enumerated() {
      let original = try (bench.plain ?? bench.model).block(index)
      for norm in BlockNorm.allCases where block[norm].values != original[norm].values {
        let values = block[norm].values
        let shape = try Shape(checking: [values.count])
        let type = source[block[norm].name]?.dtype ?? .f32
        changed[block[norm].name] =
          switch type {
          case .bf16:
            try TensorView(dtype: type, shape: shape, copying: values.map(FloatFormats.bf16))
          case .f16:
            try TensorView(dtype: type, shape: shape, copying: values.map(FloatFormats.f16))
          default: try TensorView(dtype: .f32, shape: shape, copying: values)
          }
      }
      for projection in Projection.allCases {
        let linear = block[projection]
        guard let bias = linear.bias, bias != original[projection].bias else { continue }
        changed[linear.name + ".bias"] = try TensorView(
          dtype: .f32, shape: Shape(checking: [bias.count]), copying: bias)
      }
    }
    return changed
  }

  private var companions: [String] {
    [
      "tokenizer.json", "tokenizer.model", "tokenizer_config.json", "special_tokens_map.json",
      "generation_config.json",
    ].map { bench.directory + "/" + $0 }.filter { FileManager.default.fileExists(atPath: $0) }
  }

  private func size(of path: String) throws -> Int {
    try FileManager.default.contentsOfDirectory(atPath: path).reduce(0) { sum, name in
      try sum + MappedFile(path: path + "/" + name).byteCount
    }
  }
}
