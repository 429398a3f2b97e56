/// The names under which tensors of a Hugging Face checkpoint lie in a GGUF file: `GGUFTensorNames` read backwards.
package struct GGUFTensorPlaces: Sendable {
  /// Where a tensor lies, and how its numbers differ there.
  package struct Place: Hashable, Sendable {
    package var name: String
    package var change: GGUFTensorNames.Change
  }

  private let places: [String: Place]

  private static let frame = ["token_embd.weight", "output_norm.weight", "output.weight"]
  private static let layers = [
    "attn_norm", "attn_q", "attn_k", "attn_v", "attn_output", "attn_q_norm", "attn_k_norm",
    "post_attention_norm", "ffn_norm", "ffn_gate", "ffn_up", "ffn_down", "post_ffw_norm",
  ]

  package init(_ architecture: GGUFArchitecture, heads: Int, kvHeads: Int, blocks: Int) {
    let names = GGUFTensorNames(architecture, heads: heads, kvHeads: kvHeads)
    var places: [String: Place] = [:]
    func add(_ name: String) {
      guard let mapping = names.mapping(of: name) else { return }
      places[mapping.name] = Place(name: name, change: mapping.change)
    }
    Self.frame.forEach(add)
    for block in 0..<blocks {
      for layer in Self.layers {
        for ending in ["weight", "bias"] { add("blk.\(block).\(layer).\(ending)") }
      }
    }
    self.places = places
  }

  /// nil for a tensor that the format has no place for.
  package subscript(name: String) -> Place? { places[name] }
}

extension GGUFArchitecture {
  /// What `general.architecture` calls a `model_type`; nil for none that is written.
  ///
  /// Mixtures of experts, whose tensors the format joins into one, are not among them.
  package static func name(ofModelType type: String) -> String? {
    if type == "mistral" { return "llama" }
    let written = ["llama", "granite", "smollm3", "qwen2", "qwen3", "olmo2", "gemma2", "gemma3"]
    return written.first { all[$0]?.modelType == type }
  }

  /// The values of `model_type` that are written, for messages.
  package static var writtenTypes: [String] {
    all.values.map(\.modelType).filter { name(ofModelType: $0) != nil }.sorted() + ["mistral"]
  }
}
