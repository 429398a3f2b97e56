package import Checkpoints
import FoundationEssentials
import Platform
package import Tensors

/// A model in Hugging Face's layout written again as a GGUF file, as llama.cpp's converter would.
package struct GGUFCopy {
  /// The type of each tensor by its name in the file; rows that are no whole blocks are stored in float32.
  package var type: (String) -> GGUFTensorType = { _ in .f32 }
  /// Metadata that is added, or stands in place of what would be there.
  package var metadata: [String: GGUFValue] = [:]
  /// Names of tensors that are left out.
  package var without: Set<String> = []

  private let checkpoint: Checkpoint
  private let config: ConfigFile
  private let directory: String

  package init(of directory: String) throws {
    self.directory = directory
    checkpoint = try Checkpoint(path: directory)
    config = try ConfigFile(path: directory + "/config.json")
  }

  private var modelType: String { get throws { try config.text("model_type") } }

  private var architecture: String {
    get throws {
      switch try modelType {
      case "mistral": "llama"
      case "gemma3_text": "gemma3"
      case let other: other
      }
    }
  }

  private var headDimension: Int {
    get throws {
      try config.optionalInteger("head_dim", in: 1...512)
        ?? config.integer("hidden_size", in: 1...4096)
        / config.integer("num_attention_heads", in: 1...64)
    }
  }

  /// Writes the file.
  ///
  /// - Parameter factors: what rotary frequencies are divided by; none without.
  package func write(to path: String, factors: [Float]? = nil) throws {
    var tensors: [(entry: GGUFWriter.Entry, floats: [Float])] = []
    for tensor in checkpoint.tensors {
      let name = try Self.name(tensor.name, isGemma: modelType == "gemma3_text")
      guard !without.contains(name) else { continue }
      let columns = tensor.shape.dimensions.last ?? 1
      let wanted = tensor.shape.rank > 1 ? type(name) : .f32
      tensors.append(
        (
          .init(
            name: name, type: columns % wanted.blockElements == 0 ? wanted : .f32,
            shape: tensor.shape), try numbers(of: tensor)
        ))
    }
    if let factors {
      tensors.append(
        (
          .init(
            name: GGUFFile.rotaryFactors, type: .f32, shape: try Shape(checking: [factors.count])),
          factors
        ))
    }
    let writer = try GGUFWriter(path: path, metadata: entries(), tensors: tensors.map(\.entry))
    for tensor in tensors { try writer.write(tensor.entry.name, floats: tensor.floats) }
    try writer.commit()
  }

  /// The numbers as the converter stores them.
  private func numbers(of tensor: StoredTensor) throws -> [Float] {
    var floats = try tensor.view().floats()
    if try modelType == "gemma3_text", tensor.name.hasSuffix("norm.weight") {
      for place in floats.indices { floats[place] += 1 }
    }
    guard try architecture == "llama",
      tensor.name.contains("q_proj") || tensor.name.contains("k_proj")
    else { return floats }
    let width = tensor.shape.rank > 1 ? tensor.shape.dimensions[1] : 1
    let dimension = try headDimension
    var stored = floats
    for row in 0..<tensor.shape.dimensions[0] {
      let place = GGUFRowOrder.stored(row, headDimension: dimension)
      stored.replaceSubrange(
        place * width..<(place + 1) * width, with: floats[row * width..<(row + 1) * width])
    }
    return stored
  }

  private func entries() throws -> [GGUFFile.Entry] {
    let prefix = try architecture + "."
    func integer(_ field: String) throws -> GGUFValue? {
      try config.optionalInteger(field, in: 0...1 << 30).map { .unsigned(UInt64($0), type: .u32) }
    }
    func number(_ field: String) throws -> GGUFValue? {
      try config.optionalNumber(field, in: 0...1e12).map { .float(Double(Float($0)), type: .f32) }
    }
    let dimension = GGUFValue.unsigned(UInt64(try headDimension), type: .u32)
    var values: [String: GGUFValue] = [
      "general.architecture": .string(Array(try architecture.utf8)),
      prefix + "attention.key_length": dimension, prefix + "attention.value_length": dimension,
      prefix + "rope.dimension_count": dimension,
    ]
    for (key, field) in [
      ("block_count", "num_hidden_layers"), ("embedding_length", "hidden_size"),
      ("feed_forward_length", "intermediate_size"), ("context_length", "max_position_embeddings"),
      ("attention.head_count", "num_attention_heads"),
      ("attention.head_count_kv", "num_key_value_heads"),
      ("attention.sliding_window", "sliding_window"),
    ] { values[prefix + key] = try integer(field) }
    for (key, field) in [
      ("attention.layer_norm_rms_epsilon", "rms_norm_eps"), ("rope.freq_base", "rope_theta"),
      ("rope.freq_base_swa", "rope_local_base_freq"),
      ("final_logit_softcapping", "final_logit_softcapping"),
    ] { values[prefix + key] = try number(field) }
    if let rotary = try config.optionalObject("rope_parameters"),
      let base = try rotary.optionalNumber("rope_theta", in: 0...1e12)
    {
      values[prefix + "rope.freq_base"] = .float(Double(Float(base)), type: .f32)
    }
    if let scaling = try config.optionalObject("rope_scaling"),
      try scaling.optionalText("rope_type") ?? scaling.text("type") == "linear"
    {
      values[prefix + "rope.scaling.type"] = .string(Array("linear".utf8))
      values[prefix + "rope.scaling.factor"] = .float(
        try scaling.number("factor", in: 0...1e3), type: .f32)
    }
    try addTokenizer(to: &values)
    values.merge(metadata) { $1 }
    return values.sorted { $0.key < $1.key }.map { GGUFFile.Entry(key: $0.key, value: $0.value) }
  }

  /// A byte-level tokenizer.json cut as GPT-2 cuts.
  private func addTokenizer(to values: inout [String: GGUFValue]) throws {
    let path = directory + "/tokenizer.json"
    guard let text = FileManager.default.contents(atPath: path) else { return }
    let root = try StrictJSON.parse([UInt8](text)).object
    let model = root?["model"]?.object
    var spelled: [(name: String, id: Int)] = []
    for member in model?["vocab"]?.object?.members ?? [] {
      spelled.append((member.name, Int(member.value.double ?? 0)))
    }
    var kinds = [Int32](repeating: 1, count: spelled.count)
    for token in root?["added_tokens"]?.array ?? [] {
      guard let id = token.object?["id"]?.double, Int(id) < kinds.count else { continue }
      kinds[Int(id)] = 3
    }
    let merges = (model?["merges"]?.array ?? []).map { merge -> [UInt8] in
      if let text = merge.string { return Array(text.utf8) }
      return Array((merge.array ?? []).compactMap(\.string).joined(separator: " ").utf8)
    }
    let prefix = "tokenizer.ggml."
    values[prefix + "model"] = .string(Array("gpt2".utf8))
    values[prefix + "pre"] = .string(Array("gpt-2".utf8))
    values[prefix + "tokens"] = .array(
      GGUFArray(strings: spelled.sorted { $0.id < $1.id }.map { Array($0.name.utf8) }))
    values[prefix + "token_type"] = .array(GGUFArray(integers: kinds))
    values[prefix + "merges"] = .array(GGUFArray(strings: merges))
    values[prefix + "bos_token_id"] = .unsigned(0, type: .u32)
    values[prefix + "eos_token_id"] = .unsigned(0, type: .u32)
    values[prefix + "add_bos_token"] = .bool(false)
  }

  private static func name(_ name: String, isGemma: Bool) -> String {
    switch name {
    case "model.embed_tokens.weight": return "token_embd.weight"
    case "model.norm.weight": return "output_norm.weight"
    case "lm_head.weight": return "output.weight"
    default: break
    }
    let parts = name.split(separator: ".").map(String.init)
    guard parts.count >= 5, parts[1] == "layers" else { return name }
    let layers = [
      "q_proj": "attn_q", "k_proj": "attn_k", "v_proj": "attn_v", "o_proj": "attn_output",
      "gate_proj": "ffn_gate", "up_proj": "ffn_up", "down_proj": "ffn_down",
      "q_norm": "attn_q_norm", "k_norm": "attn_k_norm", "input_layernorm": "attn_norm",
      "post_attention_layernorm": isGemma ? "post_attention_norm" : "ffn_norm",
      "pre_feedforward_layernorm": "ffn_norm", "post_feedforward_layernorm": "post_ffw_norm",
    ]
    let layer = parts[parts.count - 2]
    return "blk.\(parts[2]).\(layers[layer] ?? layer).\(parts[parts.count - 1])"
  }
}
