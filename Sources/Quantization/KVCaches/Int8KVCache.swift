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
      KVCacheOptions.group.spec, KVCacheOptions.rotate.spec, KVCacheOptions.window.spec,
      KVCacheOptions.highLayers.spec,
    ],
    aliases: ["q8_0", "kv8", "int8-group"])

  package static let traits = CacheTraits(
    strength: "rounding is hardly seen in the output",
    forms: .init(quality: 9, keys: .integer(bits: 8, group: 32)))

  package let window: Int?
  package let highLayers: Int
  private let format: KVFormat

  package init(options: OptionValues) {
    let plain = KVFormat.integer(bits: 8, group: options[KVCacheOptions.group])
    format =
      options[KVCacheOptions.rotate] ? .rotated(format: plain, rotation: .hadamard(seed: 1)) : plain
    window = KVCacheOptions.window(options)
    highLayers = options[KVCacheOptions.highLayers]
  }

  package func format(keys: Bool) -> KVFormat { format }
}
