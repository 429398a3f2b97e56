/// What a GGUF file has to say of a model besides its tensors: sizes and constants, each under one name.
///
/// `config.json` spells some of these in several ways and leaves standards out; whoever knows the architecture fills this in.
package struct ModelFacts: Sendable {
  package var blocks: Int
  package var hiddenSize: Int
  package var intermediateSize: Int
  package var heads: Int
  package var kvHeads: Int
  package var headDimension: Int
  package var vocabularySize: Int
  package var context: Int
  package var normEpsilon: Double
  package var rotaryBase: Double
  /// What rotary frequencies are divided by, one for each pair of channels; nil where they are plain.
  package var rotaryFactors: [Float]?
  /// Linear scaling of positions; nil for none.
  package var rotaryLinear: Double?
  /// A scaling of positions that the format has no key for here, in words; nil for none.
  package var otherScaling: String?
  /// Tokens that the attention of some blocks looks back on; nil where all look back on everything.
  package var window: Int?
  /// Numbers of the family's own, under the names of `config.json`.
  package var particulars: [String: Double]
  /// The file whose metadata is copied; nil for a model that was no GGUF file.
  package var source: GGUFFile?
  /// The folder of the tokenizer's files; nil for none.
  package var directory: String?
  package var name: String
  /// The id of the token that begins a text, as `config.json` has it; nil for none.
  package var beginToken: Int?
  /// The id of the token that ends one.
  package var endToken: Int?

  package init(
    name: String, blocks: Int, hiddenSize: Int, intermediateSize: Int, heads: Int, kvHeads: Int,
    headDimension: Int, vocabularySize: Int, context: Int, normEpsilon: Double, rotaryBase: Double,
    particulars: [String: Double] = [:], source: GGUFFile? = nil, directory: String? = nil
  ) {
    self.name = name
    self.blocks = blocks
    self.hiddenSize = hiddenSize
    self.intermediateSize = intermediateSize
    self.heads = heads
    self.kvHeads = kvHeads
    self.headDimension = headDimension
    self.vocabularySize = vocabularySize
    self.context = context
    self.normEpsilon = normEpsilon
    self.rotaryBase = rotaryBase
    self.particulars = particulars
    self.source = source
    self.directory = directory
  }
}
