package import Models
package import Tensors

/// TurboQuant (Zandieh et al., arXiv 2504.19874): each vector's norm, and its direction, randomly rotated, coordinate by coordinate with the best scalar codebook.
package struct TurboQuantKVCache: KVCacheMethod {
  package static let describes = MethodDescription(
    name: "turboquant", title: "TurboQuant",
    summary:
      "Rotates each vector at random, so that one optimal codebook fits every coordinate: no calibration, 1 to 8 bits, halves too.",
    target: .kvCache, calibration: .none,
    options: [
      bits.spec, form.spec, rotation.spec, normCorrection.spec, KVCacheOptions.window.spec,
      KVCacheOptions.seed.spec, KVCacheOptions.highLayers.spec,
    ],
    aliases: ["turbo", "tq"])

  static let bits = OptionKey<Double>(
    "bits", "bits of a value; with a fraction that share of the channels gets one bit more",
    in: 1...8, standard: 4)
  static let form = OptionKey<CodebookFormat.Form>(
    "form", "mse: least error; prod: unbiased inner products, which softmax seldom rewards",
    standard: .mse)
  static let rotation = OptionKey<Rotation>(
    "rotation", "hadamard is fast; dense is the paper's", standard: .hadamard)
  static let normCorrection = OptionKey<Bool>(
    "norm-correction",
    "store the norm that the decoded vector needs to be as long as the original", standard: false,
    aliases: ["nc", "norm_correction"])

  enum Rotation: String, OptionChoice {
    case hadamard
    case dense
  }

  package static let traits = CacheTraits(
    strength: "rotated codes hold best at few bits",
    forms: .init(quality: 5.5, keys: .codebook(format: .init(bits: 4))),
    .init(quality: 4, keys: .codebook(format: .init(bits: 3, extraShare: 0.5))),
    .init(quality: 1, keys: .codebook(format: .init(bits: 2, extraShare: 0.5))))

  package let window: Int?
  package let highLayers: Int
  private let format: KVFormat

  package init(options: OptionValues) throws {
    let bits = options[Self.bits]
    let form = options[Self.form]
    guard form == .mse || bits == bits.rounded() else {
      throw QuantizationError.invalidOption(
        method: Self.describes.name, key: "bits", expected: "a whole number with form prod",
        found: "\(bits)")
    }
    let seed = UInt64(options[KVCacheOptions.seed])
    format = .codebook(
      format: CodebookFormat(
        bits: Int(bits), extraShare: bits - bits.rounded(.down), form: form,
        keepsNorm: options[Self.normCorrection],
        rotation: options[Self.rotation] == .dense ? .dense(seed: seed) : .hadamard(seed: seed)))
    window = KVCacheOptions.window(options)
    guard form == .mse || window == nil else {
      throw QuantizationError.invalidOption(
        method: Self.describes.name, key: KVCacheOptions.window.spec.key,
        expected: "0 with form prod, which stores a projection next to each vector",
        found: "\(window ?? 0)")
    }
    highLayers = options[KVCacheOptions.highLayers]
  }

  package func format(keys: Bool) -> KVFormat { format }
}

extension CodebookFormat.Form: OptionChoice {}
