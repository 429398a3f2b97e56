/// The dimensions of a tensor, slowest first; `[rows, columns]` for a matrix.
package struct Shape: Hashable, Sendable {
  package let dimensions: [Int]
  /// The product of the dimensions; 1 for a scalar.
  package let elementCount: Int

  /// A shape the program itself chose.
  ///
  /// Stops the program when a dimension is negative or the product does not fit; for numbers from a file
  /// use `init(checking:)`.
  package init(_ dimensions: [Int]) {
    guard let count = Self.product(dimensions) else {
      preconditionFailure("invalid shape \(dimensions)")
    }
    self.dimensions = dimensions
    elementCount = count
  }

  /// A shape from a file.
  ///
  /// - Throws: `TensorError.invalidShape` when a dimension is negative or the product does not fit.
  package init(checking dimensions: [Int]) throws(TensorError) {
    guard let count = Self.product(dimensions) else {
      throw .invalidShape(found: dimensions)
    }
    self.dimensions = dimensions
    elementCount = count
  }

  /// The number of dimensions.
  package var rank: Int { dimensions.count }

  /// Bytes of a dense tensor of `type`; nil when that is no whole number of bytes or does not fit.
  package func byteCount(of type: DType) -> Int? { type.byteCount(of: elementCount) }

  private static func product(_ dimensions: [Int]) -> Int? {
    var product = 1
    for dimension in dimensions {
      let (next, overflow) = product.multipliedReportingOverflow(by: dimension)
      guard dimension >= 0, !overflow else { return nil }
      product = next
    }
    return product
  }
}

extension Shape: ExpressibleByArrayLiteral {
  package init(arrayLiteral elements: Int...) { self.init(elements) }
}

extension Shape: CustomStringConvertible {
  /// `[64, 192]`.
  package var description: String { "\(dimensions)" }
}
