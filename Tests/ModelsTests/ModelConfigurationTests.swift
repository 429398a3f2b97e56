import Checkpoints
import Models
import Platform
import Testing

@Suite struct ModelConfigurationTests {
  private static let llama = """
    "model_type": "llama", "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 3,
    "num_attention_heads": 4, "num_key_value_heads": 2, "vocab_size": 100,
    "max_position_embeddings": 256
    """

  /// The configuration above, with fields put before it (`replacing` others of the same name).
  private func read(_ fields: String = "", replacing names: [String] = []) throws
    -> ModelConfiguration
  {
    let kept = Self.llama.split(separator: ",").filter { field in
      !names.contains { field.contains("\"\($0)\"") }
    }
    let text = "{" + (fields.isEmpty ? "" : fields + ",") + kept.joined(separator: ",") + "}"
    return try ModelConfiguration(ConfigFile(path: "config.json", text: Array(text.utf8)))
  }

  @Test func readsALlamaWithItsDefaults() throws {
    let found = try read()
    #expect(found.headDimension == 16)
    #expect(found.normEpsilon == 1e-6)
    #expect(found.rotary == RotaryEmbedding(base: 10_000))
    #expect(found.biases.isEmpty)
    #expect(found.windows == [0, 0, 0])
    #expect(!found.tiedEmbeddings)
    #expect(found.endTokens.isEmpty)
    #expect(found.quantization == nil)
    let shape = found.shape
    #expect(shape.blocks == 3)
    #expect(shape.kvHeads == 2)
    #expect(shape.slidingWindow == 0)
  }

  @Test func readsTokensAsNumberOrList() throws {
    #expect(try read("\"eos_token_id\": 7, \"bos_token_id\": 3").endTokens == [7])
    #expect(try read("\"eos_token_id\": [7, 9]").endTokens == [7, 9])
    #expect(try read("\"eos_token_id\": null, \"bos_token_id\": 3").beginToken == 3)
  }

  @Test func readsEverySpellingOfTheRope() throws {
    func rotary(_ fields: String) throws -> RotaryEmbedding { try read(fields).rotary }
    let linear = RotaryEmbedding(base: 5000, scaling: .linear(factor: 2))
    let theta = "\"rope_theta\": 5000"
    #expect(
      try rotary(theta + ", \"rope_scaling\": {\"type\": \"linear\", \"factor\": 2.0}") == linear)
    #expect(
      try rotary(theta + ", \"rope_scaling\": {\"rope_type\": \"linear\", \"factor\": 2}") == linear
    )
    #expect(
      try rotary(
        "\"rope_parameters\": {\"rope_type\": \"linear\", \"factor\": 2, \"rope_theta\": 5000}")
        == linear)
    #expect(try rotary(theta + ", \"rope_scaling\": null") == RotaryEmbedding(base: 5000))
    let bands = "\"factor\": 8, \"low_freq_factor\": 1, \"high_freq_factor\": 4"
    #expect(
      try rotary(
        "\"rope_scaling\": {\"rope_type\": \"llama3\", \(bands), "
          + "\"original_max_position_embeddings\": 64}"
      ).scaling
        == .llama3(factor: 8, low: 1, high: 4, originalContext: 64))
    #expect(
      try rotary("\"rope_scaling\": {\"rope_type\": \"llama3\", \(bands)}").scaling
        == .llama3(factor: 8, low: 1, high: 4, originalContext: 256))
  }

  @Test func readsWindows() throws {
    func windows(_ fields: String) throws -> [Int] {
      try read(fields, replacing: ["model_type"]).windows
    }
    #expect(try windows("\"model_type\": \"mistral\"") == [4096, 4096, 4096])
    #expect(try windows("\"model_type\": \"mistral\", \"sliding_window\": null") == [0, 0, 0])
    #expect(try windows("\"model_type\": \"mistral\", \"sliding_window\": 9") == [9, 9, 9])
    let qwen = "\"model_type\": \"qwen2\", \"sliding_window\": 9, "
    #expect(try windows(qwen + "\"use_sliding_window\": false") == [0, 0, 0])
    #expect(
      try windows(qwen + "\"use_sliding_window\": true, \"max_window_layers\": 2") == [0, 0, 9])
    #expect(
      try windows(
        qwen + "\"use_sliding_window\": true, \"layer_types\": "
          + "[\"sliding_attention\", \"full_attention\", \"sliding_attention\"]") == [9, 0, 9])
  }

  @Test func readsBiasesAndHeadNorms() throws {
    #expect(try read("\"attention_bias\": true").biases == [.q, .k, .v, .o])
    #expect(try read("\"mlp_bias\": true").biases == [.gate, .up, .down])
    let qwen2 = try read("\"model_type\": \"qwen2\"", replacing: ["model_type"])
    #expect(qwen2.biases == [.q, .k, .v])
    let qwen3 = try read("\"model_type\": \"qwen3\"", replacing: ["model_type"])
    #expect(qwen3.block(0)[.query]?.width == 128 && qwen3.block(2)[.key] != nil)
    #expect(qwen3.headDimension == 128)
  }

  /// Fields, what they replace, and words that the error must hold.
  static let hostile: [(fields: String, words: [String])] = [
    (
      "\"model_type\": \"mamba\"",
      ["model_type", "llama, mistral, qwen2, qwen3, smollm3, gemma3_text", "mamba"]
    ),
    ("\"model_type\": 7", ["model_type", "7"]),
    ("\"hidden_size\": 0", ["hidden_size", "1 to"]),
    ("\"hidden_size\": -64", ["hidden_size", "-64"]),
    ("\"hidden_size\": 64.0", ["hidden_size", "64.0"]),
    ("\"hidden_size\": \"64\"", ["hidden_size", "\"64\""]),
    ("\"hidden_size\": 1e3", ["hidden_size", "1e3"]),
    ("\"hidden_size\": 66", ["num_attention_heads", "divisor of hidden_size (66)"]),
    ("\"hidden_size\": 60", ["head_dim", "15"]),
    ("\"hidden_size\": 9223372036854775807", ["hidden_size"]),
    ("\"hidden_size\": 99999999999999999999", ["hidden_size"]),
    ("\"num_hidden_layers\": 1000000000", ["num_hidden_layers", "1000000000"]),
    ("\"num_attention_heads\": 0", ["num_attention_heads"]),
    ("\"num_key_value_heads\": 3", ["num_key_value_heads", "divisor of num_attention_heads (4)"]),
    ("\"num_key_value_heads\": 8", ["num_key_value_heads"]),
    ("\"head_dim\": 7", ["head_dim", "7"]),
    ("\"head_dim\": 100000", ["head_dim"]),
    ("\"vocab_size\": null", ["vocab_size"]),
    ("\"max_position_embeddings\": 1e30", ["max_position_embeddings"]),
    ("\"rms_norm_eps\": -1", ["rms_norm_eps"]),
    ("\"rope_theta\": 0", ["rope_theta"]),
    ("\"rope_theta\": [1]", ["rope_theta"]),
    ("\"hidden_act\": \"gelu\"", ["hidden_act", "gelu", "silu"]),
    ("\"num_local_experts\": 8", ["num_local_experts", "mixture of experts"]),
    ("\"rope_scaling\": {\"rope_type\": \"yarn\", \"factor\": -4}", ["rope_scaling.factor"]),
    ("\"rope_scaling\": {\"rope_type\": \"ntk\", \"factor\": 4}", ["ntk", "llama3"]),
    ("\"rope_scaling\": {\"type\": \"linear\"}", ["rope_scaling.factor"]),
    ("\"rope_scaling\": {\"type\": \"linear\", \"factor\": 0}", ["rope_scaling.factor"]),
    ("\"rope_scaling\": 3", ["rope_scaling"]),
    (
      "\"rope_scaling\": {\"type\": \"llama3\", \"factor\": 2, \"low_freq_factor\": 4, "
        + "\"high_freq_factor\": 4}", ["high_freq_factor"]
    ),
    ("\"rope_parameters\": {\"rope_type\": \"mrope\"}", ["rope_parameters", "mrope", "known are"]),
    (
      "\"rope_scaling\": {\"type\": \"longrope\", \"short_factor\": [1, 2]}",
      ["rope_scaling.long_factor", "expected 2 numbers"]
    ),
    ("\"partial_rotary_factor\": 0.5", ["partial_rotary_factor", "0.5"]),
    ("\"layer_types\": [\"full_attention\"]", ["layer_types", "3 blocks"]),
    (
      "\"layer_types\": [\"full_attention\", \"chunked_attention\", \"full_attention\"]",
      ["layer_types[1]", "chunked_attention"]
    ),
    (
      "\"layer_types\": [\"sliding_attention\", \"full_attention\", \"full_attention\"]",
      ["sliding_window"]
    ),
    ("\"eos_token_id\": -1", ["eos_token_id"]),
    ("\"eos_token_id\": [1, \"2\"]", ["eos_token_id"]),
    ("\"tie_word_embeddings\": \"yes\"", ["tie_word_embeddings"]),
  ]

  @Test(arguments: hostile.indices) func hostileFieldsAreErrors(_ index: Int) throws {
    let (fields, words) = Self.hostile[index]
    let name = fields.split(separator: "\"")[0]
    let error = try #require(throws: (any Error).self) {
      try read(fields, replacing: [String(name)])
    }
    #expect("\(error)".contains("config.json"))
    for word in words { #expect("\(error)".contains(word)) }
  }

  @Test func fieldsMayHaveOtherNamesAndStandards() throws {
    let file = try ConfigFile(
      path: "config.json", text: Array(#"{"n_embd": 64, "n_head": 0, "n_ctx": null}"#.utf8))
    let config = file.read(
      calling: ["hidden_size": "n_embd", "heads": "n_head", "context": "n_ctx"],
      standards: ["context": .number(JSONNumber(1024)), "hidden_size": .number(JSONNumber(7))])
    #expect(try config.integer("hidden_size", in: 1...100) == 64)
    #expect(try config.integer("context", in: 1...2048) == 1024)
    let error = try #require(throws: CheckpointError.self) {
      try config.integer("heads", in: 1...8)
    }
    #expect("\(error)".contains("n_head"))
  }

  @Test func missingFieldsAreNamed() throws {
    for name in [
      "model_type", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads",
      "vocab_size", "max_position_embeddings",
    ] {
      let error = try #require(throws: (any Error).self) { try read(replacing: [name]) }
      #expect("\(error)".contains(name))
    }
  }

  @Test func everyModelTypeHasOneArchitecture() {
    #expect(Set(Architectures.modelTypes).count == Architectures.modelTypes.count)
    for architecture in Architectures.all {
      #expect(architecture.modelTypes.allSatisfy { Architectures.named($0) == architecture })
    }
    #expect(Architectures.named("bloom") == nil)
  }
}
