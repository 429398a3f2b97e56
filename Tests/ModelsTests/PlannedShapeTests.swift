import Checkpoints
import Models
import Tensors
import Testing

/// Shapes read from `config.json` alone, of models this program can run and of others.
@Suite struct PlannedShapeTests {
  private static let sizes = """
    "hidden_size": 2048, "intermediate_size": 8192, "num_attention_heads": 16, "num_key_value_heads": 4,
    "num_hidden_layers": 12, "vocab_size": 50000, "max_position_embeddings": 32768
    """

  private func shape(_ fields: String) throws -> ModelShape {
    try ModelShape(
      planningFor: ConfigFile(path: "config.json", text: Array("{\(Self.sizes), \(fields)}".utf8)))
  }

  @Test func knownArchitecturesAreReadAsWhenTheyAreLoaded() throws {
    let mistral = try shape("\"model_type\": \"mistral\", \"rope_theta\": 10000.0")
    #expect(mistral.slidingWindow == 4096 && mistral.windows == nil)
    #expect(mistral.blocksWithCache == 12)
  }

  @Test func windowsByPattern() throws {
    let shape = try shape(
      "\"model_type\": \"gemma3_text\", \"sliding_window\": 1024, \"head_dim\": 256")
    #expect(shape.windows == (0..<12).map { $0 % 6 == 5 ? 0 : 1024 })
    #expect(
      shape.keepingKinds == [.init(window: 0, blocks: 2), .init(window: 1024, blocks: 10)])
    #expect(shape.tokensRead(depth: 8192) == 2 * 8192 + 10 * 1024)
    #expect(shape.headDimension == 256)
  }

  @Test func windowsByLayerTypes() throws {
    let types = (0..<12).map { $0 < 3 ? "\"full_attention\"" : "\"sliding_attention\"" }
    let shape = try shape(
      "\"model_type\": \"other\", \"sliding_window\": 512, \"layer_types\": [\(types.joined(separator: ","))]"
    )
    #expect(shape.windows?.filter { $0 == 512 }.count == 9)
    #expect(throws: CheckpointError.self) {
      try self.shape("\"model_type\": \"other\", \"layer_types\": [\"full_attention\"]")
    }
    #expect(throws: CheckpointError.self) {
      try self.shape(
        "\"model_type\": \"other\", \"layer_types\": [\(types.joined(separator: ","))]")
    }
  }

  @Test func layersThatShareACache() throws {
    let last = try shape("\"model_type\": \"gemma3n_text\", \"num_kv_shared_layers\": 4")
    #expect(last.cacheOwners == [0, 1, 2, 3, 4, 5, 6, 7, 7, 7, 7, 7])
    #expect(last.blocksWithCache == 8)
    let runs = try shape("\"model_type\": \"hunyuan\", \"use_cla\": true, \"cla_share_factor\": 3")
    #expect(runs.cacheOwners == (0..<12).map { $0 - $0 % 3 })
    #expect(runs.blocksWithCache == 4)
    #expect(runs.kvBytesPerToken(.fp16) == 4 * 4 * 2 * 128 * 2)
    #expect(throws: CheckpointError.self) {
      try shape("\"model_type\": \"gemma3n_text\", \"num_kv_shared_layers\": 12")
    }
  }

  @Test func whatThePlanCannotPriceIsRefused() {
    for field in ["kv_lora_rank", "num_experts", "num_local_experts"] {
      #expect(throws: ModelError.self) { try shape("\"model_type\": \"other\", \"\(field)\": 64") }
    }
  }

  /// Biases and a table of positions are parameters: the sums that the models' own cards give.
  @Test(
    arguments: [
      (
        """
        "model_type": "gpt2", "vocab_size": 50257, "n_embd": 768, "n_layer": 12, "n_head": 12,
        "n_positions": 1024, "activation_function": "gelu_new"
        """, 124_439_808
      ),
      (
        """
        "model_type": "opt", "vocab_size": 50272, "hidden_size": 768, "word_embed_proj_dim": 768,
        "ffn_dim": 3072, "num_hidden_layers": 12, "num_attention_heads": 12,
        "max_position_embeddings": 2048, "activation_function": "relu",
        "do_layer_norm_before": true
        """, 125_239_296
      ),
      (
        """
        "model_type": "qwen2", "vocab_size": 151936, "hidden_size": 896, "intermediate_size": 4864,
        "num_hidden_layers": 24, "num_attention_heads": 14, "num_key_value_heads": 2,
        "max_position_embeddings": 32768, "tie_word_embeddings": true
        """, 494_032_768
      ),
    ])
  func everyParameterCounts(fields: String, parameters: Int) throws {
    let shape = try ModelConfiguration(
      ConfigFile(path: "config.json", text: Array("{\(fields)}".utf8))
    ).shape
    #expect(shape.parameters == parameters)
    #expect(shape.weightBytes(bitsPerWeight: 16) == Double(2 * parameters))
  }

  /// Nothing that runs shares a cache: such a file is not loaded as if it did not.
  @Test func sharingIsNotRun() {
    #expect(throws: ModelError.self) {
      try ModelConfiguration(
        ConfigFile(
          path: "config.json",
          text: Array(
            "{\(Self.sizes), \"model_type\": \"llama\", \"num_kv_shared_layers\": 2}".utf8)))
    }
  }
}
