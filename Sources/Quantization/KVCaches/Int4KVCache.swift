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
      KVCacheOptions.group.spec, KVCacheOptions.rotate.spec, KVCacheOptions.window.spec,
      KVCacheOptions.highLayers.spec,
    ],
    aliases: ["q4_0", "kv4", "int4-group"])

  package static let traits = CacheTraits(
    strength: "a scale for 32 values of a token, simple and fast",
    forms: .init(quality: 5, keys: .integer(bits: 4, group: 32)))

  package let window: Int?
  package let highLayers: Int
  private let format: KVFormat

  package init(options: OptionValues) {
    let plain = KVFormat.integer(bits: 4, group: options[KVCacheOptions.group])
    format =
      options[KVCacheOptions.rotate] ? .rotated(format: plain, rotation: .hadamard(seed: 1)) : plain
    window = KVCacheOptions.window(options)
    highLayers = options[KVCacheOptions.highLayers]
  }

  package func format(keys: Bool) -> KVFormat { format }
}
