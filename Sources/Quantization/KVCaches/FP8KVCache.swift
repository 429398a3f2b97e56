import Models
package import Tensors

/// An FP8 cache: E4M3 or E5M2, with a scale for each token and head, for each layer and head, or none.
package struct FP8KVCache: KVCacheMethod {
  package static let describes = MethodDescription(
    name: "fp8", title: "FP8",
    summary:
      "Each value as an 8-bit float: half the cache; outlier channels cost less than in INT8, all others more.",
    target: .kvCache, calibration: .none,
    options: [
      OptionSpec(
        key: "type", summary: "e4m3 has finer steps, e5m2 more range",
        kind: .choice(names: ["e4m3", "e5m2"]), standard: .choice("e4m3")),
      OptionSpec(
        key: "scale",
        summary: "one a token; one a head from the first tokens, later ones clamped; or 1",
        kind: .choice(names: KVFloat8Scale.allCases.map(\.rawValue)), standard: .choice("token")),
      KVCacheOptions.highLayers,
    ],
    aliases: ["fp8_e4m3", "f8"])

  package let highLayers: Int
  private let format: KVFormat

  package init(options: OptionValues) {
    format = .fp8(
      type: options.choice("type") == "e5m2" ? .f8e5m2 : .f8e4m3,
      scale: KVFloat8Scale(rawValue: options.choice("scale")) ?? .token)
    highLayers = options.integer("high-layers")
  }

  package func format(keys: Bool) -> KVFormat { format }
}
