package import Tensors

/// What can go wrong in preparing an operator.
package enum OperatorError: Error, Hashable, Sendable {
  case unsupportedProvider(ExecutionProvider, best: ExecutionProvider)
  case sizeOverflow(rows: Int, columns: Int)
  case unsupportedCache(KVFormat, headDimension: Int)
  /// A cache that keeps its latest tokens in full precision and stores the others rotated.
  case windowOfProjection(KVFormat)
  /// A cache that quantizes groups of tokens and has no window, of whole groups, for tokens to wait in.
  case windowMissing(KVFormat, tokens: Int)
  case unknownKernel(name: String, known: [String])
  /// The kernel that all others fall back to in the end.
  case indispensableKernel(name: String)
}

extension OperatorError: CustomStringConvertible {
  package var description: String {
    switch self {
    case .unsupportedProvider(let asked, let best):
      "provider \(asked.rawValue) needs instructions this processor lacks: "
        + "the best it has is \(best.rawValue)"
    case .sizeOverflow(let rows, let columns):
      "a weight of \(rows) x \(columns) is too large to pack"
    case .unsupportedCache(let format, let headDimension):
      "no kernel stores a KV cache in \(format) for heads of \(headDimension) channels"
    case .windowOfProjection(let format):
      "a window of recent tokens in full precision goes with formats that store as many numbers as a vector has: "
        + "\(format) stores a projection too"
    case .windowMissing(let format, let tokens):
      "keys as \(format) are quantized \(tokens) tokens at a time: expected a window of recent tokens "
        + "that is a multiple of \(tokens)"
    case .unknownKernel(let name, let known):
      "unknown kernel '\(name)': expected one of \(known.joined(separator: ", "))"
    case .indispensableKernel(let name):
      "\(name) cannot be disabled: it is what runs where every other kernel is"
    }
  }
}
