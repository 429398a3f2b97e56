/// The names of a GGUF file's tensors as Hugging Face's checkpoints spell them.
///
/// `blk.3.attn_q.weight` of a Llama is `model.layers.3.self_attn.q_proj.weight`. From the tables of the package `gguf`.
package struct GGUFTensorNames: Sendable {
  /// How the numbers of a tensor differ from those of the checkpoint it was made from.
  package enum Change: Hashable, Sendable {
    case none
    /// Rows are stored in pairs (`GGUFRowOrder`), in so many heads.
    case pairedRows(heads: Int)
    /// 1 has been added to each number.
    case plusOne
  }

  /// One tensor, seen from the checkpoint.
  package struct Mapping: Hashable, Sendable {
    /// Hugging Face's name.
    package var name: String
    package var change: Change
    /// Whether the first dimension counts experts, which the checkpoint keeps in tensors of their own; `#` in the name
    /// stands for the expert's number.
    package var holdsExperts = false
  }

  private let architecture: GGUFArchitecture
  private let heads: Int
  private let kvHeads: Int
  /// Whether the feed-forward layers of a Llama are experts: Mixtral spells them in its own way.
  private let isMixtral: Bool

  package init(
    _ architecture: GGUFArchitecture, heads: Int, kvHeads: Int, hasExperts: Bool = false
  ) {
    self.architecture = architecture
    self.heads = heads
    self.kvHeads = kvHeads
    isMixtral = hasExperts && architecture.modelType == "llama"
  }

  /// What `name` is in a checkpoint; nil for tensors that are no weights of a layer (rotary factors) or not known.
  package func mapping(of name: String) -> Mapping? {
    let parts = name.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
    guard let ending = parts.last else { return nil }
    switch parts.dropLast().joined(separator: ".") {
    case "token_embd" where ending == "weight":
      return Mapping(name: "model.embed_tokens.weight", change: .none)
    case "output_norm" where ending == "weight":
      return Mapping(name: "model.norm.weight", change: normChange)
    case "output" where ending == "weight":
      return Mapping(name: "lm_head.weight", change: .none)
    default: break
    }
    guard (4...5).contains(parts.count), parts[0] == "blk", let block = Int(parts[1]), block >= 0,
      "\(block)" == parts[1], ending == "weight" || ending == "bias"
    else { return nil }
    let prefix = "model.layers.\(block)."
    if parts.count == 5 {
      // The first files of Mixtral had a tensor for each expert: `ffn_gate.3`.
      guard let number = Int(parts[3]), number >= 0, "\(number)" == parts[3],
        let expert = experts(parts[2] + "_exps")
      else { return nil }
      return Mapping(
        name: prefix + expert.replacing("#", with: "\(number)") + "." + ending, change: .none)
    }
    if let (layer, change) = layer(parts[2]) {
      return Mapping(name: prefix + layer + "." + ending, change: change)
    }
    if let expert = experts(parts[2]) {
      return Mapping(
        name: prefix + expert + "." + ending, change: .none, holdsExperts: true)
    }
    if parts[2] == "attn_sinks" {
      // A plain parameter there, without a layer of its own.
      return Mapping(name: prefix + "self_attn.sinks", change: .none)
    }
    return nil
  }

  private var normChange: Change { architecture.addsOneToNorms ? .plusOne : .none }

  private func rotated(_ heads: Int) -> Change {
    architecture.pairsRotatedRows ? .pairedRows(heads: heads) : .none
  }

  private func layer(_ name: String) -> (String, Change)? {
    let isPhi = architecture.modelType == "phi3"
    switch name {
    case "attn_q": return ("self_attn.q_proj", rotated(heads))
    case "attn_k": return ("self_attn.k_proj", rotated(kvHeads))
    case "attn_v": return ("self_attn.v_proj", .none)
    case "attn_qkv" where isPhi: return ("self_attn.qkv_proj", .none)
    case "attn_output": return ("self_attn.o_proj", .none)
    case "attn_q_norm": return ("self_attn.q_norm", normChange)
    case "attn_k_norm": return ("self_attn.k_norm", normChange)
    case "ffn_gate": return ("mlp.gate_proj", .none)
    // The gate's rows, then those of the other half.
    case "ffn_up" where isPhi: return ("mlp.gate_up_proj", .none)
    case "ffn_up": return ("mlp.up_proj", .none)
    case "ffn_down": return ("mlp.down_proj", .none)
    case "ffn_gate_inp":
      return (isMixtral ? "block_sparse_moe.gate" : isOss ? "mlp.router" : "mlp.gate", .none)
    case "ffn_gate_shexp": return ("mlp.shared_expert.gate_proj", .none)
    case "ffn_up_shexp": return ("mlp.shared_expert.up_proj", .none)
    case "ffn_down_shexp": return ("mlp.shared_expert.down_proj", .none)
    case "ffn_gate_inp_shexp": return ("mlp.shared_expert_gate", .none)
    default: return norm(name).map { ($0, normChange) }
    }
  }

  private var isOss: Bool { architecture.modelType == "gpt_oss" }

  private func norm(_ name: String) -> String? {
    switch name {
    case "attn_norm" where !architecture.hasOnlyPostNorms: "input_layernorm"
    case "post_attention_norm"
    where architecture.hasPostNorms || architecture.hasOnlyPostNorms || isOss:
      "post_attention_layernorm"
    case "ffn_norm" where architecture.hasPostNorms: "pre_feedforward_layernorm"
    case "ffn_norm" where !architecture.hasOnlyPostNorms: "post_attention_layernorm"
    case "post_ffw_norm" where architecture.hasPostNorms || architecture.hasOnlyPostNorms:
      "post_feedforward_layernorm"
    default: nil
    }
  }

  private func experts(_ name: String) -> String? {
    let names = isMixtral ? ["w1", "w3", "w2"] : ["gate_proj", "up_proj", "down_proj"]
    let place: Int
    switch name {
    case "ffn_gate_exps": place = 0
    case "ffn_up_exps": place = 1
    case "ffn_down_exps": place = 2
    default: return nil
    }
    return (isMixtral ? "block_sparse_moe" : "mlp") + ".experts.#." + names[place]
  }
}
