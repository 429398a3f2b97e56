package import Models
package import Tensors

/// An INT4 cache: groups of channels of one head inside one token, scale `x_max / -8` with the sign of the largest value, the grid of llama.cpp's `q4_0` rows.
package struct Int4KVCache: KVCacheMethod {
  package static let describes = MethodDescription(
    name: "int4", title: "INT4",
    summary:
      "Each token's keys and values in 4 bits, a scale for every group of channels: near a quarter of the cache; keys with outlier channels suffer.",
    target: .kvCache, calibration: .none,
    options: [
      OptionSpec(
        key: "group", summary: "channels that share a scale, cut to the head dimension",
        kind: .integer(lowest: 8, highest: 256, listed: [16, 32, 64, 128]), standard: .integer(32),
        aliases: ["group_size", "group-size"])
    ],
    aliases: ["q4_0", "kv4", "int4-group"])

  package let format: KVFormat

  package init(options: OptionValues) {
    format = .integer(bits: 4, group: options.integer("group"))
  }
}
