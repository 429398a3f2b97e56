package import Tensors

/// Why a model cannot be loaded, run or sampled from.
package enum ModelError: Error, Hashable, Sendable {
  /// A checkpoint of an architecture that nobody has written.
  case unknownArchitecture(file: String, found: String, known: [String])
  /// A configuration that is sound but asks for something that is not built.
  case unsupported(file: String, field: String, found: String, known: String)
  /// Fields that do not fit one another.
  case inconsistent(file: String, field: String, expected: String, found: String)
  /// Tensors that the configuration does not know.
  case unexpectedTensors(file: String, names: [String], count: Int)
  /// A tensor of numbers that no model has.
  case unsupportedType(file: String, tensor: String, found: DType)
  /// A weight that is not a number or infinite.
  case notFinite(tensor: String, row: Int, column: Int, value: Float)
  /// A linear layer was given a weight of another size.
  case weightShape(layer: String, expected: [Int], found: [Int])
  /// A token outside the vocabulary.
  case unknownToken(Int32, position: Int, vocabulary: Int)
  /// Nothing to run.
  case noTokens
  /// More tokens than the cache was made for.
  case contextExceeded(tokens: Int, capacity: Int)
  /// A cache that was made for another model.
  case cacheMismatch(expected: String, found: String)
  /// Keys or values that the cache's format does not hold.
  case cacheOverflow(block: Int, side: String, value: Float, limit: Float, format: String)
  /// A block that is not there.
  case noSuchBlock(Int, blocks: Int)
  /// A number of the sampler outside its range.
  case invalidSampling(option: String, expected: String, found: String)
}

extension ModelError: CustomStringConvertible {
  package var description: String {
    switch self {
    case .unknownArchitecture(let file, let found, let known):
      "\(file): model_type: expected one of \(known.joined(separator: ", ")), found \(found)"
    case .unsupported(let file, let field, let found, let known):
      "\(file): \(field): \(found) is not supported; \(known)"
    case .inconsistent(let file, let field, let expected, let found):
      "\(file): \(field): expected \(expected), found \(found)"
    case .unexpectedTensors(let file, let names, let count):
      "\(file): expected no tensors beyond those of the configuration, found \(count): "
        + names.joined(separator: ", ") + (count > names.count ? ", ..." : "")
    case .unsupportedType(let file, let tensor, let found):
      "\(file): tensor \(tensor): expected F32, F16 or BF16, found \(found)"
    case .notFinite(let tensor, let row, let column, let value):
      "tensor \(tensor): expected finite numbers, found \(value) at row \(row), column \(column)"
    case .weightShape(let layer, let expected, let found):
      "\(layer): expected a weight of \(expected), found \(found)"
    case .unknownToken(let token, let position, let vocabulary):
      "expected tokens from 0 to \(vocabulary - 1), found \(token) at position \(position)"
    case .noTokens:
      "expected at least one token, found none"
    case .contextExceeded(let tokens, let capacity):
      "expected at most \(capacity) tokens of context, found \(tokens)"
    case .cacheMismatch(let expected, let found):
      "expected a KV cache of \(expected), found \(found)"
    case .cacheOverflow(let block, let side, let value, let limit, let format):
      "block \(block): \(side) of up to \(value) do not fit the \(format) cache: expected at most \(limit)"
    case .noSuchBlock(let index, let blocks):
      "expected a block from 0 to \(blocks - 1), found \(index)"
    case .invalidSampling(let option, let expected, let found):
      "\(option): expected \(expected), found \(found)"
    }
  }
}
