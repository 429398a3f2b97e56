package import Models
package import Tensors

/// KIVI (Liu et al., arXiv 2402.02750): keys per channel over groups of tokens, values per token, both asymmetric; the latest tokens stay in full precision until they are quantized.
package struct KIVIKVCache: KVCacheMethod {
  package static let describes = MethodDescription(
    name: "kivi", title: "KIVI",
    summary:
      "Keys per channel, where their outliers are, values per token; a window of recent tokens stays in full precision.",
    target: .kvCache, calibration: .none,
    options: [bits.spec, group.spec, window.spec, KVCacheOptions.highLayers.spec],
    aliases: ["kv-kivi"])

  static let bits = OptionKey<Int>(
    "bits", "bits of a value", in: 2...4, listed: [2, 4], standard: 2)
  static let group = OptionKey<Int>(
    "group", "tokens (keys) or channels (values) that share a scale and a minimum", in: 16...64,
    listed: [16, 32, 64], standard: 32, aliases: ["group_size", "group-size"])
  static let window = OptionKey<Int>(
    "window", "latest tokens in full precision", in: 64...1024, listed: [64, 128, 256, 512, 1024],
    standard: 128, aliases: ["residual", "residual_length", "residual-length"])

  package static let traits = CacheTraits(
    strength: "keys by channel keep their outlier channels apart",
    forms: form(bits: 4, quality: 6), form(bits: 2, quality: 2))

  private static func form(bits: Int, quality: Double) -> CacheTraits.Form {
    .init(
      quality: quality, keys: .channelGroups(bits: bits, tokens: 32),
      values: .tokenGroups(bits: bits, group: 32), window: 128)
  }

  package let window: Int?
  /// Keys are quantized by groups of tokens.
  package var windowSlides: Bool { false }
  package let highLayers: Int
  private let bits: Int
  private let group: Int

  package init(options: OptionValues) {
    bits = options[Self.bits]
    group = options[Self.group]
    window = options[Self.window]
    highLayers = options[KVCacheOptions.highLayers]
  }

  package func format(keys: Bool) -> KVFormat {
    keys ? .channelGroups(bits: bits, tokens: group) : .tokenGroups(bits: bits, group: group)
  }
}
