import Models
package import Tensors

/// KIVI (Liu et al., arXiv 2402.02750): keys per channel over groups of tokens, values per token, both asymmetric; the latest tokens stay in full precision until they are quantized.
package struct KIVIKVCache: KVCacheMethod {
  package static let describes = MethodDescription(
    name: "kivi", title: "KIVI",
    summary:
      "Keys per channel, where their outliers are, values per token; a window of recent tokens stays in full precision.",
    target: .kvCache, calibration: .none,
    options: [
      OptionSpec(
        key: "bits", summary: "bits of a value",
        kind: .integer(lowest: 2, highest: 4, listed: [2, 4]),
        standard: .integer(2)),
      OptionSpec(
        key: "group",
        summary: "tokens (keys) or channels (values) that share a scale and a minimum",
        kind: .integer(lowest: 16, highest: 64, listed: [16, 32, 64]), standard: .integer(32),
        aliases: ["group_size", "group-size"]),
      OptionSpec(
        key: "window", summary: "latest tokens in full precision",
        kind: .integer(lowest: 64, highest: 1024, listed: [64, 128, 256, 512, 1024]),
        standard: .integer(128), aliases: ["residual", "residual_length", "residual-length"]),
      KVCacheOptions.highLayers,
    ],
    aliases: ["kv-kivi"])

  package let window: Int?
  package let highLayers: Int
  private let bits: Int
  private let group: Int

  package init(options: OptionValues) {
    bits = options.integer("bits")
    group = options.integer("group")
    window = options.integer("window")
    highLayers = options.integer("high-layers")
  }

  package func format(keys: Bool) -> KVFormat {
    keys ? .channelGroups(bits: bits, tokens: group) : .tokenGroups(bits: bits, group: group)
  }
}
