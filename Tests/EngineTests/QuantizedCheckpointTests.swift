import Checkpoints
import Engine
import FoundationEssentials
import Models
import Operators
import Platform
import Synchronization
import Tensors
import TestSupport
import Testing

/// Checkpoints in the layouts of others, each with the logits of its decoded weights in float32
/// (`Quantized/make_quantized.py`).
@Suite struct QuantizedCheckpointTests {
  static let folder: String = {
    var parts = #filePath.split(separator: "/", omittingEmptySubsequences: false)
    parts.removeLast()
    return parts.joined(separator: "/") + "/Quantized"
  }()

  /// What each is, and the format of its layers.
  static let forms = [
    "gptq-2": "W2 channel", "gptq-3-v2": "W3 channel asymmetric",
    "gptq-4-zeros": "W4 channel asymmetric", "gptq-4-order": "W4 act-order g16",
    "gptq-8-channel": "W8 channel", "awq-4": "W4 channel asymmetric",
    "ct-pack-4-zeros": "W4 channel asymmetric", "ct-pack-3": "W3 channel",
    "ct-pack-6": "W6 channel",
    "ct-int-4": "W4 channel", "ct-int-8-block": "W8 channel", "ct-float-block": "W8 E4M3 32x32",
    "ct-float-channel": "W8 E4M3 channel", "ct-float-group": "W8 E4M3 g16",
    "ct-nvfp4": "NVFP4 g16", "ct-mxfp4": "MXFP4", "ct-mxfp8": "W8 E4M3 channel",
    "fp8-block": "W8 E4M3 48x32", "bnb-8": "W8 channel", "bnb-nf4": "NF4 g64", "bnb-fp4": "FP4 g64",
  ]

  @Test(arguments: forms.keys.sorted()) func logitsAreThoseOfTheDecodedWeights(name: String) throws
  {
    let path = Self.folder + "/" + name
    let model = try Model.load(directory: path, precision: .f32)
    let layer = try #require(model.linears.first)
    #expect("\(model[layer].weight.format)" == Self.forms[name])
    for id in model.linears { #expect(!model[id].weight.format.isFloat) }
    let reference = try Checkpoint(path: path + "/reference.safetensors")
    let ids = try reference.view("ids").elements(as: Int32.self)
    let expected = try reference.view("logits").floats()
    let context = try ExecutionContext(pool: WorkerPool(threads: 1), provider: .best)
    let logits = try model.forward(
      tokens: ids, cache: model.makeCache(.fp32), context: context, logits: .all)
    var worst: Float = 0
    for token in ids.indices {
      for (place, value) in logits[token].enumerated() {
        worst = max(worst, (value - expected[token * logits.vocabulary + place]).magnitude)
      }
    }
    #expect(worst < 1e-3, "\(worst)")
  }

  /// Every folder is in the list above.
  @Test func noneIsLeftOut() throws {
    let folders = try FileManager.default.contentsOfDirectory(atPath: Self.folder)
    #expect(Set(folders.filter { !$0.hasSuffix(".py") }) == Set(Self.forms.keys))
  }

  @Test(arguments: ["gptq-4-order", "ct-nvfp4", "bnb-nf4", "ct-pack-6"])
  func whatNoKernelReadsIsTold(name: String) throws {
    let laboratory = try Laboratory(threads: 1)
    let said = Mutex<[String]>([])
    let summary = try perform(laboratory, LoadJob(path: Self.folder + "/" + name)) { event in
      if case .log(_, let text) = event { said.withLock { $0.append(text) } }
    }
    #expect(summary.layout?.contains(Self.forms[name] ?? "") == true, "\(summary.layout ?? "none")")
    #expect(
      said.withLock { $0.contains { $0.contains("no kernel reads") && $0.contains("7 layers") } })
  }

  // MARK: Contradictions

  /// A copy of a checkpoint whose configuration says something else.
  private func changed(_ name: String, _ old: String, _ new: String) throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    let path = Self.folder + "/" + name
    let config = try #require(FileManager.default.contents(atPath: path + "/config.json"))
    let text = String(decoding: config, as: UTF8.self)
    #expect(text.contains(old))
    try WholeFile.write(text.replacing(old, with: new), to: folder.path("config.json"))
    try FileManager.default.copyItem(
      atPath: path + "/model.safetensors", toPath: folder.path("model.safetensors"))
    return folder
  }

  @Test(
    arguments: [
      ("gptq-2", "\"bits\": 2", "\"bits\": 4", "quantization_config.bits"),
      ("gptq-2", "\"group_size\": 32", "\"group_size\": 16", "quantization_config.group_size"),
      ("gptq-4-zeros", "\"sym\": false", "\"sym\": true", "quantization_config.sym"),
      ("gptq-8-channel", "\"gptq\"\n", "\"gptq_v2\"\n", "checkpoint_format"),
      ("gptq-4-order", "\"desc_act\": true", "\"desc_act\": false", "quantization_config.desc_act"),
      ("gptq-2", "\"checkpoint_format\": \"gptq\"", "\"checkpoint_format\": \"marlin\"", "marlin"),
      ("awq-4", "\"bits\": 4", "\"bits\": 8", "quantization_config.bits"),
      ("awq-4", "\"version\": \"gemm\"", "\"version\": \"gemv\"", "gemv"),
      ("awq-4", "\"group_size\": 32", "\"group_size\": 64", "quantization_config.group_size"),
      ("awq-4", "\"zero_point\": true", "\"zero_point\": false", "quantization_config.zero_point"),
      ("ct-pack-4-zeros", "\"num_bits\": 4", "\"num_bits\": 8", "weights.num_bits"),
      ("ct-pack-4-zeros", "\"group_size\": 32", "\"group_size\": 16", "weights.group_size"),
      ("ct-pack-4-zeros", "\"symmetric\": false", "\"symmetric\": true", "weights.symmetric"),
      ("ct-pack-4-zeros", "\"type\": \"int\"", "\"type\": \"float\"", "weights.type"),
      ("ct-pack-4-zeros", "\"pack-quantized\"", "\"int-quantized\"", "group_0.format"),
      ("ct-pack-4-zeros", "\"Linear\"", "\"model.layers.0.mlp.up_proj\"", "a target for"),
      ("ct-pack-4-zeros", "\"lm_head\"", "\"re:.*down_proj\"", "a target for"),
      ("ct-pack-3", "\"strategy\": \"channel\"", "\"strategy\": \"tensor\"", "weights.strategy"),
      ("ct-float-channel", "\"type\": \"float\"", "\"type\": \"int\"", "weights.type"),
      (
        "ct-float-block", "\"strategy\": \"block\"", "\"strategy\": \"channel\"", "weights.strategy"
      ),
      ("ct-nvfp4", "\"nvfp4-pack-quantized\"", "\"mxfp4-pack-quantized\"", "group_0.format"),
      ("fp8-block", "48,", "16,", "weight_block_size"),
      ("bnb-8", "\"load_in_4bit\": false", "\"load_in_4bit\": true", "load_in_4bit"),
      (
        "bnb-nf4", "\"bnb_4bit_quant_type\": \"nf4\"", "\"bnb_4bit_quant_type\": \"fp4\"",
        "quant_type"
      ),
      ("bnb-nf4", "\"bitsandbytes\"", "\"aqlm\"", "aqlm"),
    ] as [(String, String, String, String)])
  func contradictionsAreNamed(name: String, old: String, new: String, words: String) throws {
    let folder = try changed(name, old, new)
    let error = #expect(throws: (any Error).self) { try Model.load(directory: folder.path) }
    #expect(error.map { "\($0)".contains(words) } == true, "\(error.map { "\($0)" } ?? "")")
  }

  @Test func transformsOfActivationsAreRefused() throws {
    let folder = try changed(
      "ct-pack-3", "\"kv_cache_scheme\": null",
      "\"transform_config\": {\"config_groups\": {\"R1\": {\"type\": \"hadamard\"}}}")
    let error = #expect(throws: (any Error).self) { try Model.load(directory: folder.path) }
    #expect(error.map { "\($0)".contains("transform_config") } == true)
  }

  /// Older tools name the file after themselves, and say how layers are stored in a file of its own.
  @Test func olderFilesAreFound() throws {
    let folder = try TemporaryFolder()
    let path = Self.folder + "/gptq-2"
    let config = try ConfigFile(path: path + "/config.json").root
    var plain = JSONObject()
    for member in config.members where member.name != "quantization_config" {
      plain.set(member.name, member.value)
    }
    var own = try #require(config["quantization_config"]?.object)
    own.set("quant_method", .null)
    try WholeFile.write(JSONValue.object(plain).text(), to: folder.path("config.json"))
    try WholeFile.write(JSONValue.object(own).text(), to: folder.path("quantize_config.json"))
    try FileManager.default.copyItem(
      atPath: path + "/model.safetensors", toPath: folder.path("gptq_model-2bit-32g.safetensors"))
    let model = try Model.load(directory: folder.path)
    let layer = try #require(model.linears.first)
    #expect("\(model[layer].weight.format)" == "W2 channel")
  }

  // MARK: Scales

  /// A copy with one number of a tensor of float32 or FP16 replaced.
  private func spoiled(_ name: String, _ tensor: String, _ value: Float) throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    let path = Self.folder + "/" + name
    try FileManager.default.copyItem(
      atPath: path + "/config.json", toPath: folder.path("config.json"))
    let source = try Checkpoint(path: path)
    let writer = try SafetensorsWriter(
      path: folder.path("model.safetensors"),
      entries: source.tensors.map { .init(name: $0.name, dtype: $0.dtype, shape: $0.shape) })
    for stored in source.tensors {
      var bytes = Array(try stored.view().bytes)
      if stored.name == tensor {
        switch stored.dtype {
        case .f16:
          withUnsafeBytes(of: FloatFormats.f16(value)) { bytes.replaceSubrange(0..<2, with: $0) }
        default: withUnsafeBytes(of: value) { bytes.replaceSubrange(0..<4, with: $0) }
        }
      }
      try writer.write(stored.name, bytes)
    }
    try writer.commit()
    return folder
  }

  @Test(
    arguments: [
      ("gptq-4-zeros", "model.layers.0.mlp.up_proj.scales"),
      ("awq-4", "model.layers.0.mlp.up_proj.scales"),
      ("ct-pack-4-zeros", "model.layers.0.mlp.up_proj.weight_scale"),
      ("ct-int-4", "model.layers.0.mlp.up_proj.weight_scale"),
      ("ct-float-block", "model.layers.0.mlp.up_proj.weight_scale"),
      ("ct-nvfp4", "model.layers.0.mlp.up_proj.weight_global_scale"),
      ("fp8-block", "model.layers.0.mlp.up_proj.weight_scale_inv"),
      ("bnb-8", "model.layers.0.mlp.up_proj.SCB"),
      ("bnb-fp4", "model.layers.0.mlp.up_proj.weight.absmax"),
    ], [Float.nan, -1, .infinity])
  func scalesThatAreNoneAreNamed(layer: (String, String), value: Float) throws {
    let folder = try spoiled(layer.0, layer.1, value)
    let error = #expect(throws: (any Error).self) { try Model.load(directory: folder.path) }
    #expect(error.map { "\($0)".contains(layer.1) } == true, "\(error.map { "\($0)" } ?? "")")
  }

  @Test(
    arguments: [
      ("gptq-4-zeros", "model.layers.0.mlp.up_proj.scales"),
      ("ct-pack-4-zeros", "model.layers.0.mlp.up_proj.weight_scale"),
      ("ct-float-channel", "model.layers.0.mlp.up_proj.weight_scale"),
    ])
  func zeroScalesOfCodesThatSaySomethingAreNamed(name: String, tensor: String) throws {
    let folder = try spoiled(name, tensor, 0)
    let error = #expect(throws: (any Error).self) { try Model.load(directory: folder.path) }
    #expect(error.map { "\($0)".contains(tensor) } == true)
  }

  /// Kernels of few bits hold scales in FP16: a layer with one beyond that is expanded, and says so.
  @Test(arguments: [Float(1e6), 1e-7]) func scalesBeyondHalfAreComputedWider(value: Float) throws {
    let name = "model.layers.0.mlp.up_proj"
    let folder = try spoiled("ct-pack-4-zeros", name + ".weight_scale", value)
    let model = try Model.load(directory: folder.path)
    let id = try #require(model.linears.first { model[$0].name == name })
    let context = try ExecutionContext(pool: WorkerPool(threads: 1), provider: .best)
    let prepared = try model[id].prepared(for: context)
    #expect(prepared.reason?.contains("FP16") == true)
    #expect(prepared.kernel.name == "linear_bf16_bf16")
    let other = try #require(model.linears.first { model[$0].name != name })
    #expect(try model[other].prepared(for: context).reason == nil)
  }
}
