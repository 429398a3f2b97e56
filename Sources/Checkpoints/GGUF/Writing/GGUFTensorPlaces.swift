/// The names under which tensors of a Hugging Face checkpoint lie in a GGUF file: `GGUFTensorNames` read backwards.
package struct GGUFTensorPlaces: Sendable {
  /// Where a tensor lies, and how its numbers differ there.
  package struct Place: Hashable, Sendable {
    /// How several layers make one tensor.
    package enum Joining: Hashable, Sendable {
      /// The rows of one after those of the other: Phi 3's queries, keys and values.
      case rows
      /// A dimension in front counts them: the experts of a mixture.
      case experts
    }

    package var name: String
    package var change: GGUFTensorNames.Change
    /// nil for a layer that is a tensor by itself.
    package var joining: Joining?
    /// Of so many parts the one under this number.
    package var part = 0
    package var parts = 1
  }

  private var places: [String: Place] = [:]

  private static let frame = ["token_embd.weight", "output_norm.weight", "output.weight"]
  private static let layers = [
    "attn_norm", "attn_q", "attn_k", "attn_v", "attn_output", "attn_q_norm", "attn_k_norm",
    "post_attention_norm", "ffn_norm", "ffn_gate", "ffn_up", "ffn_down", "post_ffw_norm",
    "ffn_gate_inp",
  ]
  private static let experts = ["ffn_gate_exps", "ffn_up_exps", "ffn_down_exps"]
  /// What lies in one tensor of a Phi 3, in the order of its rows.
  private static let joined = [
    ("attn_qkv", ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"]),
    ("ffn_up", ["mlp.gate_proj", "mlp.up_proj"]),
  ]

  package init(
    _ architecture: GGUFArchitecture, heads: Int, kvHeads: Int, blocks: Int, experts: Int = 0
  ) {
    let names = GGUFTensorNames(
      architecture, heads: heads, kvHeads: kvHeads, hasExperts: experts > 0)
    for name in Self.frame { add(name, names) }
    for block in 0..<blocks {
      let prefix = "blk.\(block)."
      for layer in Self.layers {
        for ending in ["weight", "bias"] { add("\(prefix)\(layer).\(ending)", names) }
      }
      if experts > 0 {
        for layer in Self.experts { add(experts: experts, "\(prefix)\(layer).weight", names) }
      }
      guard architecture.modelType == "phi3" else { continue }
      for (layer, parts) in Self.joined {
        for (number, part) in parts.enumerated() {
          places["model.layers.\(block).\(part).weight"] = Place(
            name: "\(prefix)\(layer).weight", change: .none, joining: .rows, part: number,
            parts: parts.count)
        }
      }
    }
  }

  private mutating func add(_ name: String, _ names: GGUFTensorNames) {
    guard let mapping = names.mapping(of: name) else { return }
    places[mapping.name] = Place(name: name, change: mapping.change)
  }

  private mutating func add(experts: Int, _ name: String, _ names: GGUFTensorNames) {
    guard let mapping = names.mapping(of: name), mapping.holdsExperts else { return }
    for number in 0..<experts {
      places[mapping.name.replacing("#", with: "\(number)")] = Place(
        name: name, change: mapping.change, joining: .experts, part: number, parts: experts)
    }
  }

  /// The places of a model; nil for a family that is not written.
  package init?(modelType: String, facts: ModelFacts) {
    guard let name = GGUFArchitecture.name(ofModelType: modelType),
      let architecture = GGUFArchitecture.all[name]
    else { return nil }
    self.init(
      architecture, heads: facts.heads, kvHeads: facts.kvHeads, blocks: facts.blocks,
      experts: facts.experts?.count ?? 0)
  }

  /// nil for a tensor that the format has no place for.
  package subscript(name: String) -> Place? { places[name] }
}

extension GGUFArchitecture {
  /// What `general.architecture` calls a `model_type`; nil for none that is written.
  package static func name(ofModelType type: String) -> String? {
    if type == "mistral" || type == "mixtral" { return "llama" }
    let written = [
      "llama", "granite", "smollm3", "qwen2", "qwen3", "qwen3moe", "phi3", "olmo2", "gemma2",
      "gemma3",
    ]
    return written.first { all[$0]?.modelType == type }
  }

  /// The values of `model_type` that are written, for messages.
  package static var writtenTypes: [String] {
    all.values.map(\.modelType).filter { name(ofModelType: $0) != nil }.sorted()
      + ["mistral", "mixtral"]
  }
}
