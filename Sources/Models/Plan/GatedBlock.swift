import Operators

/// The block most families have, as a plan: norms before attention and before gated feed-forward layers, under the names
/// of Llama's files. An architecture takes it and changes what is different.
extension BlockPlan {
  /// - Parameter prefix: what all names of the block begin with.
  package static func gated(_ configuration: ModelConfiguration, _ index: Int) -> BlockPlan {
    var plan = gated(
      hidden: configuration.hiddenSize, heads: configuration.heads,
      kvHeads: configuration.kvHeads, headDimension: configuration.headDimension,
      intermediate: configuration.intermediateSize, prefix: "model.layers.\(index).")
    plan.attention.rotation = .init(
      configuration.rotary, channels: configuration.headDimension)
    plan.attention.window = configuration.windows[index]
    for place in plan.linears.indices {
      plan.linears[place].hasBias = configuration.biases.contains(plan.linears[place].role)
    }
    return plan
  }

  /// The sizes and names alone: without rotation, windows and biases.
  package static func gated(
    hidden: Int, heads: Int, kvHeads: Int, headDimension: Int, intermediate: Int,
    prefix: String = ""
  ) -> BlockPlan {
    func linear(_ role: Projection, _ rows: Int, _ columns: Int) -> LinearPlan {
      let folder = role.half == .attention ? "self_attn" : "mlp"
      return LinearPlan(role, rows: rows, columns: columns, name: "\(prefix)\(folder).\(role)_proj")
    }
    func norm(_ name: String) -> NormPlan {
      NormPlan(width: hidden, name: "\(prefix)\(name).weight")
    }
    return BlockPlan(
      hidden: hidden,
      linears: [
        linear(.q, heads * headDimension, hidden), linear(.k, kvHeads * headDimension, hidden),
        linear(.v, kvHeads * headDimension, hidden), linear(.o, hidden, heads * headDimension),
        linear(.gate, intermediate, hidden), linear(.up, intermediate, hidden),
        linear(.down, hidden, intermediate),
      ],
      norms: [
        .attention: norm("input_layernorm"), .feedForward: norm("post_attention_layernorm"),
      ],
      attention: AttentionPlan(heads: heads, kvHeads: kvHeads, headDimension: headDimension),
      feedForward: FeedForwardPlan(.silu))
  }

  /// Gives each head of queries and keys a norm of its own, under the names of Qwen 3's and Gemma 3's files.
  package mutating func normalizeHeads(prefix: String, offset: Float = 0) {
    for (place, name) in [(BlockNorm.query, "q_norm"), (.key, "k_norm")] {
      self[place] = NormPlan(
        width: attention.headDimension, offset: offset, name: "\(prefix)self_attn.\(name).weight")
    }
  }

  /// The roles of such a block, in order.
  package static let gatedRoles = BlockPlan.gated(
    hidden: 1, heads: 1, kvHeads: 1, headDimension: 1, intermediate: 1
  ).roles
}

extension BlockHalf {
  /// The roles of the half in such a block.
  package var gatedRoles: [Projection] { BlockPlan.gatedRoles.filter { $0.half == self } }
}

extension ModelShape {
  /// The linear layers of one block: those of the usual one where the shape does not list others.
  package var linears: [LinearSize] {
    if let listed = listedLinears { return listed }
    return LinearSize.all(
      of: .gated(
        hidden: hiddenSize, heads: heads, kvHeads: kvHeads, headDimension: headDimension,
        intermediate: intermediateSize))
  }
}
