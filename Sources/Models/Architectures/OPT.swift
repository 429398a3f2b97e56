package import Checkpoints
import Operators
import Platform

/// OPT, the models of the papers on LLM.int8() and SmoothQuant: layer norms, a table of positions that begins at row 2, ReLU
/// without a gate, biases everywhere.
///
/// S. Zhang et al., arXiv 2205.01068.
package enum OPT: Architecture {
  package static let modelTypes = ["opt"]

  private static let names = ["intermediate_size": "ffn_dim", "hidden_act": "activation_function"]
  /// The rows of the table in front of position 0.
  private static let firstPosition = 2

  package static func configuration(from file: ConfigFile) throws -> ModelConfiguration {
    let config = file.read(
      calling: names, standards: ["rms_norm_eps": .number(JSONNumber(1e-5) ?? JSONNumber(0))])
    for (field, known) in [
      ("do_layer_norm_before", true), ("_remove_final_layer_norm", false),
      ("layer_norm_elementwise_affine", true),
    ] {
      guard try file.optionalFlag(field) ?? known == known else {
        throw ModelError.unsupported(
          file: file.path, field: field, found: "\(!known)", known: "known is \(known)")
      }
    }
    var configuration = try ModelConfiguration(common: config, activations: ["relu": .relu])
    if let width = try file.optionalInteger(
      "word_embed_proj_dim", in: 1...ModelConfiguration.Bounds.hidden),
      width != configuration.hiddenSize
    {
      throw ModelError.unsupported(
        file: file.path, field: "word_embed_proj_dim", found: "\(width)",
        known: "known are embeddings as wide as hidden_size (\(configuration.hiddenSize))")
    }
    configuration.tiedEmbeddings = try config.optionalFlag("tie_word_embeddings") ?? true
    configuration.biases =
      try file.optionalFlag("enable_bias") ?? true ? [.q, .k, .v, .o, .up, .down] : []
    return configuration
  }

  package static func block(_ configuration: ModelConfiguration, _ index: Int) -> BlockPlan {
    let prefix = "model.decoder.layers.\(index)."
    let (hidden, inner) = (configuration.hiddenSize, configuration.intermediateSize)
    func linear(_ role: Projection, _ rows: Int, _ columns: Int, _ name: String) -> LinearPlan {
      LinearPlan(
        role, rows: rows, columns: columns, hasBias: configuration.biases.contains(role),
        name: prefix + name)
    }
    func norm(_ name: String) -> NormPlan {
      NormPlan(.layer, width: hidden, hasBias: true, name: "\(prefix)\(name).weight")
    }
    return BlockPlan(
      hidden: hidden,
      linears: [
        linear(.q, hidden, hidden, "self_attn.q_proj"),
        linear(.k, hidden, hidden, "self_attn.k_proj"),
        linear(.v, hidden, hidden, "self_attn.v_proj"),
        linear(.o, hidden, hidden, "self_attn.out_proj"),
        linear(.up, inner, hidden, "fc1"), linear(.down, hidden, inner, "fc2"),
      ],
      norms: [.attention: norm("self_attn_layer_norm"), .feedForward: norm("final_layer_norm")],
      attention: AttentionPlan(
        heads: configuration.heads, kvHeads: configuration.kvHeads,
        headDimension: configuration.headDimension),
      feedForward: FeedForwardPlan(configuration.activation, hasGate: false))
  }

  package static func frame(_ configuration: ModelConfiguration) -> FramePlan {
    var frame = FramePlan(
      embedding: "model.decoder.embed_tokens.weight",
      finalNorm: NormPlan(
        .layer, width: configuration.hiddenSize, hasBias: true,
        name: "model.decoder.final_layer_norm.weight"),
      head: "lm_head.weight")
    frame.positions = .init(
      name: "model.decoder.embed_positions.weight", first: firstPosition,
      rows: configuration.context + firstPosition)
    frame.prefix = "model."
    return frame
  }
}
