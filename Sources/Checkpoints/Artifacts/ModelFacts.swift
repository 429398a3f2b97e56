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
  /// YaRN; nil for none.
  package var rotaryYarn: Yarn?
  /// Longrope; nil for none.
  package var rotaryLong: LongRope?
  /// Channels of a head that turn, where these are not all.
  package var rotatedChannels: Int?
  /// The experts of a mixture; nil for none.
  package var experts: Experts?
  /// What the format has no key for and would be run otherwise, in words; nil for nothing.
  package var unwritten: String?
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

  /// How often pairs turn within the trained context from which on they keep their frequency, and up to which it is divided.
  package struct Yarn: Hashable, Sendable {
    package var factor: Double
    package var fast: Double
    package var slow: Double
    package var originalContext: Int

    package init(factor: Double, fast: Double, slow: Double, originalContext: Int) {
      self.factor = factor
      self.fast = fast
      self.slow = slow
      self.originalContext = originalContext
    }
  }

  /// What wavelengths are multiplied by, one for each pair of channels, up to the trained context and beyond.
  package struct LongRope: Hashable, Sendable {
    package var short: [Float]
    package var long: [Float]
    package var magnitude: Double
    package var originalContext: Int

    package init(short: [Float], long: [Float], magnitude: Double, originalContext: Int) {
      self.short = short
      self.long = long
      self.magnitude = magnitude
      self.originalContext = originalContext
    }
  }

  /// How many experts there are, how many a token goes through, and the channels between their layers.
  package struct Experts: Hashable, Sendable {
    package var count: Int
    package var active: Int
    package var width: Int

    package init(count: Int, active: Int, width: Int) {
      self.count = count
      self.active = active
      self.width = width
    }
  }

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
