/// What does not fit about a tensor or a weight.
package enum TensorError: Error, Equatable, Sendable {
  case invalidShape(found: [Int])
  case rankMismatch(expected: Int, found: Shape)
  case shapeMismatch(expected: Shape, found: Shape)
  case byteCountMismatch(dtype: DType, shape: Shape, expected: Int?, found: Int)
  case notFloat(found: DType)
  case typeMismatch(expected: String, found: DType)
  case rowsOutOfBounds(rows: Range<Int>, shape: Shape)
  /// A weight whose codes, scales or zero points do not fit its format; the words say which.
  case invalidWeight(String)
  /// A number that what is asked for cannot be made with.
  case outOfRange(what: String, expected: String, found: String)
}

extension TensorError: CustomStringConvertible {
  package var description: String {
    switch self {
    case .invalidShape(let found):
      "expected a shape of non-negative dimensions that can be stored, found \(found)"
    case .rankMismatch(let expected, let found):
      "expected a tensor of \(expected) dimensions, found shape \(found)"
    case .shapeMismatch(let expected, let found):
      "expected shape \(expected), found \(found)"
    case .byteCountMismatch(let dtype, let shape, let expected, let found):
      if let expected {
        "expected \(expected) bytes for \(dtype) of shape \(shape), found \(found)"
      } else {
        "expected whole bytes, found \(dtype) of shape \(shape) in \(found) bytes"
      }
    case .notFloat(let found):
      "expected floating-point numbers, found \(found)"
    case .typeMismatch(let expected, let found):
      "expected numbers that fit \(expected), found \(found)"
    case .rowsOutOfBounds(let rows, let shape):
      "expected rows of a tensor of shape \(shape), found \(rows)"
    case .invalidWeight(let words):
      words
    case .outOfRange(let what, let expected, let found):
      "\(what): expected \(expected), found \(found)"
    }
  }
}
