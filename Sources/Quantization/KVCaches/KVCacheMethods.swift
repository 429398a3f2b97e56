import Models
package import Tensors

/// A method that stores keys or values of the cache in fewer bits, online, as they are made.
///
/// To add one: a file in `KVCaches/`, a line in `KVCacheMethods.all`.
package protocol KVCacheMethod: Sendable {
  static var describes: MethodDescription { get }

  /// Takes options that were checked against `describes.options`.
  ///
  /// - Throws: `QuantizationError.invalidOption` for options that do not go together.
  init(options: OptionValues) throws

  /// How keys, or values, are stored.
  func format(keys: Bool) -> KVFormat

  /// The latest tokens that stay in full precision, nil for none; where keys and values differ, the larger holds for both.
  var window: Int? { get }

  /// First and last layers that stay in FP16; where keys and values differ, the larger holds for both.
  var highLayers: Int { get }
}

extension KVCacheMethod {
  package var window: Int? { nil }
}

/// Options that several methods have.
enum KVCacheOptions {
  static let group = OptionSpec(
    key: "group", summary: "channels that share a scale, cut to the head dimension",
    kind: .integer(lowest: 8, highest: 256, listed: [16, 32, 64, 128]), standard: .integer(32),
    aliases: ["group_size", "group-size"])

  static let highLayers = OptionSpec(
    key: "high-layers", summary: "first and last layers that stay in FP16",
    kind: .integer(lowest: 0, highest: 64, listed: []), standard: .integer(0),
    aliases: ["skip-layers", "high_layers"])

  static let rotate = OptionSpec(
    key: "rotate",
    summary:
      "Hadamard rotation of each head before quantizing, as llama.cpp does: spreads outliers",
    kind: .flag, standard: .flag(false), aliases: ["hadamard"])

  static let seed = OptionSpec(
    key: "seed", summary: "seed of the random rotation",
    kind: .integer(lowest: 0, highest: 1 << 30, listed: []), standard: .integer(1))
}

/// Every method for the KV cache.
package enum KVCacheMethods {
  /// One line a method, in the order screens list them.
  package static let all: [any KVCacheMethod.Type] = [
    Int8KVCache.self,
    Int4KVCache.self,
    FP8KVCache.self,
    KIVIKVCache.self,
    TurboQuantKVCache.self,
  ]

  /// The method of a choice, its options checked.
  ///
  /// - Throws: `QuantizationError` for an unknown method or option.
  package static func make(_ choice: MethodChoice) throws -> any KVCacheMethod {
    let description = try QuantizationMethods.description(of: choice.method, target: .kvCache)
    let options = try OptionValues(
      choice.options, specs: description.options, method: description.name)
    guard let type = all.first(where: { $0.describes == description }) else {
      throw QuantizationError.unknownMethod(
        target: "kv", name: choice.method, known: all.map { $0.describes.name })
    }
    return try type.init(options: options)
  }
}
