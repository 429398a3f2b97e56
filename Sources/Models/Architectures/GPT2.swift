package import Checkpoints
import Operators
import Platform

/// GPT-2: layer norms, a table of positions instead of rotation, GELU without a gate, weights stored with inputs first, and
/// q, k and v in one tensor.
///
/// A. Radford et al., "Language Models are Unsupervised Multitask Learners", 2019.
package enum GPT2: Architecture {
  package static let modelTypes = ["gpt2"]

  private static let names = [
    "hidden_size": "n_embd", "num_hidden_layers": "n_layer", "num_attention_heads": "n_head",
    "max_position_embeddings": "n_positions", "intermediate_size": "n_inner",
    "rms_norm_eps": "layer_norm_epsilon", "hidden_act": "activation_function",
  ]

  package static func configuration(from file: ConfigFile) throws -> ModelConfiguration {
    let hidden = try file.integer("n_embd", in: 1...ModelConfiguration.Bounds.hidden)
    let config = file.read(
      calling: names,
      standards: [
        "intermediate_size": .number(JSONNumber(4 * hidden)),
        "rms_norm_eps": .number(JSONNumber(1e-5) ?? JSONNumber(0)),
      ])
    for field in ["scale_attn_by_inverse_layer_idx", "add_cross_attention"]
    where try file.optionalFlag(field) ?? false {
      throw ModelError.unsupported(
        file: file.path, field: field, found: "true", known: "known is false")
    }
    var configuration = try ModelConfiguration(
      common: config,
      activations: ["gelu_new": .geluTanh, "gelu_pytorch_tanh": .geluTanh, "gelu": .gelu])
    configuration.tiedEmbeddings = try config.optionalFlag("tie_word_embeddings") ?? true
    if try file.optionalFlag("scale_attn_weights") == false {
      configuration.particulars["scale_attn_weights"] = [0]
    }
    return configuration
  }

  package static func block(_ configuration: ModelConfiguration, _ index: Int) -> BlockPlan {
    let prefix = "transformer.h.\(index)."
    let (hidden, inner) = (configuration.hiddenSize, configuration.intermediateSize)
    let joined = ["q", "k", "v"].enumerated().map { place, name in
      LinearPlan(
        [.q, .k, .v][place], rows: hidden, columns: hidden, hasBias: true,
        name: "\(prefix)attn.\(name)",
        storage: .columns(of: prefix + "attn.c_attn", first: place * hidden, total: 3 * hidden))
    }
    func linear(_ role: Projection, _ rows: Int, _ columns: Int, _ name: String) -> LinearPlan {
      LinearPlan(
        role, rows: rows, columns: columns, hasBias: true, name: prefix + name,
        storage: .transposed)
    }
    func norm(_ name: String) -> NormPlan {
      NormPlan(.layer, width: hidden, hasBias: true, name: "\(prefix)\(name).weight")
    }
    return BlockPlan(
      hidden: hidden,
      linears: joined + [
        linear(.o, hidden, hidden, "attn.c_proj"), linear(.up, inner, hidden, "mlp.c_fc"),
        linear(.down, hidden, inner, "mlp.c_proj"),
      ],
      norms: [.attention: norm("ln_1"), .feedForward: norm("ln_2")],
      attention: AttentionPlan(
        heads: configuration.heads, kvHeads: configuration.kvHeads,
        headDimension: configuration.headDimension,
        scale: configuration.particulars["scale_attn_weights"] == nil ? nil : 1),
      feedForward: FeedForwardPlan(configuration.activation, hasGate: false))
  }

  package static func frame(_ configuration: ModelConfiguration) -> FramePlan {
    var frame = FramePlan(
      embedding: "transformer.wte.weight",
      finalNorm: NormPlan(
        .layer, width: configuration.hiddenSize, hasBias: true, name: "transformer.ln_f.weight"),
      head: "lm_head.weight", ignoredEndings: [".attn.bias", ".attn.masked_bias"])
    frame.positions = .init(name: "transformer.wpe.weight", rows: configuration.context)
    frame.prefix = "transformer."
    return frame
  }
}
