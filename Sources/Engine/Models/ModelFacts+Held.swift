import Checkpoints
import Glibc
import Models
import Tensors

extension ModelFacts {
  /// What the open model is, for formats that say it anew.
  init(_ held: Laboratory.OpenModel) throws {
    let configuration = held.model.configuration
    var particulars: [String: Double] = [:]
    for (name, values) in configuration.particulars { particulars[name] = values.first }
    self.init(
      name: held.summary.name, blocks: configuration.blocks, hiddenSize: configuration.hiddenSize,
      intermediateSize: configuration.intermediateSize, heads: configuration.heads,
      kvHeads: configuration.kvHeads, headDimension: configuration.headDimension,
      vocabularySize: held.model.embedding.rows, context: configuration.context,
      normEpsilon: Double("\(configuration.normEpsilon)") ?? Double(configuration.normEpsilon),
      rotaryBase: configuration.rotary.base, particulars: particulars)
    beginToken = configuration.beginToken.map { Int($0) }
    endToken = configuration.endTokens.first.map { Int($0) }
    if let window = configuration.windows.max(), window > 0 { self.window = window }
    switch configuration.rotary.scaling {
    case .none: break
    case .linear(let factor): rotaryLinear = factor
    case .llama3, .divided:
      let length = configuration.headDimension
      let plain = RotaryEmbedding(base: configuration.rotary.base)
        .frequencies(headDimension: length)
      let own = configuration.rotary.frequencies(headDimension: length)
      rotaryFactors = zip(plain, own).map { $0 / $1 }
    case .yarn(let factor, let fast, let slow, let rounds, let magnitude, let context):
      rotaryYarn = .init(factor: factor, fast: fast, slow: slow, originalContext: context)
      let usual = factor <= 1 ? 1 : 0.1 * log(factor) + 1
      if !rounds || (magnitude - usual).magnitude > 1e-6 {
        unwritten =
          "rope_scaling yarn with \(rounds ? "attention_factor \(magnitude)" : "truncate false"), which llama.cpp has no key for"
      }
    case .longrope(let scaled):
      rotaryLong = .init(
        short: scaled.short.map { Float($0) }, long: scaled.long.map { Float($0) },
        magnitude: scaled.magnitude, originalContext: scaled.originalContext)
    }
    takeExperts(of: held.model.configuration)
    let turning = held.model.blocks.first?.plan.attention.rotation?.channels
    if let turning, turning < configuration.headDimension { rotatedChannels = turning }
    switch held.stored {
    case .gguf(let file):
      source = file
      // The metadata is copied, so what it says stays.
      unwritten = nil
    case .directory(let stored): directory = stored.path
    }
  }

  /// The mixture of experts, where there is one, and what llama.cpp would make of it otherwise.
  private mutating func takeExperts(of configuration: ModelConfiguration) {
    func number(_ name: String) -> Int? { configuration.particulars[name]?.first.map { Int($0) } }
    guard let count = number("experts"), let active = number("active_experts") else { return }
    experts = .init(
      count: count, active: active, width: number("expert_width") ?? intermediateSize)
    if let dense = configuration.particulars["dense"], dense.contains(1) {
      unwritten = "a mixture with dense blocks (mlp_only_layers), which llama.cpp does not run"
    }
    if number("norm_topk_prob") == 0 {
      unwritten =
        "a mixture whose weights are not normalized (norm_topk_prob false), which llama.cpp would normalize"
    }
  }
}
