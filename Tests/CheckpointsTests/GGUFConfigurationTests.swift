import Checkpoints
import Platform
import Tensors
import TestSupport
import Testing

/// Configuration and names of GGUF files, as Hugging Face has them.
@Suite struct GGUFConfigurationTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func entry(_ key: String, _ value: Int) -> GGUFFile.Entry {
    .init(key: key, value: .unsigned(UInt64(value), type: .u32))
  }

  private func entry(_ key: String, _ value: Float) -> GGUFFile.Entry {
    .init(key: key, value: .float(Double(value), type: .f32))
  }

  private func entry(_ key: String, _ text: String) -> GGUFFile.Entry {
    .init(key: key, value: .string(Array(text.utf8)))
  }

  /// What SmolLM2-135M-Instruct's file says, with fewer rows.
  private func smollm2() -> [GGUFFile.Entry] {
    [
      entry("general.architecture", "llama"), entry("llama.block_count", 30),
      entry("llama.context_length", 8192), entry("llama.embedding_length", 576),
      entry("llama.feed_forward_length", 1536), entry("llama.attention.head_count", 9),
      entry("llama.attention.head_count_kv", 3), entry("llama.rope.freq_base", Float(100_000)),
      entry("llama.attention.layer_norm_rms_epsilon", Float(1e-5)), entry("llama.vocab_size", 4),
      entry("llama.rope.dimension_count", 64), entry("tokenizer.ggml.bos_token_id", 1),
      entry("tokenizer.ggml.eos_token_id", 2),
    ]
  }

  private func open(
    _ entries: [GGUFFile.Entry], tensors: [String] = ["token_embd.weight"]
  ) throws -> GGUFFile {
    let path = folder.path("a.gguf")
    let writer = try GGUFWriter(
      path: path, metadata: entries,
      tensors: tensors.map { .init(name: $0, type: .f32, shape: [4, 2]) })
    for name in tensors { try writer.write(name, floats: [Float](repeating: 0, count: 8)) }
    try writer.commit()
    return try GGUFFile(path: path)
  }

  @Test func configurationOfALlama() throws {
    let config = try open(smollm2()).configuration()
    #expect(
      JSONValue.object(config.root).text()
        == #"{"model_type":"llama","num_hidden_layers":30,"hidden_size":576,"num_attention_heads":9,"#
        + #""max_position_embeddings":8192,"intermediate_size":1536,"num_key_value_heads":3,"#
        + #""vocab_size":4,"rms_norm_eps":1e-05,"rope_theta":100000.0,"hidden_act":"silu","#
        + #""tie_word_embeddings":true,"attention_bias":false,"mlp_bias":false,"#
        + #""bos_token_id":1,"eos_token_id":2}"#)
  }

  @Test func tensorsDecide() throws {
    let config = try open(
      smollm2(),
      tensors: ["token_embd.weight", "output.weight", "blk.0.attn_q.bias", "blk.0.ffn_up.bias"]
    ).configuration()
    #expect(try !config.flag("tie_word_embeddings"))
    #expect(try config.flag("attention_bias"))
    #expect(try config.flag("mlp_bias"))
  }

  @Test func otherFamilies() throws {
    func entries(_ name: String, _ more: [GGUFFile.Entry]) -> [GGUFFile.Entry] {
      smollm2().map { entry in
        entry.key.hasPrefix("llama.")
          ? GGUFFile.Entry(key: name + entry.key.dropFirst(5), value: entry.value)
          : entry.key == "general.architecture" ? self.entry(entry.key, name) : entry
      } + more
    }
    let gemma = try open(
      entries(
        "gemma3",
        [
          entry("gemma3.attention.key_length", 256), entry("gemma3.attention.value_length", 256),
          entry("gemma3.attention.sliding_window", 512),
          entry("gemma3.rope.scaling.type", "linear"),
          entry("gemma3.rope.scaling.factor", Float(8)),
        ]
      ).filter { $0.key != "gemma3.rope.dimension_count" }
    ).configuration()
    #expect(try gemma.text("model_type") == "gemma3_text")
    #expect(try gemma.integer("head_dim", in: 1...512) == 256)
    #expect(try gemma.integer("sliding_window", in: 1...512) == 512)
    #expect(try gemma.text("hidden_act") == "gelu_pytorch_tanh")
    #expect(try gemma.object("rope_scaling").number("factor", in: 0...10) == 8)
    let qwen = try open(entries("qwen3moe", [entry("qwen3moe.expert_count", 8)])).configuration()
    #expect(try qwen.integer("num_experts", in: 1...8) == 8)
    let mixtral = try open(entries("llama", [entry("llama.expert_count", 8)])).configuration()
    #expect(try mixtral.text("model_type") == "mixtral")
    #expect(try mixtral.integer("num_local_experts", in: 1...8) == 8)
    let granite = try open(
      entries("granite", [entry("granite.residual_scale", Float(0.22))])
    ).configuration()
    #expect(try granite.number("residual_multiplier", in: 0...1) == 0.22)
  }

  @Test func wrongFilesAreNamed() throws {
    func refusal(_ entries: [GGUFFile.Entry]) throws -> String {
      let file = try open(entries)
      let error = #expect(throws: CheckpointError.self) { try file.configuration() }
      return error.map { "\($0)" } ?? "none"
    }
    #expect(try refusal([]).contains("general.architecture"))
    let other = [entry("general.architecture", "mamba")]
    #expect(try refusal(other).contains("\"mamba\" is not supported; known are gemma"))
    for key in ["llama.block_count", "llama.attention.head_count"] {
      #expect(try refusal(smollm2().filter { $0.key != key }).contains(key))
    }
    func replacing(_ changed: GGUFFile.Entry) -> [GGUFFile.Entry] {
      smollm2().filter { $0.key != changed.key } + [changed]
    }
    #expect(try refusal(replacing(entry("llama.block_count", "x"))).contains("an integer"))
    #expect(
      try refusal(replacing(entry("llama.rope.dimension_count", 100))).contains("at most 64"))
    #expect(try refusal(replacing(entry("llama.vocab_size", 9))).contains("at most 4"))
    #expect(
      try refusal(smollm2() + [entry("llama.rope.scaling.type", "new")]).contains("\"new\""))
    let uneven = GGUFFile.Entry(
      key: "llama.attention.head_count_kv", value: .array(GGUFArray(integers: [3, 1])))
    #expect(try refusal(replacing(uneven)).contains("a number for each block"))
    let even = GGUFFile.Entry(
      key: "llama.attention.head_count_kv", value: .array(GGUFArray(integers: [3, 3])))
    #expect(
      try open(replacing(even)).configuration().integer("num_key_value_heads", in: 1...9) == 3)
  }

  /// The pairs are those of `gguf.get_tensor_name_map` (PyPI `gguf` 0.19).
  @Test func namesOfTensors() throws {
    func names(_ architecture: String, hasExperts: Bool = false) throws -> GGUFTensorNames {
      let entries = [
        entry("general.architecture", architecture),
        entry("\(architecture).attention.head_count", 4),
        entry("\(architecture).attention.head_count_kv", 2),
        entry("\(architecture).expert_count", hasExperts ? 8 : 0),
      ]
      return try open(entries).tensorNames()
    }
    let llama = try names("llama")
    for (name, expected) in [
      ("token_embd", "model.embed_tokens"), ("output_norm", "model.norm"), ("output", "lm_head"),
      ("blk.3.attn_norm", "model.layers.3.input_layernorm"),
      ("blk.3.ffn_norm", "model.layers.3.post_attention_layernorm"),
      ("blk.3.attn_v", "model.layers.3.self_attn.v_proj"),
      ("blk.3.attn_output", "model.layers.3.self_attn.o_proj"),
      ("blk.12.ffn_gate", "model.layers.12.mlp.gate_proj"),
      ("blk.3.ffn_up", "model.layers.3.mlp.up_proj"),
      ("blk.3.ffn_down", "model.layers.3.mlp.down_proj"),
    ] {
      let mapping = llama.mapping(of: name + ".weight")
      #expect(
        mapping?.name == expected + ".weight" && mapping?.change == GGUFTensorNames.Change.none)
    }
    let query = llama.mapping(of: "blk.0.attn_q.weight")
    #expect(query?.name == "model.layers.0.self_attn.q_proj.weight")
    #expect(query?.change == .pairedRows(heads: 4))
    #expect(llama.mapping(of: "blk.0.attn_k.bias")?.change == .pairedRows(heads: 2))
    for name in [
      "rope_freqs.weight", "blk.0.attn_q", "blk.x.attn_q.weight", "blk.-1.attn_q.weight",
      "blk.01.attn_q.weight", "blk.0.unknown.weight", "", "blk.0.attn_q.scale", "token_embd.bias",
      "blk.0.post_ffw_norm.weight",
    ] {
      #expect(llama.mapping(of: name) == nil, "\(name)")
    }
    let gemma = try names("gemma2")
    for (name, expected) in [
      ("attn_norm", "input_layernorm"), ("post_attention_norm", "post_attention_layernorm"),
      ("ffn_norm", "pre_feedforward_layernorm"), ("post_ffw_norm", "post_feedforward_layernorm"),
    ] {
      let mapping = gemma.mapping(of: "blk.3.\(name).weight")
      #expect(mapping?.name == "model.layers.3.\(expected).weight" && mapping?.change == .plusOne)
    }
    let olmo = try names("olmo2")
    #expect(
      olmo.mapping(of: "blk.3.post_ffw_norm.weight")?.name
        == "model.layers.3.post_feedforward_layernorm.weight")
    #expect(olmo.mapping(of: "blk.3.attn_norm.weight") == nil)
    let phi = try names("phi3")
    #expect(
      phi.mapping(of: "blk.3.ffn_up.weight")?.name == "model.layers.3.mlp.gate_up_proj.weight")
    let mixtral = try names("llama", hasExperts: true).mapping(of: "blk.3.ffn_down_exps.weight")
    #expect(mixtral?.name == "model.layers.3.block_sparse_moe.experts.#.w2.weight")
    #expect(mixtral?.holdsExperts == true)
    #expect(
      try names("gpt-oss").mapping(of: "blk.3.attn_sinks.weight")?.name
        == "model.layers.3.self_attn.sinks")
  }

  /// `reshape(heads, 2, half).swapaxes(1, 2)`, as the converter does it, undone.
  @Test func orderOfRows() {
    let (heads, half) = (3, 4)
    // The converter's file: row p of a head is row (p % 2) * half + p / 2 of the checkpoint.
    var stored: [Int] = []
    for head in 0..<heads {
      for place in 0..<half * 2 {
        stored.append(head * half * 2 + place % 2 * half + place / 2)
      }
    }
    for row in stored.indices {
      #expect(stored[GGUFRowOrder.stored(row, headDimension: half * 2)] == row)
    }
  }
}
