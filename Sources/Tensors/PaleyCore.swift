/// Paley's two Hadamard matrices, from the squares of a finite field of q elements.
enum PaleyCore {
  /// The matrix of +-1, row by row, or nil where no field known here has the size that `order` needs.
  static func matrix(order: Int) -> [Float]? {
    guard order >= 4, order % 4 == 0 else { return nil }
    if (order - 1) % 4 == 3, let field = SquareCharacter(size: order - 1) {
      return first(field, order: order)
    }
    if (order / 2 - 1) % 4 == 1, let field = SquareCharacter(size: order / 2 - 1) {
      return second(field, order: order)
    }
    return nil
  }

  /// `I + S` of the skew `S = [[0, 1], [-1, Q]]`, for q of 3 mod 4.
  private static func first(_ field: SquareCharacter, order: Int) -> [Float] {
    var result: [Float] = []
    result.reserveCapacity(order * order)
    for row in 0..<order {
      for column in 0..<order {
        switch (row, column) {
        case (0, _): result.append(1)
        case (_, 0): result.append(-1)
        default: result.append(row == column ? 1 : field.ofDifference(row - 1, column - 1))
        }
      }
    }
    return result
  }

  /// `S (x) [[1, 1], [1, -1]] + I (x) [[1, -1], [-1, -1]]` of the symmetric `S = [[0, 1], [1, Q]]`, for q
  /// of 1 mod 4.
  private static func second(_ field: SquareCharacter, order: Int) -> [Float] {
    var result = [Float](repeating: 0, count: order * order)
    let half = order / 2
    for row in 0..<half {
      for column in 0..<half {
        let sign: Float =
          row == column
          ? 0 : row == 0 || column == 0 ? 1 : field.ofDifference(row - 1, column - 1)
        let block: [Float] = row == column ? [1, -1, -1, -1] : [sign, sign, sign, -sign]
        for place in 0..<4 {
          result[(2 * row + place / 2) * order + 2 * column + place % 2] = block[place]
        }
      }
    }
    return result
  }
}

/// Which elements of a finite field are squares: 1, others -1, and 0 for zero.
///
/// A field of a prime's size is the integers modulo it; that of a prime's square p^2 has elements
/// `a + b sqrt(n)` of n no square modulo p, numbered `a + b p`.
private struct SquareCharacter {
  private let prime: Int
  private let isSquareField: Bool
  private let character: [Float]

  init?(size: Int) {
    guard size >= 3, size % 2 == 1 else { return nil }
    var factor = 3
    while factor * factor <= size, size % factor != 0 { factor += 2 }
    if factor * factor > size {
      (prime, isSquareField) = (size, false)
      var character = [Float](repeating: -1, count: size)
      for root in 1..<size { character[root * root % size] = 1 }
      character[0] = 0
      self.character = character
    } else {
      guard factor * factor == size else { return nil }
      (prime, isSquareField) = (factor, true)
      let squares = Set((1..<factor).map { $0 * $0 % factor })
      guard let other = (2..<factor).first(where: { !squares.contains($0) }) else { return nil }
      var character = [Float](repeating: -1, count: size)
      for a in 0..<factor {
        for b in 0..<factor {
          character[(a * a + b * b % factor * other) % factor + 2 * a * b % factor * factor] = 1
        }
      }
      character[0] = 0
      self.character = character
    }
  }

  /// That of element `first` less element `second`.
  func ofDifference(_ first: Int, _ second: Int) -> Float {
    guard isSquareField else { return character[(first - second + prime) % prime] }
    let low = (first % prime - second % prime + prime) % prime
    let high = (first / prime - second / prime + prime) % prime
    return character[low + high * prime]
  }
}
