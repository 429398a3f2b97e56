import Models
package import Tensors

/// TurboQuant (Zandieh et al., arXiv 2504.19874): each vector's norm, and its direction, randomly rotated, coordinate by coordinate with the best scalar codebook.
package struct TurboQuantKVCache: KVCacheMethod {
  package static let describes = MethodDescription(
    name: "turboquant", title: "TurboQuant",
    summary:
      "Rotates each vector at random, so that one optimal codebook fits every coordinate: no calibration, 1 to 8 bits, halves too.",
    target: .kvCache, calibration: .none,
    options: [
      OptionSpec(
        key: "bits",
        summary: "bits of a value; with a fraction that share of the channels gets one bit more",
        kind: .decimal(lowest: 1, highest: 8), standard: .decimal(4)),
      OptionSpec(
        key: "form",
        summary: "mse: least error; prod: unbiased inner products, which softmax seldom rewards",
        kind: .choice(names: CodebookFormat.Form.allCases.map(\.rawValue)), standard: .choice("mse")
      ),
      OptionSpec(
        key: "rotation", summary: "hadamard is fast; dense is the paper's",
        kind: .choice(names: ["hadamard", "dense"]), standard: .choice("hadamard")),
      OptionSpec(
        key: "norm-correction",
        summary: "store the norm that the decoded vector needs to be as long as the original",
        kind: .flag, standard: .flag(false), aliases: ["nc", "norm_correction"]),
      KVCacheOptions.seed,
      KVCacheOptions.highLayers,
    ],
    aliases: ["turbo", "tq"])

  package let highLayers: Int
  private let format: KVFormat

  package init(options: OptionValues) throws {
    let bits = options.decimal("bits")
    let form = CodebookFormat.Form(rawValue: options.choice("form")) ?? .mse
    guard form == .mse || bits == bits.rounded() else {
      throw QuantizationError.invalidOption(
        method: Self.describes.name, key: "bits", expected: "a whole number with form prod",
        found: "\(bits)")
    }
    let seed = UInt64(options.integer("seed"))
    format = .codebook(
      format: CodebookFormat(
        bits: Int(bits), extraShare: bits - bits.rounded(.down), form: form,
        keepsNorm: options.flag("norm-correction"),
        rotation: options.choice("rotation") == "dense" ? .dense(seed: seed) : .hadamard(seed: seed)
      ))
    highLayers = options.integer("high-layers")
  }

  package func format(keys: Bool) -> KVFormat { format }
}
