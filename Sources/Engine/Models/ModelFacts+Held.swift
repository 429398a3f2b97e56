import Checkpoints
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
    case .yarn: otherScaling = "yarn"
    case .longrope: otherScaling = "longrope"
    }
    switch held.stored {
    case .gguf(let file):
      source = file
      // The metadata is copied, so what it says of scaling stays.
      otherScaling = nil
    case .directory(let stored): directory = stored.path
    }
  }
}
