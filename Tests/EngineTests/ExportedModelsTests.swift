import Checkpoints
import Engine
import Evaluation
import FoundationEssentials
import Models
import Platform
import Quantization
import Synchronization
import Tensors
import TestSupport
import Testing

/// Models written in each format and read again: the same numbers where codes are the same.
@Suite struct ExportedModelsTests {
  /// Quantizes the model at a path, writes it and measures it on the built-in text.
  private static func write(
    _ model: String?, _ recipe: String, as format: String, to path: String
  ) throws -> (said: [String], perplexity: Double) {
    let laboratory = try Laboratory(threads: 2)
    _ = try perform(laboratory, LoadJob(path: model))
    let said = Mutex<[String]>([])
    _ = try perform(
      laboratory,
      QuantizeJob(
        recipe: RecipeText.recipe(recipe), calibration: CalibrationOptions(samples: 2, length: 64),
        keeping: .nothing, compares: false))
    let report = try perform(laboratory, EvaluateJob(options: EvaluationOptions(windows: 1)))
    _ = try perform(laboratory, ExportJob(path: path, format: format)) { event in
      if case .log(_, let text) = event { said.withLock { $0.append(text) } }
    }
    return (said.withLock { $0 }, report.perplexity)
  }

  private static func perplexity(_ path: String) throws -> Double {
    let laboratory = try Laboratory(threads: 2)
    _ = try perform(laboratory, LoadJob(path: path))
    return try perform(laboratory, EvaluateJob(options: EvaluationOptions(windows: 1))).perplexity
  }

  /// Numbers of all layers of a model that is read from a path.
  private static func weights(_ path: String) throws -> [String: [Float]] {
    let stored = try StoredModel(path: path)
    let model: Model =
      switch stored {
      case .directory(let directory): try Model.load(directory: directory.path)
      case .gguf(let file): try Model.load(gguf: file)
      }
    return Dictionary(
      uniqueKeysWithValues: model.linears.map {
        ("\($0)", model[$0].weight.dequantized())
      })
  }

  @Test(
    arguments: [
      ("weights=rtn:4:32", ["Q4_0"]), ("weights=rtn:4:128", ["Q4_0"]),
      ("weights=rtn:4:32 weights.symmetric=false", ["Q4_1"]),
      ("weights=rtn:8:32 layer=0.q=fp layer=*.v=4", ["Q8_0", "Q4_0"]),
      ("weights=rtn:3:64", ["Q4_0"]), ("weights=hqq:4:64", ["Q4_1"]),
    ])
  func codesGoIntoBlocksAsTheyAre(recipe: String, types: [String]) throws {
    let folder = try TemporaryFolder()
    let blocks = try Self.write(nil, recipe, as: "gguf", to: folder.path("blocks"))
    _ = try Self.write(nil, recipe, as: "compressed-tensors", to: folder.path("codes"))
    let file = try GGUFFile(path: folder.path("blocks/model.gguf"))
    let found = Set(file.tensors.filter { $0.type.plain == nil }.map { "\($0.type)" })
    #expect(found == Set(types))
    let (one, other) = (
      try Self.weights(folder.path("blocks")), try Self.weights(folder.path("codes"))
    )
    #expect(one.count == 56)
    // A minimum `-scale * zero` is rounded to FP16; scales are FP16 in both.
    let hasMinima = types.contains("Q4_1")
    for (name, numbers) in other {
      let written = try #require(one[name])
      if hasMinima {
        let error = zip(numbers, written).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
        #expect(error <= numbers.reduce(0) { $0 + $1 * $1 } * 1e-6, "\(name)")
      } else {
        #expect(numbers == written, "\(name)")
      }
    }
    if !hasMinima { #expect(blocks.said.contains { $0.contains("written without loss") }) }
    let manifest = try StrictJSON.parse(
      [UInt8](try #require(FileManager.default.contents(atPath: folder.path("blocks/nibble.json"))))
    )
    #expect(manifest.object?["format"]?.string == "gguf")
    #expect(manifest.object?["files"]?.array?.count == 1)
    #expect(manifest.object?["layers"]?.array?.isEmpty == false)
  }

  /// Turned into another type, with what that lost; a plain type keeps what the model computes.
  @Test(arguments: ["F32", "F16", "Q8_0", "Q4_K", "Q6_K", "IQ4_NL", "MXFP4", "Q2_K"])
  func layersAreTurnedIntoAType(type: String) throws {
    let folder = try TemporaryFolder()
    let made = try Self.write(nil, "", as: "gguf:\(type)", to: folder.path("made"))
    let file = try GGUFFile(path: folder.path("made/model.gguf"))
    #expect(file.tensor("blk.3.ffn_down.weight").map { "\($0.type)" } == type)
    #expect(file.tensor("blk.3.attn_norm.weight")?.type == .f32)
    let perplexity = try Self.perplexity(folder.path("made"))
    let wide: [String: Double] = ["F32": 1e-5, "F16": 1e-3, "Q8_0": 5e-3, "Q6_K": 0.02, "Q2_K": 3]
    #expect(abs(perplexity / made.perplexity - 1) < wide[type] ?? 0.1, "\(perplexity)")
    #expect(made.said.contains { $0.contains(" in \(type)") }, "\(made.said)")
  }

  /// A GGUF file in, a GGUF file out: what the recipe leaves is the same bytes, and the metadata is copied.
  @Test func blocksThatAreLeftAreCopied() throws {
    let folder = try TemporaryFolder()
    let source = try GGUFOpeningTests.demo(in: folder, as: .q8_0)
    _ = try Self.write(
      source, "weights=rtn:4:32 layer=1-7.*=fp", as: "gguf", to: folder.path("made"))
    let (before, after) = (
      try GGUFFile(path: source), try GGUFFile(path: folder.path("made/model.gguf"))
    )
    for tensor in before.tensors where !tensor.name.hasPrefix("blk.0.") {
      let copy = try #require(after.tensor(tensor.name))
      #expect(copy.type == tensor.type)
      #expect(Array(copy.bytes) == Array(tensor.bytes), "\(tensor.name)")
    }
    #expect(after.tensor("blk.0.attn_q.weight")?.type == .q4_0)
    for key in ["tokenizer.ggml.tokens", "llama.block_count", "general.architecture"] {
      #expect(after[key] == before[key])
    }
  }

  /// Checkpoints of other tools, read by the layouts that read theirs.
  @Test(
    arguments: [
      ("gptq", "weights=gptq:4:64", "gptq"), ("gptq", "weights=gptq:3:64", "gptq"),
      ("gptq", "weights=rtn:4:64 weights.symmetric=false", nil),
      ("gptq:v2", "weights=rtn:8:channel layer=2.q=fp layer=*.v=4", "gptq_v2"),
      ("gptq", "weights=rtn:2:32", "gptq"), ("awq", "weights=awq:4:64", nil),
      ("awq", "weights=rtn:4:128 layer=2.q=fp", nil),
    ] as [(String, String, String?)])
  func packedCheckpointsComeBack(format: String, recipe: String, version: String?) throws {
    let folder = try TemporaryFolder()
    let made = try Self.write(nil, recipe, as: format, to: folder.path("made"))
    let codes = try Self.write(nil, recipe, as: "compressed-tensors", to: folder.path("codes"))
    #expect(made.perplexity == codes.perplexity)
    let (one, other) = (
      try Self.weights(folder.path("made")), try Self.weights(folder.path("codes"))
    )
    for (name, numbers) in other { #expect(one[name] == numbers, "\(name)") }
    // The same codes: the same figure to the bit.
    #expect(try Self.perplexity(folder.path("made")) == made.perplexity)
    let config = try ConfigFile(path: folder.path("made/config.json"))
    let own = try config.object("quantization_config")
    #expect(try own.text("quant_method") == format.prefix { $0 != ":" })
    if let version { #expect(try own.text("checkpoint_format") == version) }
    #expect(made.said.contains { $0.contains("without loss") }, "\(made.said)")
  }

  /// 4-bit floats, read by the layout that reads other tools' files.
  @Test(arguments: ["nvfp4", "mxfp4"])
  func layersBecomeFloatsOfFourBits(type: String) throws {
    let folder = try TemporaryFolder()
    let made = try Self.write(
      nil, "layer=2.q=fp", as: "compressed-tensors:\(type)", to: folder.path("made"))
    let config = try ConfigFile(path: folder.path("made/config.json"))
    let own = try config.object("quantization_config")
    #expect(try own.text("format") == "\(type)-pack-quantized")
    let perplexity = try Self.perplexity(folder.path("made"))
    #expect(abs(perplexity / made.perplexity - 1) < 0.1, "\(perplexity)")
    #expect(made.said.contains { $0.contains("relative error of up to 0.") }, "\(made.said)")
  }

  /// The graph's file is there, and its nodes name every layer; ONNX Runtime itself is asked by Tests/Peers/export_onnx.py.
  @Test func linearLayersBecomeNodes() throws {
    let folder = try TemporaryFolder()
    let made = try Self.write(
      nil, "weights=rtn:4:64 weights.symmetric=false layer=2.q=fp", as: "onnx",
      to: folder.path("made"))
    let graph = String(decoding: try folder.bytes("made/model.onnx"), as: UTF8.self)
    #expect(graph.ranges(of: "MatMulNBits").count == 55)
    #expect(graph.contains("model.layers.7.mlp.down_proj.zero_points"))
    #expect(!graph.contains("model.layers.2.self_attn.q_proj.B"))
    #expect(try !folder.bytes("made/model.onnx.data").isEmpty)
    #expect(made.said.contains { $0.contains("55 layers as MatMulNBits") }, "\(made.said)")
  }
}

/// What the disk check asks for is what is written, in every format.
@Suite struct ExportedBytesTests {
  @Test(
    arguments: [
      ("gguf:F32", ""), ("gguf:BF16", ""), ("gguf:Q8_0", ""), ("gguf:Q4_K", ""), ("gguf:NVFP4", ""),
      ("gguf", "weights=rtn:4:32"), ("gguf", "weights=rtn:4:32 layer=0.q=fp head=8"),
      ("gguf", "weights=hqq:4:64"), ("gptq", "weights=rtn:4:64 weights.symmetric=false"),
      ("gptq", "weights=rtn:3:32"), ("awq", "weights=rtn:4:128 layer=2.q=fp"),
      ("onnx", "weights=rtn:4:64 weights.symmetric=false"), ("onnx", "weights=hqq:2:64"),
      ("compressed-tensors", "weights=rtn:4:32"), ("compressed-tensors", "weights=hqq:4:64"),
      ("compressed-tensors", "weights=rtn:8:channel activations=int8 head=8"),
      ("compressed-tensors", "activations=fp8"), ("compressed-tensors", "activations=llmint8"),
      ("compressed-tensors:nvfp4", ""), ("compressed-tensors:mxfp4", ""),
    ])
  func theDiskCheckAsksForWhatIsWritten(format: String, recipe: String) throws {
    let folder = try TemporaryFolder()
    let laboratory = try Laboratory(threads: 2)
    _ = try perform(laboratory, LoadJob(path: nil))
    let recipe = try RecipeText.recipe(recipe)
    let expected = try laboratory.expectedBytes(format: format, recipe: recipe)
    _ = try perform(
      laboratory,
      QuantizeJob(
        recipe: recipe, calibration: CalibrationOptions(samples: 1, length: 32),
        keeping: .nothing, compares: false))
    let written = try perform(
      laboratory, ExportJob(path: folder.path("made"), format: format)
    ).bytes
    #expect(written <= expected, "\(written) of \(expected)")
    // The weight that LLM.int8() keeps next to its codes is counted in float32, whatever it is stored as.
    let most = format == "compressed-tensors" && "\(recipe)".contains("llm.int8") ? 1.7 : 1.25
    #expect(Double(expected) <= Double(written) * most + 0.6e6, "\(expected) for \(written)")
  }
}

/// Scales of an FP8 cache: written from a calibration text, and taken by a cache with one scale for all tokens.
@Suite struct ExportedCacheScalesTests {
  private static func write(_ recipe: String, as format: String, to path: String) throws {
    let laboratory = try Laboratory(threads: 2)
    _ = try perform(laboratory, LoadJob(path: nil))
    let calibration = CalibrationOptions(samples: 2, length: 64)
    _ = try perform(
      laboratory,
      QuantizeJob(
        recipe: RecipeText.recipe(recipe), calibration: calibration, keeping: .nothing,
        compares: false))
    _ = try perform(
      laboratory, ExportJob(path: path, format: format, calibration: calibration))
  }

  @Test func scalesAreWrittenAndTaken() throws {
    let folder = try TemporaryFolder()
    let recipe = "weights=rtn:8:128 kv=fp8 kv.scale=first"
    try Self.write(recipe, as: "compressed-tensors", to: folder.path("made"))
    let checkpoint = try Checkpoint(path: folder.path("made"))
    let scales = checkpoint.tensors.filter {
      $0.name.hasSuffix(".self_attn.k_scale") || $0.name.hasSuffix(".self_attn.v_scale")
    }
    #expect(scales.count == 16)
    for tensor in scales {
      let scale = try checkpoint.view(tensor.name).floats()
      // The farthest of some hundred tokens of eight blocks: neither nothing nor out of reach.
      #expect(scale.count == 1 && scale[0] > 1e-5 && scale[0] < 1, "\(tensor.name): \(scale)")
    }
    let config = try ConfigFile(path: folder.path("made/config.json"))
    let scheme = try config.object("quantization_config").object("kv_cache_scheme")
    #expect(try scheme.text("type") == "float" && scheme.optionalFlag("dynamic") == false)
    // Opened again, the cache is divided by them, which changes little.
    func perplexity(_ path: String?, _ recipe: String?) throws -> Double {
      let laboratory = try Laboratory(threads: 2)
      _ = try perform(laboratory, LoadJob(path: path))
      return try perform(laboratory, EvaluateJob(options: EvaluationOptions(windows: 1)))
        .perplexity
    }
    let (plain, scaled) = (
      try perplexity(nil, nil), try perplexity(folder.path("made"), nil)
    )
    #expect(abs(scaled / plain - 1) < 0.05, "\(scaled) next to \(plain)")
  }

  /// No other cache has such scales, and no other format holds them.
  @Test(
    arguments: [
      ("weights=rtn:4:32 kv=int8", "compressed-tensors"),
      ("weights=rtn:4:32", "compressed-tensors"),
      ("weights=rtn:4:64 kv=fp8", "gptq"),
    ])
  func othersHaveNone(recipe: String, format: String) throws {
    let folder = try TemporaryFolder()
    try Self.write(recipe, as: format, to: folder.path("made"))
    let names = try Checkpoint(path: folder.path("made")).tensors.map(\.name)
    #expect(!names.contains { $0.hasSuffix("_scale") && $0.contains("self_attn.k_s") })
  }
}
