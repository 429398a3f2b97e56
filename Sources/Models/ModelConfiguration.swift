package import Checkpoints
package import Operators
import Platform

/// What `config.json` says about a decoder-only model, every field bounded before it sizes
/// anything.
///
/// Fields are named as in Hugging Face's files where errors speak of them.
package struct ModelConfiguration: Hashable, Sendable {
  /// The largest numbers that are believed.
  package enum Bounds {
    package static let hidden = 1 << 20
    package static let intermediate = 1 << 22
    package static let blocks = 4096
    package static let heads = 4096
    package static let headDimension = 512
    package static let vocabulary = 1 << 24
    package static let context = 1 << 28
  }

  /// `model_type`: `llama`, `qwen2`.
  package var modelType: String
  package var blocks: Int
  package var hiddenSize: Int
  package var intermediateSize: Int
  package var heads: Int
  package var kvHeads: Int
  package var headDimension: Int
  package var vocabularySize: Int
  /// `max_position_embeddings`.
  package var context: Int
  package var normEpsilon: Float
  /// The rotary embedding of blocks whose plan names no other.
  package var rotary: RotaryEmbedding
  package var tiedEmbeddings: Bool
  /// The projections that have a bias.
  package var biases: Set<Projection> = []
  /// Tokens the attention of each block looks back on, 0 for all; `[blocks]`.
  package var windows: [Int]
  package var beginToken: Int32?
  package var endTokens: [Int32]
  /// `quant_method` of a checkpoint that is quantized already.
  package var quantization: String?
  /// What the activation of the feed-forward layers is.
  package var activation = Activation.silu
  /// What only the architecture's own plan asks for, under the names of `config.json`: one number, or one a block.
  package var particulars: [String: [Double]] = [:]

  /// Reads the configuration of a known architecture.
  ///
  /// - Throws: `CheckpointError` with file, field, expected and found; `ModelError` for an unknown
  ///   architecture, listing the known, and for what is not built.
  package init(_ config: ConfigFile) throws {
    self = try Architectures.find(config).configuration(from: config)
  }

  /// Reads what all architectures have in common.
  ///
  /// Biases and windows are left for the architecture to set.
  ///
  /// - Parameters:
  ///   - standard: the head dimension of a file that does not state it; nil for hidden size by heads.
  ///   - activations: those the architecture can have, by their names in `hidden_act`; the first is that of a file that
  ///     names none.
  ///   - rotaryBase: `rope_theta` of a file that states none.
  ///   - mixes: whether the architecture reads how many experts there are.
  ///   - rotatesParts: whether the architecture reads how many channels of a head turn.
  init(
    common config: ConfigFile, headDimension standard: Int? = nil,
    activations: KeyValuePairs<String, Activation> = ["silu": .silu],
    rotaryBase: Double = 10_000, rotatesParts: Bool = false, mixes: Bool = false
  ) throws {
    try Self.refuseForeign(config, mixes: mixes)
    activation = try Self.activation(config, among: activations)
    modelType = try config.text("model_type")
    blocks = try config.integer("num_hidden_layers", in: 1...Bounds.blocks)
    hiddenSize = try config.integer("hidden_size", in: 1...Bounds.hidden)
    intermediateSize = try config.integer("intermediate_size", in: 1...Bounds.intermediate)
    heads = try config.integer("num_attention_heads", in: 1...Bounds.heads)
    kvHeads = try config.optionalInteger("num_key_value_heads", in: 1...Bounds.heads) ?? heads
    guard heads % kvHeads == 0 else {
      throw config.mismatch(
        "num_key_value_heads", "a divisor of num_attention_heads (\(heads))",
        config.root["num_key_value_heads"])
    }
    if let stated = try config.optionalInteger("head_dim", in: 1...Bounds.headDimension) ?? standard
    {
      headDimension = stated
    } else {
      guard hiddenSize % heads == 0 else {
        throw config.mismatch(
          "num_attention_heads", "a divisor of hidden_size (\(hiddenSize)), or head_dim next to it",
          config.root["num_attention_heads"])
      }
      headDimension = hiddenSize / heads
    }
    guard headDimension % 2 == 0, headDimension <= Bounds.headDimension else {
      throw ModelError.inconsistent(
        file: config.path, field: "head_dim",
        expected: "an even number of at most \(Bounds.headDimension)", found: "\(headDimension)")
    }
    vocabularySize = try config.integer("vocab_size", in: 1...Bounds.vocabulary)
    context = try config.integer("max_position_embeddings", in: 1...Bounds.context)
    normEpsilon = Float(try config.optionalNumber("rms_norm_eps", in: 0...1) ?? 1e-6)
    rotary = try RotaryEmbedding(
      from: config, context: context, base: rotaryBase, partial: rotatesParts)
    if !rotatesParts { try rotary.checkPairs(headDimension / 2, in: config) }
    tiedEmbeddings = try config.optionalFlag("tie_word_embeddings") ?? false
    windows = [Int](repeating: 0, count: blocks)
    // Some configurations name tokens that the embedding table has no row for; they are never met.
    // Some writers say -1 for none.
    beginToken = try config.integers("bos_token_id", in: -1...Int(Int32.max)).first { $0 >= 0 }
      .map { Int32($0) }
    endTokens = try config.integers("eos_token_id", in: 0...Int(Int32.max)).map { Int32($0) }
    if let object = try config.optionalObject("quantization_config") {
      quantization = try object.optionalText("quant_method") ?? "a method without a name"
    }
  }

  /// Names what would make the model another one.
  private static func refuseForeign(_ config: ConfigFile, mixes: Bool) throws {
    func refuse(_ field: String, _ found: String, _ known: String) -> ModelError {
      .unsupported(file: config.path, field: field, found: found, known: known)
    }
    for field in ["num_local_experts", "num_experts", "n_routed_experts", "moe_intermediate_size"]
    where try !mixes && (config.optionalInteger(field, in: 0...Int.max) ?? 0) > 0 {
      throw refuse(field, "a mixture of experts", "known are dense feed-forward layers")
    }
    if try config.optionalInteger("num_kv_shared_layers", in: 0...Int.max) ?? 0 > 0 {
      throw refuse(
        "num_kv_shared_layers", "sharing of the cache", "known are layers with their own")
    }
    if try config.optionalFlag("use_cla") ?? false {
      throw refuse("use_cla", "sharing of the cache", "known are layers with their own")
    }
  }

  private static func activation(
    _ config: ConfigFile, among known: KeyValuePairs<String, Activation>
  ) throws -> Activation {
    // Newer files of Gemma say it under the second name.
    let name =
      try config.optionalText("hidden_act") ?? config.optionalText("hidden_activation")
      ?? known.first?.key ?? "silu"
    guard let found = known.first(where: { $0.key == name }) else {
      throw ModelError.unsupported(
        file: config.path, field: "hidden_act", found: "\"\(name.prefix(40))\"",
        known: "known is " + known.map(\.key).joined(separator: ", "))
    }
    return found.value
  }

  /// The architecture that reads this configuration.
  package var architecture: any Architecture.Type {
    guard let found = Architectures.named(modelType) else {
      preconditionFailure("\(modelType) was read by an architecture that is in no list")
    }
    return found
  }

  /// One block as the architecture describes it.
  package func block(_ index: Int) -> BlockPlan { architecture.block(self, index) }

  /// What the planner knows of the model.
  package var shape: ModelShape {
    let isUniform = Set(windows).count <= 1
    var shape = ModelShape(
      architecture: modelType, blocks: blocks, hiddenSize: hiddenSize,
      intermediateSize: intermediateSize, heads: heads, kvHeads: kvHeads,
      headDimension: headDimension, vocabularySize: vocabularySize, context: context,
      tiedEmbeddings: tiedEmbeddings,
      slidingWindow: isUniform ? windows.first ?? 0 : 0, windows: isUniform ? nil : windows)
    let plans = (0..<blocks).map(block)
    let linears = LinearSize.all(of: plans[blocks - 1])
    if linears != shape.linears { shape.listedLinears = linears }
    let parameters = plans.reduce(0) { $0 + $1.parameters }
    if parameters != shape.blockLinearParameters { shape.listedParameters = parameters }
    let active = plans.reduce(0) { $0 + $1.activeParameters }
    if active != parameters { shape.activeParameters = active }
    let frame = architecture.frame(self)
    let last = frame.finalNorm
    let norms = plans.reduce(last.hasBias ? 2 * last.width : last.width) { sum, plan in
      plan.normPlaces.reduce(sum) {
        $0 + (plan[$1].map { $0.hasBias ? 2 * $0.width : $0.width } ?? 0)
      }
    }
    if norms != shape.normParameters { shape.listedNormParameters = norms }
    let others = plans.reduce(0) { $0 + $1.otherParameters }
    let positions = (frame.positions?.rows ?? 0) * hiddenSize
    if others + positions > 0 { shape.otherParameters = others + positions }
    return shape
  }
}
