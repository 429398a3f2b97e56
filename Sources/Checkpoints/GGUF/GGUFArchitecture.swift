/// What a value of `general.architecture` stands for: the family as Hugging Face calls it, and how the converter to GGUF
/// has changed its tensors.
///
/// From llama.cpp's `convert_hf_to_gguf.py`. Only families are here of which all of that is known.
package struct GGUFArchitecture: Hashable, Sendable {
  /// `model_type` of config.json.
  package let modelType: String
  /// Whether rows of queries and keys stand in pairs that are rotated together, not in halves (`GGUFRowOrder`).
  package let pairsRotatedRows: Bool
  /// Whether 1 has been added to the weights of norms, as Gemma's formula does at run time.
  package let addsOneToNorms: Bool
  /// `hidden_act`; the format does not store it.
  package let activation: String
  /// Norms after attention and feed-forward layers, as well as those before them.
  let hasPostNorms: Bool
  /// Whether the two norms of a block stand after its layers only.
  let hasOnlyPostNorms: Bool
  /// Fields that the family always has and the format never says.
  let fixedFlags: [String: Bool]

  init(
    _ modelType: String, pairsRotatedRows: Bool = false, addsOneToNorms: Bool = false,
    activation: String = "silu", hasPostNorms: Bool = false, hasOnlyPostNorms: Bool = false,
    fixedFlags: [String: Bool] = [:]
  ) {
    self.modelType = modelType
    self.pairsRotatedRows = pairsRotatedRows
    self.addsOneToNorms = addsOneToNorms
    self.activation = activation
    self.hasPostNorms = hasPostNorms
    self.hasOnlyPostNorms = hasOnlyPostNorms
    self.fixedFlags = fixedFlags
  }

  private static let gemmaActivation = "gelu_pytorch_tanh"

  /// By the values of `general.architecture`.
  static let all: [String: GGUFArchitecture] = [
    "llama": .init("llama", pairsRotatedRows: true),
    "granite": .init("granite", pairsRotatedRows: true),
    "smollm3": .init("smollm3", pairsRotatedRows: true),
    "qwen2": .init("qwen2"),
    "qwen2moe": .init("qwen2_moe"),
    "qwen3": .init("qwen3"),
    "qwen3moe": .init("qwen3_moe"),
    "phi3": .init("phi3"),
    "olmo2": .init("olmo2", hasOnlyPostNorms: true),
    "gemma": .init("gemma", addsOneToNorms: true, activation: gemmaActivation),
    "gemma2": .init(
      "gemma2", addsOneToNorms: true, activation: gemmaActivation, hasPostNorms: true),
    "gemma3": .init(
      "gemma3_text", addsOneToNorms: true, activation: gemmaActivation, hasPostNorms: true),
    "gpt-oss": .init("gpt_oss", fixedFlags: ["attention_bias": true]),
  ]

  /// The values of `general.architecture` that are known, for messages.
  package static var names: [String] { all.keys.sorted() }
}

/// The order of rows in which Llama's converter stores queries and keys.
///
/// Hugging Face rotates number i of a head with number i + half; llama.cpp rotates neighbours. So row
/// `h * half + i` of a head (h 0 or 1) is stored as row `2 * i + h`. What runs along a row (columns, blocks) stays;
/// a bias moves with its row.
package enum GGUFRowOrder {
  /// The row of the file that holds row `row` of Hugging Face's order, heads of `headDimension` rows.
  package static func stored(_ row: Int, headDimension: Int) -> Int {
    let half = headDimension / 2
    let inside = row % headDimension
    return row - inside + inside % half * 2 + inside / half
  }
}
