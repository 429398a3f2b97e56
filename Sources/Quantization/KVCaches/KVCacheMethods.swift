package import Models
package import Tensors

/// A method that stores keys or values of the cache in fewer bits, online, as they are made.
///
/// To add one: a file in `KVCaches/`, a line in `KVCacheMethods.all`.
package protocol KVCacheMethod: Sendable {
  static var describes: MethodDescription { get }

  /// Takes options that were checked against `describes.options`.
  init(options: OptionValues)

  /// How one side of the cache is stored.
  var format: KVFormat { get }
}

/// Every method for the KV cache.
package enum KVCacheMethods {
  /// One line a method, in the order screens list them.
  package static let all: [any KVCacheMethod.Type] = [
    Int8KVCache.self,
    Int4KVCache.self,
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
    return type.init(options: options)
  }
}
