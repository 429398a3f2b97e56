package import Models
package import Tensors

/// A method that stores keys or values of the cache in fewer bits, online, as they are made.
///
/// To add one: a file in `KVCaches/`, a line in `KVCacheMethods.all`.
package protocol KVCacheMethod: Sendable {
  static var describes: MethodDescription { get }

  /// What only the method knows: the forms it makes, and what it is good at.
  static var traits: CacheTraits { get }

  /// Takes options that were checked against `describes.options`.
  ///
  /// - Throws: `QuantizationError.invalidOption` for options that do not go together.
  init(options: OptionValues) throws

  /// How keys, or values, are stored.
  func format(keys: Bool) -> KVFormat

  /// The latest tokens that stay in full precision, nil for none; where keys and values differ, the larger holds for both.
  var window: Int? { get }

  /// Whether keys leave the window one by one, as values do.
  var windowSlides: Bool { get }

  /// First and last layers that stay in FP16; where keys and values differ, the larger holds for both.
  var highLayers: Int { get }
}

extension KVCacheMethod {
  package var window: Int? { nil }
  package var windowSlides: Bool { true }
}

/// Options that several methods have.
enum KVCacheOptions {
  static let group = OptionKey<Int>(
    "group", "channels that share a scale, cut to the head dimension", in: 8...256,
    listed: [16, 32, 64, 128], standard: 32, aliases: ["group_size", "group-size"])

  static let highLayers = OptionKey<Int>(
    "high-layers", "first and last layers that stay in FP16", in: 0...64, standard: 0,
    aliases: ["skip-layers", "high_layers"])

  static let window = OptionKey<Int>(
    "window", "latest tokens in full precision, 0 for none", in: 0...4096, standard: 0,
    aliases: ["residual", "residual_length", "residual-length"])

  /// The window of options; nil for none.
  static func window(_ options: OptionValues) -> Int? {
    let tokens = options[window]
    return tokens > 0 ? tokens : nil
  }

  static let rotate = OptionKey<Bool>(
    "rotate",
    "Hadamard rotation of each head before quantizing, as llama.cpp does: spreads outliers",
    standard: false, aliases: ["hadamard"])

  static let seed = OptionKey<Int>(
    "seed", "seed of the random rotation", in: 0...1 << 30, standard: 1)
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
