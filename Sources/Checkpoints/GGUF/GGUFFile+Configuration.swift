import Platform

extension GGUFFile {
  /// The tensor that holds what the rotary frequencies are divided by, one number for each pair of channels.
  package static let rotaryFactors = "rope_freqs.weight"
  /// Those of longrope, up to the trained context and beyond.
  package static let shortFactors = "rope_factors_short.weight"
  package static let longFactors = "rope_factors_long.weight"

  /// The family that `general.architecture` names.
  ///
  /// - Throws: `CheckpointError.unsupported` with the known ones.
  package func architecture() throws(CheckpointError) -> GGUFArchitecture {
    let name = try text("general.architecture")
    guard let known = GGUFArchitecture.all[name] else {
      throw .unsupported(
        file: file.path, item: "general.architecture", found: "\"\(name.prefix(40))\"",
        known: "known are " + GGUFArchitecture.names.joined(separator: ", ") + nearest(to: name))
    }
    return known
  }

  /// The known family of the most alike name, and what tensors of the file it has no place for; empty where none is alike.
  private func nearest(to name: String) -> String {
    let alike = GGUFArchitecture.names.map { known in
      (known, zip(name, known).prefix { $0 == $1 }.count)
    }
    guard let (known, likeness) = alike.max(by: { $0.1 < $1.1 }), likeness >= 3,
      let architecture = GGUFArchitecture.all[known]
    else { return "" }
    let names = GGUFTensorNames(
      architecture, heads: 1, kvHeads: 1, hasExperts: tensors.contains { $0.name.contains("_exps") }
    )
    var unknown: [String] = []
    for tensor in tensors where names.mapping(of: tensor.name) == nil {
      let role = tensor.name.split(separator: ".").filter { Int($0) == nil && $0 != "blk" }
        .joined(separator: ".")
      if !unknown.contains(role) { unknown.append(role) }
    }
    let more = unknown.count > 4 ? " and \(unknown.count - 4) more" : ""
    return "; the nearest is \(known)"
      + (unknown.isEmpty
        ? "" : ", which has no place for \(unknown.prefix(4).joined(separator: ", "))\(more)")
  }

  /// The names of the tensors in a checkpoint of Hugging Face.
  package func tensorNames() throws(CheckpointError) -> GGUFTensorNames {
    let keys = GGUFKeys(file: self, prefix: try text("general.architecture") + ".")
    let heads = try keys.required("attention.head_count")
    return GGUFTensorNames(
      try architecture(), heads: heads,
      kvHeads: try keys.integer("attention.head_count_kv") ?? heads,
      hasExperts: try keys.integer("expert_count") ?? 0 > 0)
  }

  /// What config.json of the model would say, made of the metadata.
  ///
  /// Fields are those of Hugging Face's files; what the metadata does not say is left out. The vocabulary's size is the
  /// number of rows of the embedding, embeddings are tied where there is no `output.weight`, and biases are told by the
  /// tensors. Numbers that only a tensor holds (`rope_freqs.weight`, Llama 3.1's rotary factors) are not among them.
  package func configuration() throws(CheckpointError) -> ConfigFile {
    let architecture = try architecture()
    let keys = GGUFKeys(file: self, prefix: try text("general.architecture") + ".")
    var config = JSONObject()
    let experts = try keys.integer("expert_count") ?? 0
    let isMixtral = architecture.modelType == "llama" && experts > 0
    config.append("model_type", .string(isMixtral ? "mixtral" : architecture.modelType))
    try addSizes(keys, to: &config)
    try addNumbers(keys, to: &config)
    try addRotation(keys, architecture, to: &config)
    if experts > 0 {
      let field = ["qwen2_moe", "qwen3_moe"].contains(architecture.modelType)
      config.append(field ? "num_experts" : "num_local_experts", .number(JSONNumber(experts)))
      try keys.copy("expert_used_count", as: "num_experts_per_tok", to: &config)
      // What files of the family say, and the format does not.
      if architecture.modelType == "qwen3_moe" {
        config.append("norm_topk_prob", .bool(true))
        let blocks = try keys.required("block_count")
        let dense = (0..<min(blocks, tensors.count)).filter {
          tensor("blk.\($0).ffn_gate_exps.weight") == nil
        }
        if dense.count < blocks {
          config.append("mlp_only_layers", .array(dense.map { .number(JSONNumber($0)) }))
        }
      }
      try keys.copy("expert_feed_forward_length", as: "moe_intermediate_size", to: &config)
      try keys.copy(
        "expert_shared_feed_forward_length", as: "shared_expert_intermediate_size", to: &config)
    }
    config.append("hidden_act", .string(architecture.activation))
    try addQueryScale(keys, architecture, to: &config)
    config.append("tie_word_embeddings", .bool(tensor("output.weight") == nil))
    for (field, tensor) in [
      ("attention_bias", "blk.0.attn_q.bias"), ("mlp_bias", "blk.0.ffn_up.bias"),
    ] {
      let flag = architecture.fixedFlags[field] ?? (self.tensor(tensor) != nil)
      // Qwen 2 has its biases without saying so.
      if !architecture.modelType.hasPrefix("qwen2") { config.append(field, .bool(flag)) }
    }
    for (key, field) in [("bos_token_id", "bos_token_id"), ("eos_token_id", "eos_token_id")] {
      if let id = try optionalInteger("tokenizer.ggml.\(key)", in: 0...Int(UInt32.max)) {
        config.append(field, .number(JSONNumber(id)))
      }
    }
    return try ConfigFile(path: file.path, text: Array(JSONValue.object(config).text().utf8))
  }

  /// Gemma 3 scales queries by the length of a head, in its largest size by the width over the heads; llama.cpp tells that
  /// one by its 62 blocks, since the format does not say.
  private func addQueryScale(
    _ keys: GGUFKeys, _ architecture: GGUFArchitecture, to config: inout JSONObject
  ) throws(CheckpointError) {
    guard architecture.modelType == "gemma3_text" else { return }
    let hidden = try keys.required("embedding_length")
    let heads = max(1, try keys.required("attention.head_count"))
    let isLargest = try keys.required("block_count") == 62
    let length = try keys.integer("attention.key_length") ?? hidden / heads
    config.append(
      "query_pre_attn_scalar", .number(JSONNumber(isLargest ? hidden / heads : length)))
  }

  private func addSizes(_ keys: GGUFKeys, to config: inout JSONObject) throws(CheckpointError) {
    for (key, field) in [
      ("block_count", "num_hidden_layers"), ("embedding_length", "hidden_size"),
      ("attention.head_count", "num_attention_heads"),
      ("context_length", "max_position_embeddings"),
    ] {
      config.append(field, .number(JSONNumber(try keys.required(key))))
    }
    var width = try keys.integer("feed_forward_length")
    if width == nil { width = try keys.integer("expert_feed_forward_length") }
    if let width { config.append("intermediate_size", .number(JSONNumber(width))) }
    try keys.copy("attention.head_count_kv", as: "num_key_value_heads", to: &config)
    try keys.copy("attention.sliding_window", as: "sliding_window", to: &config)
    if let key = try keys.integer("attention.key_length") {
      let value = try keys.integer("attention.value_length") ?? key
      guard key == value else {
        throw mismatch(
          keys.prefix + "attention.value_length", "\(key), the length of keys",
          self[keys.prefix + "attention.value_length"])
      }
      config.append("head_dim", .number(JSONNumber(key)))
    }
    let rows = tensor("token_embd.weight")?.rows
    let stated = try keys.integer("vocab_size")
    if let rows, let stated, stated > rows {
      throw mismatch(
        keys.prefix + "vocab_size", "at most \(rows), the rows of token_embd.weight",
        self[keys.prefix + "vocab_size"])
    }
    let size = rows ?? stated ?? self["tokenizer.ggml.tokens"]?.array?.count
    if let size { config.append("vocab_size", .number(JSONNumber(size))) }
  }

  private func addNumbers(_ keys: GGUFKeys, to config: inout JSONObject) throws(CheckpointError) {
    for (key, field) in [
      ("attention.layer_norm_rms_epsilon", "rms_norm_eps"),
      ("attention.layer_norm_epsilon", "layer_norm_eps"),
      ("attn_logit_softcapping", "attn_logit_softcapping"),
      ("final_logit_softcapping", "final_logit_softcapping"),
      // Granite's four multipliers.
      ("logit_scale", "logits_scaling"), ("residual_scale", "residual_multiplier"),
      ("embedding_scale", "embedding_multiplier"), ("attention.scale", "attention_multiplier"),
    ] {
      if let number = try keys.number(key).flatMap(JSONNumber.init) {
        config.append(field, .number(number))
      }
    }
  }

  private func addRotation(
    _ keys: GGUFKeys, _ architecture: GGUFArchitecture, to config: inout JSONObject
  ) throws(CheckpointError) {
    if let base = try keys.number("rope.freq_base").flatMap(JSONNumber.init) {
      config.append("rope_theta", .number(base))
    }
    if let local = try keys.number("rope.freq_base_swa").flatMap(JSONNumber.init) {
      config.append("rope_local_base_freq", .number(local))
    }
    let hidden = try keys.required("embedding_length")
    let heads = try keys.required("attention.head_count")
    let head = try keys.integer("attention.key_length") ?? hidden / max(1, heads)
    if let rotated = try keys.integer("rope.dimension_count"), rotated != head {
      guard rotated < head, let part = JSONNumber(Double(rotated) / Double(head)) else {
        throw mismatch(
          keys.prefix + "rope.dimension_count", "at most \(head), the length of a head",
          self[keys.prefix + "rope.dimension_count"])
      }
      config.append("partial_rotary_factor", .number(part))
    }
    // Converters of Phi 3 leave the type out: its factors say it.
    let isLong = tensor(Self.longFactors) != nil && tensor(Self.shortFactors) != nil
    let told = try optionalText(keys.prefix + "rope.scaling.type") ?? "none"
    let type = isLong ? "longrope" : told
    guard type != "none" else { return }
    guard ["linear", "yarn", "longrope"].contains(type) else {
      throw .unsupported(
        file: file.path, item: keys.prefix + "rope.scaling.type", found: "\"\(type.prefix(40))\"",
        known: "known are none, linear, yarn and longrope")
    }
    var scaling = JSONObject()
    scaling.append("rope_type", .string(type))
    for (key, field) in [
      ("rope.scaling.factor", "factor"), ("rope.scaling.attn_factor", "attention_factor"),
      ("rope.scaling.yarn_beta_fast", "beta_fast"), ("rope.scaling.yarn_beta_slow", "beta_slow"),
    ] {
      if let number = try keys.number(key).flatMap(JSONNumber.init) {
        scaling.append(field, .number(number))
      }
    }
    try keys.copy(
      "rope.scaling.original_context_length", as: "original_max_position_embeddings", to: &scaling)
    if isLong {
      for (name, field) in [(Self.shortFactors, "short_factor"), (Self.longFactors, "long_factor")]
      {
        scaling.append(field, .array(try factors(name)))
      }
    }
    if architecture.modelType == "gpt_oss" { scaling.append("truncate", .bool(false)) }
    config.append("rope_scaling", .object(scaling))
  }
}

extension GGUFFile {
  /// Numbers of a tensor, each in its shortest spelling.
  private func factors(_ name: String) throws(CheckpointError) -> [JSONValue] {
    guard let tensor = tensor(name) else { return [] }
    return try tensor.floats(rows: 0..<tensor.rows).compactMap { factor in
      Double("\(factor)").flatMap(JSONNumber.init).map { .number($0) }
    }
  }
}

/// The keys of one architecture, such as `llama.block_count`.
private struct GGUFKeys {
  let file: GGUFFile
  let prefix: String

  /// Larger than any size of a model.
  private static let range = 0...1 << 40

  func integer(_ key: String) throws(CheckpointError) -> Int? {
    if let array = file[prefix + key]?.array {
      // One number for each block; where they are all the same it is the number of all.
      guard let numbers = array.integers(), let first = numbers.first,
        numbers.allSatisfy({ $0 == first }),
        Self.range.contains(first)
      else {
        throw .unsupported(
          file: file.file.path, item: prefix + key, found: "a number for each block",
          known: "known are blocks that are alike")
      }
      return first
    }
    return try file.optionalInteger(prefix + key, in: Self.range)
  }

  func required(_ key: String) throws(CheckpointError) -> Int {
    guard let value = try integer(key) else {
      throw .missing(file: file.file.path, item: prefix + key, nearest: nil)
    }
    return value
  }

  func number(_ key: String) throws(CheckpointError) -> Double? {
    guard let value = try file.optionalNumber(prefix + key, in: -1e30...1e30) else { return nil }
    // Stored as float32: the shortest spelling of that is the number that was meant.
    if case .float(_, let type) = file[prefix + key], type == .f32 {
      return Double("\(Float(value))") ?? value
    }
    return value
  }

  func copy(
    _ key: String, as field: String, to config: inout JSONObject
  ) throws(CheckpointError) {
    if let value = try integer(key) { config.append(field, .number(JSONNumber(value))) }
  }
}
