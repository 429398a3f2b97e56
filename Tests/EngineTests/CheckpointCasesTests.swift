import Checkpoints
import Engine
import Evaluation
import FoundationEssentials
import Quantization
import Synchronization
import Tensors
import TestSupport
import Testing

/// Small checkpoints as people have them, each with the perplexity that transformers finds in float32 (see the README in each).
@Suite struct CheckpointCasesTests {
  private static func folder(_ name: String) -> String {
    var parts = #filePath.split(separator: "/", omittingEmptySubsequences: false)
    parts.removeLast()
    return parts.joined(separator: "/") + "/Cases/" + name
  }

  @Test(
    arguments: [
      ("bos-minus-one", 2666.9865, nil),
      ("tie-distinct-head", 2666.9865, "the stored head is used"),
      ("rope-scaling-beside-parameters", 4853.7529, nil),
      ("pad-beyond-vocab", 2666.9865, "1 added token has no row"),
      ("no-model-prefix", 2666.9865, nil),
    ] as [(String, Double, String?)])
  func hasTheReferencesPerplexity(name: String, right: Double, notice: String?) throws {
    let laboratory = try Laboratory(threads: 2)
    let said = Mutex<[String]>([])
    _ = try perform(laboratory, LoadJob(path: Self.folder(name))) { event in
      if case .log(_, let text) = event { said.withLock { $0.append(text) } }
    }
    if let notice { #expect(said.withLock { $0.contains { $0.contains(notice) } }) }
    let report = try perform(
      laboratory,
      EvaluateJob(
        options: EvaluationOptions(
          text: Self.folder(name) + "/text.txt", protocol: .paper, window: 32, windows: 8,
          baseline: .f32)))
    #expect(abs(report.baseline.perplexity / right - 1) < 1e-3, "\(report.baseline.perplexity)")
  }

  /// Quantized by others: the weights decoded, with the inputs of layers as the file says.
  @Test(
    arguments: [
      ("int8-asymmetric-weights", 2808.780, nil),
      ("kv-scales-beside-weights", 2791.095, "The cache is said to be FP8, with 2 scales"),
      ("packed-scales-beyond-fp16", 4274.410, "beyond what FP16 holds"),
      ("w8-tensor-asymmetric-packed", 2795.736, nil),
      ("zero-row-zero-scale", 2855.459, nil),
    ] as [(String, Double, String?)])
  func aQuantizedCheckpointHasTheReferencesPerplexity(
    name: String, right: Double, notice: String?
  ) throws {
    let laboratory = try Laboratory(threads: 2)
    let said = Mutex<[String]>([])
    _ = try perform(laboratory, LoadJob(path: Self.folder(name))) { event in
      if case .log(_, let text) = event { said.withLock { $0.append(text) } }
    }
    if let notice { #expect(said.withLock { $0.contains { $0.contains(notice) } }) }
    let report = try perform(
      laboratory,
      EvaluateJob(
        options: EvaluationOptions(
          text: Self.folder(name) + "/text.txt", protocol: .paper, window: 32, windows: 8,
          baseline: .f32)))
    #expect(abs(report.perplexity / right - 1) < 0.02, "\(report.perplexity)")
  }

  /// An FP8 cache with one scale for all tokens takes those of the file; every other cache is as it was.
  @Test func scalesOfTheFileAreTakenByAnFP8Cache() throws {
    let folder = try TemporaryFolder()
    let path = folder.path("scaled")
    try FileManager.default.copyItem(atPath: Self.folder("kv-scales-beside-weights"), toPath: path)
    let checkpoint = try Checkpoint(path: path)
    let names = checkpoint.tensors.map(\.name).filter { $0.hasSuffix(".k_scale") }
    #expect(!names.isEmpty)
    let config = try ConfigFile(path: path + "/config.json")
    let reader = try CompressedTensorsReader(checkpoint, config: config)
    let layer = String(try #require(names.first).dropLast(".k_scale".count)) + ".k_proj"
    let scale = try #require(try reader.cacheScale(of: layer))
    #expect(try checkpoint.view(names[0]).floats() == [scale])
    #expect(try reader.cacheScale(of: layer.replacing("k_proj", with: "q_proj")) == nil)
    func perplexity(_ path: String, _ cache: String) throws -> Double {
      let laboratory = try Laboratory(threads: 2)
      _ = try perform(laboratory, LoadJob(path: path))
      if !cache.isEmpty {
        _ = try perform(
          laboratory,
          QuantizeJob(
            recipe: RecipeText.recipe(cache),
            calibration: CalibrationOptions(
              text: Self.folder("kv-scales-beside-weights") + "/text.txt", samples: 1, length: 32),
            keeping: .nothing))
      }
      return try perform(
        laboratory,
        EvaluateJob(
          options: EvaluationOptions(
            text: path + "/text.txt", protocol: .paper, window: 32, windows: 4))
      ).perplexity
    }
    // Far too large: nearly everything becomes zero.
    try Self.rewrite(path, ending: ".k_scale", to: 1e4)
    let own = Self.folder("kv-scales-beside-weights")
    #expect(try perplexity(path, "") == perplexity(own, ""))
    #expect(try perplexity(path, "kv=fp8") == perplexity(own, "kv=fp8"))
    let (wrong, right) = (
      try perplexity(path, "kv=fp8 kv.scale=first"), try perplexity(own, "kv=fp8 kv.scale=first")
    )
    #expect(wrong != right)
    #expect(try abs(right / perplexity(own, "") - 1) < 0.02)
    try Self.rewrite(path, ending: ".k_scale", to: -1)
    let error = #expect(throws: Ended.self) {
      try perform(Laboratory(threads: 1), LoadJob(path: path))
    }
    guard case .failed(_, let message)? = error?.event else {
      Issue.record("opened")
      return
    }
    #expect(message.contains("k_scale") && message.contains("a positive scale"))
  }

  /// The tensors of a checkpoint written again, scalars of a name changed.
  private static func rewrite(_ path: String, ending: String, to value: Float) throws {
    let checkpoint = try Checkpoint(path: path)
    let views = try checkpoint.tensors.map { ($0.name, try checkpoint.view($0.name)) }
    let copies = try views.map { name, view in
      (
        name,
        try TensorView(
          dtype: name.hasSuffix(ending) ? .f32 : view.dtype, shape: view.shape,
          copying: name.hasSuffix(ending)
            ? withUnsafeBytes(of: value) { Array($0) } : Array(view.bytes))
      )
    }
    try FileManager.default.removeItem(atPath: path + "/model.safetensors")
    let writer = try SafetensorsWriter(
      path: path + "/model.safetensors",
      entries: copies.map { .init(name: $0.0, dtype: $0.1.dtype, shape: $0.1.shape) })
    for (name, view) in copies { try writer.write(name, view.bytes) }
    try writer.commit()
  }

  /// Values that an FP16 cache does not hold are told by block and size, never turned into infinities.
  @Test func valuesBeyondTheCacheAreNamed() throws {
    let path = Self.folder("values-beyond-fp16-cache")
    let laboratory = try Laboratory(threads: 2)
    _ = try perform(laboratory, LoadJob(path: path))
    let ended = try #require(throws: Ended.self) {
      try perform(
        laboratory,
        EvaluateJob(
          options: EvaluationOptions(
            text: path + "/text.txt", protocol: .paper, window: 32, windows: 8)))
    }
    guard case .failed(_, let message)? = ended.event else {
      Issue.record("\(String(describing: ended.event))")
      return
    }
    #expect(message.contains("block 0: values of up to") && message.contains("FP16 cache"))
  }

  /// A number that is none is named before anything is quantized, in the head and in the table of embeddings as in blocks.
  @Test(arguments: ["lm_head.weight", "model.embed_tokens.weight"])
  func whatIsNoNumberIsNamedFirst(tensor: String) throws {
    let source = try Checkpoint(path: Self.folder("tie-distinct-head"))
    let folder = try TemporaryFolder()
    let writer = try SafetensorsWriter(
      path: folder.path("model.safetensors"),
      entries: source.tensors.map { .init(name: $0.name, dtype: $0.dtype, shape: $0.shape) })
    for stored in source.tensors {
      var bytes = Array(try stored.view().bytes)
      let place = (200 * 32 + 3) * 2
      // A not-a-number of FP16.
      if stored.name == tensor { bytes.replaceSubrange(place..<place + 2, with: [0x00, 0x7e]) }
      try writer.write(stored.name, bytes)
    }
    try writer.commit()
    for name in ["config.json", "tokenizer.json", "text.txt"] {
      try FileManager.default.copyItem(
        atPath: Self.folder("tie-distinct-head") + "/" + name, toPath: folder.path(name))
    }
    let laboratory = try Laboratory(threads: 2)
    _ = try perform(laboratory, LoadJob(path: folder.path))
    let ended = try #require(throws: Ended.self) {
      try perform(
        laboratory,
        QuantizeJob(
          recipe: try RecipeText.recipe("weights=rtn:4:32"),
          calibration: CalibrationOptions(text: folder.path("text.txt"), samples: 2, length: 32),
          keeping: .nothing))
    }
    guard case .failed(_, let message)? = ended.event else {
      Issue.record("\(String(describing: ended.event))")
      return
    }
    #expect(message.contains(tensor) && message.contains("row 200, column 3"), "\(message)")
  }

  /// A channel that calibration never sees keeps rounded weights: what it costs later is no more than rounding to nearest.
  @Test func deadColumnsKeepTheirWeightsAndAreTold() throws {
    let path = Self.folder("gptq-dead-channel")
    func kl(_ recipe: String, _ calibration: String) throws -> (kl: Double, said: [String]) {
      let laboratory = try Laboratory(threads: 2)
      let said = Mutex<[String]>([])
      _ = try perform(laboratory, LoadJob(path: path))
      _ = try perform(
        laboratory,
        QuantizeJob(
          recipe: try RecipeText.recipe(recipe),
          calibration: CalibrationOptions(
            text: path + "/" + calibration, samples: 8, length: 64), keeping: .nothing)
      ) { event in
        if case .log(_, let text) = event { said.withLock { $0.append(text) } }
      }
      let report = try perform(
        laboratory,
        EvaluateJob(
          options: EvaluationOptions(
            text: path + "/text.txt", protocol: .paper, window: 32, windows: 8)))
      return (report.kl.mean, said.withLock { $0 })
    }
    let nearest = try kl("weights=rtn:4:32", "lower.txt").kl
    let found = try kl("weights=gptq:4:32", "lower.txt")
    #expect(found.kl < nearest * 1.5, "\(found.kl) next to \(nearest)")
    #expect(found.said.contains { $0.contains("dead column") && $0.contains("(5)") })
    let reference = try kl("weights=gptq:4:32 weights.zero-dead=true", "lower.txt")
    #expect(reference.kl > found.kl * 4)
    #expect(reference.said.contains { $0.contains("their weights are 0") })
    for method in ["weights=awq:4:32", "activations=smoothquant"] {
      #expect(try kl(method, "lower.txt").said.contains { $0.contains("dead column") })
    }
  }

  /// What is written of a model without the usual prefix has it, and is opened again.
  @Test func theArtifactOfARenamedModelIsOpened() throws {
    let laboratory = try Laboratory(threads: 2)
    let source = Self.folder("no-model-prefix")
    _ = try perform(laboratory, LoadJob(path: source))
    _ = try perform(
      laboratory,
      QuantizeJob(
        recipe: try RecipeText.recipe("weights=rtn:4:32"),
        calibration: CalibrationOptions(text: source + "/text.txt", samples: 2, length: 32),
        keeping: .nothing))
    let folder = try TemporaryFolder()
    _ = try perform(
      laboratory, ExportJob(path: folder.path("artifact"), format: "compressed-tensors"))
    let names = try Checkpoint(path: folder.path("artifact")).tensors.map(\.name)
    #expect(names.allSatisfy { $0.hasPrefix("model.") || $0.hasPrefix("lm_head.") }, "\(names)")
    #expect(names.contains("model.layers.0.mlp.up_proj.weight_packed"))
    _ = try perform(laboratory, LoadJob(path: folder.path("artifact")))
  }

  @Test func theChatTemplateIsInTheArtifact() throws {
    let laboratory = try Laboratory(threads: 2)
    let source = Self.folder("chat-template-file")
    _ = try perform(laboratory, LoadJob(path: source))
    _ = try perform(
      laboratory,
      QuantizeJob(
        recipe: try RecipeText.recipe("weights=rtn:4:32"),
        calibration: CalibrationOptions(text: source + "/text.txt", samples: 2, length: 32),
        keeping: .nothing))
    let folder = try TemporaryFolder()
    let path = folder.path("artifact")
    _ = try perform(laboratory, ExportJob(path: path, format: "compressed-tensors"))
    let name = "/chat_template.jinja"
    #expect(
      FileManager.default.contents(atPath: path + name)
        == FileManager.default.contents(atPath: source + name))
  }
}
