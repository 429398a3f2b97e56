import Tensors

/// The options that all methods for weights have.
extension OptionSpec {
  static let weightBits = OptionSpec(
    key: "bits", summary: "bits of a weight",
    kind: .integer(lowest: 2, highest: 8, listed: LayerException.widths), standard: .integer(4),
    aliases: ["wbits", "w_bit", "num_bits", "nbits"])

  /// Groups of input channels; with `tensor` one scale for all as well, for methods that look at no neighbours.
  static func weightGroup(standard: Int = 128, tensor: Bool = false) -> OptionSpec {
    OptionSpec(
      key: "group",
      summary: "input channels that share a scale; -1 a whole row"
        + (tensor ? ", 0 the whole tensor" : ""),
      kind: .integer(
        lowest: -1, highest: 1024, listed: tensor ? [-1, 0, 16] + groups : [-1] + groups),
      standard: .integer(standard),
      aliases: ["group_size", "groupsize", "q_group_size", "group-size"])
  }

  /// Groups that kernels of this program and of others read.
  static let groups = [32, 64, 128, 256]

  static func weightSymmetry(standard: Bool) -> OptionSpec {
    OptionSpec(
      key: "symmetric", summary: "one fixed zero point, else one found for each scale",
      kind: .flag, standard: .flag(standard), aliases: ["sym"])
  }
}

extension OptionValues {
  /// The format that `weightBits`, `weightGroup` and `weightSymmetry` describe.
  var weightFormat: WeightFormat {
    WeightFormat(
      code: .integer(bits: integer("bits")), granularity: weightGranularity,
      isSymmetric: flag("symmetric"))
  }

  /// What `weightGroup` describes.
  var weightGranularity: WeightFormat.Granularity {
    switch integer("group") {
    case ..<0: .channel
    case 0: .tensor
    case let size: .group(size: size)
    }
  }
}
