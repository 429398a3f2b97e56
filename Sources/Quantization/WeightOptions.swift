import Tensors

/// The options that all methods for weights have.
enum WeightOptions {
  static let bits = OptionKey<Int>(
    "bits", "bits of a weight", in: 2...8, listed: LayerException.widths, standard: 4,
    aliases: ["wbits", "w_bit", "num_bits", "nbits"])

  /// Groups of input channels; with `tensor` one scale for all as well, for methods that look at no neighbours.
  static func group(standard: Int = 128, tensor: Bool = false) -> OptionKey<Int> {
    OptionKey(
      "group",
      "input channels that share a scale; -1 a whole row" + (tensor ? ", 0 the whole tensor" : ""),
      in: -1...1024, listed: tensor ? [-1, 0, 16] + groups : [-1] + groups, standard: standard,
      aliases: ["group_size", "groupsize", "q_group_size", "group-size"])
  }

  /// Groups that kernels of this program and of others read.
  static let groups = WeightFormat.usualGroups

  static func symmetry(standard: Bool) -> OptionKey<Bool> {
    OptionKey(
      "symmetric", "one fixed zero point, else one found for each scale", standard: standard,
      aliases: ["sym"])
  }

  /// What the `group` option says.
  static func granularity(_ group: Int) -> WeightFormat.Granularity {
    switch group {
    case ..<0: .channel
    case 0: .tensor
    case let size: .group(size: size)
    }
  }
}

extension WeightFormat {
  /// The format that the options for bits, group and symmetry describe.
  init(bits: Int, group: Int, isSymmetric: Bool) {
    self.init(
      code: .integer(bits: bits), granularity: WeightOptions.granularity(group),
      isSymmetric: isSymmetric)
  }
}
