package import Models
package import Tensors

/// An INT8 cache: groups of channels of one head inside one token, scale `max|x| / 127`, the grid of llama.cpp's `q8_0` rows.
package struct Int8KVCache: KVCacheMethod {
  package static let describes = MethodDescription(
    name: "int8", title: "INT8",
    summary:
      "Each token's keys and values in 8 bits, a scale for every group of channels: half the cache at almost no loss.",
    target: .kvCache, calibration: .none,
    options: [
      OptionSpec(
        key: "group", summary: "channels that share a scale, cut to the head dimension",
        kind: .integer(lowest: 8, highest: 256, listed: [16, 32, 64, 128]), standard: .integer(32),
        aliases: ["group_size", "group-size"])
    ],
    aliases: ["q8_0", "kv8", "int8-group"])

  package let format: KVFormat

  package init(options: OptionValues) {
    format = .integer(bits: 8, group: options.integer("group"))
  }
}
