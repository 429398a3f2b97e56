/// A Hadamard matrix of any order that Sylvester's and Paley's constructions reach together.
///
/// The order is `core 2^m`: the matrix is the Kronecker product of a core and Sylvester's matrix. A core
/// of order K is Paley's first (q = K - 1 a prime of 3 mod 4) or second (q = K/2 - 1 a prime of 1 mod 4,
/// or the square of a prime) (R. Paley, "On orthogonal matrices", 1933). With these: 12, 20, 28, 36, 44,
/// 52, 60, 76, 100, 108, 140 and so on to `largestCore`, but not 92, 116, 156, 172. A core is not unique: a file that
/// was rotated by another program may have been made with another table of the same order.
package struct HadamardMatrix: Sendable, Hashable {
  /// Cores are stored whole; beyond this they would take more than 16 MiB.
  package static let largestCore = 2048

  package let order: Int
  /// The order of the core, 1 for a power of two.
  package let core: Int
  /// The core row by row, `[core, core]`, of +-1.
  private let table: [Float]

  /// The order of Sylvester's part, a power of two.
  package var block: Int { order / core }

  /// Nil where no construction known here gives the order.
  package init?(order: Int) {
    guard order > 0 else { return nil }
    let twos = order.trailingZeroBitCount
    let odd = order >> twos
    if odd == 1 {
      (self.order, core, table) = (order, 1, [1])
      return
    }
    for power in stride(from: 2, through: twos, by: 1) {
      guard odd <= Self.largestCore >> power else { return nil }
      if let table = PaleyCore.matrix(order: odd << power) {
        (self.order, core, self.table) = (order, odd << power, table)
        return
      }
    }
    return nil
  }

  /// The matrix on a core from elsewhere, row by row.
  ///
  /// - Throws: `TensorError.outOfRange` unless the table is a Hadamard matrix and `order` a power of two
  ///   times its own.
  package init(order: Int, core table: [Float]) throws(TensorError) {
    let core = Int(Double(table.count).squareRoot())
    guard core > 0, core * core == table.count, order > 0, order % core == 0,
      (order / core).nonzeroBitCount == 1
    else {
      throw .outOfRange(
        what: "order of a Hadamard matrix", expected: "a power of two times that of its core",
        found: "\(order) with a core of \(table.count) numbers")
    }
    guard Self.isHadamard(table, order: core) else {
      throw .outOfRange(
        what: "core of a Hadamard matrix", expected: "\(core) orthogonal rows of 1 and -1",
        found: "another table")
    }
    (self.order, self.core, self.table) = (order, core, table)
  }

  /// Multiplies `order` values by the matrix over the root of its order, in place: `x <- H x / sqrt(n)`.
  ///
  /// With the values seen as `[core, block]`: butterflies in each row, then the core over the rows.
  /// `order (log2(block) + core)` additions.
  package func apply(_ values: UnsafeMutablePointer<Float>) { multiply(values, transposed: false) }
  package func apply(_ values: UnsafeMutablePointer<Double>) { multiply(values, transposed: false) }

  /// As `apply` with the transposed matrix, which is the inverse.
  package func applyInverse(_ values: UnsafeMutablePointer<Float>) {
    multiply(values, transposed: true)
  }
  package func applyInverse(_ values: UnsafeMutablePointer<Double>) {
    multiply(values, transposed: true)
  }

  /// As `apply`, or as `applyInverse` where `transposed`.
  func multiply<Value: BinaryFloatingPoint>(
    _ values: UnsafeMutablePointer<Value>, transposed: Bool
  ) {
    let block = self.block
    let factor = 1 / Value(order).squareRoot()
    for row in 0..<core { WalshHadamard.butterflies(values + row * block, count: block) }
    for index in 0..<order { values[index] *= factor }
    guard core > 1 else { return }
    withUnsafeTemporaryAllocation(of: Value.self, capacity: order) { old in
      for index in 0..<order {
        old[index] = values[index]
        values[index] = 0
      }
      for row in 0..<core {
        for other in 0..<core {
          let sign = transposed ? table[other * core + row] : table[row * core + other]
          let (target, source) = (row * block, other * block)
          if sign > 0 {
            for place in 0..<block { values[target + place] += old[source + place] }
          } else {
            for place in 0..<block { values[target + place] -= old[source + place] }
          }
        }
      }
    }
  }

  private static func isHadamard(_ table: [Float], order: Int) -> Bool {
    guard table.allSatisfy({ $0 == 1 || $0 == -1 }) else { return false }
    for first in 0..<order {
      for second in 0..<first {
        let product = (0..<order).reduce(Float(0)) {
          $0 + table[first * order + $1] * table[second * order + $1]
        }
        if product != 0 { return false }
      }
    }
    return true
  }
}

extension HadamardMatrix: CustomStringConvertible {
  /// `Hadamard of 96 = 12 x 8`; of a power of two `Hadamard of 128`.
  package var description: String {
    core == 1 ? "Hadamard of \(order)" : "Hadamard of \(order) = \(core) x \(block)"
  }
}
