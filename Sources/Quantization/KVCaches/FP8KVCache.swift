package import Models
package import Tensors

/// An FP8 cache: E4M3 or E5M2, with a scale for each token and head, for each layer and head, or none.
package struct FP8KVCache: KVCacheMethod {
  package static let describes = MethodDescription(
    name: "fp8", title: "FP8",
    summary:
      "Each value as an 8-bit float: half the cache; outlier channels cost less than in INT8, all others more.",
    target: .kvCache, calibration: .none,
    options: [
      type.spec, scale.spec, KVCacheOptions.window.spec, KVCacheOptions.highLayers.spec,
    ],
    aliases: ["fp8_e4m3", "f8"])

  static let type = OptionKey<FloatGrid>(
    "type", "e4m3 has finer steps, e5m2 more range", standard: .e4m3)
  static let scale = OptionKey<KVFloat8Scale>(
    "scale", "one a token; one a head from the first tokens, later ones clamped; or 1",
    standard: .token)

  package static let traits = CacheTraits(
    strength: "no groups, and runtimes on GPUs read it natively",
    forms: .init(quality: 8, keys: .fp8(type: .f8e4m3, scale: .token)))

  package let window: Int?
  package let highLayers: Int
  private let format: KVFormat

  package init(options: OptionValues) {
    format = .fp8(type: options[Self.type].dtype, scale: options[Self.scale])
    window = KVCacheOptions.window(options)
    highLayers = options[KVCacheOptions.highLayers]
  }

  package func format(keys: Bool) -> KVFormat { format }
}

extension KVFloat8Scale: OptionChoice {}
