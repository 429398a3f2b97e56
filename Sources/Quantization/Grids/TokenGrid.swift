/// INT8 activations, one scale a token found at run time: reference arithmetic.
///
/// Two conventions are in use, 0.4 % apart. Runtimes (vLLM, PyTorch, SmoothQuant, bitsandbytes) divide the
/// largest magnitude by 127; llm-compressor's simulation divides by 127.5. Rounding is half to even.
package enum TokenGrid: String, Hashable, Sendable, Codable, CaseIterable {
  /// `scale = largest / 127`, codes -127...127; a row of zeros has scale 0.
  case runtime
  /// compressed-tensors' symmetric grid: `scale = largest / 127.5`, codes -128...127.
  case compressedTensors = "compressed-tensors"
  /// compressed-tensors' asymmetric grid, with a signed zero point.
  case compressedTensorsAsymmetric = "compressed-tensors asymmetric"

  /// Codes of `tokens` rows.
  package struct Codes: Hashable, Sendable {
    /// `[tokens, columns]`.
    package var codes: [Int8]
    /// `[tokens]`.
    package var scales: [Float]
    /// One a token, all 0 for the symmetric grids; values are `scale * (code - zero)`.
    package var zeros: [Int8]
  }

  /// The codes of `rows`, `[tokens, columns]`.
  ///
  /// What is not finite is clipped, and not-a-number is 0, as in the kernels.
  package func encode(_ rows: [Float], columns: Int) -> Codes {
    guard columns > 0 else { return Codes(codes: [], scales: [], zeros: []) }
    let tokens = rows.count / columns
    var result = Codes(
      codes: [Int8](repeating: 0, count: tokens * columns),
      scales: [Float](repeating: 0, count: tokens), zeros: [Int8](repeating: 0, count: tokens))
    var row = [Float](repeating: 0, count: columns)
    for token in 0..<tokens {
      for column in 0..<columns { row[column] = Self.finite(rows[token * columns + column]) }
      encodeRow(row, token: token, into: &result)
    }
    return result
  }

  /// The values that `rows`, `[tokens, columns]`, become.
  package func rounded(_ rows: [Float], columns: Int) -> [Float] {
    let result = encode(rows, columns: columns)
    return result.codes.indices.map { index in
      let token = index / columns
      return result.scales[token] * (Float(result.codes[index]) - Float(result.zeros[token]))
    }
  }

  private func encodeRow(_ row: [Float], token: Int, into result: inout Codes) {
    let first = token * row.count
    switch self {
    case .runtime:
      let largest = row.reduce(0) { max($0, $1.magnitude) }
      // The reciprocal of a subnormal scale overflows: such a row is nothing.
      let inverse = 127 / largest
      guard largest > 0, inverse.isFinite else { return }
      result.scales[token] = largest / 127
      for (column, value) in row.enumerated() {
        let code = (value * inverse).rounded(.toNearestOrEven)
        result.codes[first + column] = Int8(max(-127, min(127, code)))
      }
    case .compressedTensors, .compressedTensorsAsymmetric:
      let grid = self == .compressedTensors ? Grid.signedByte : Grid.shiftedByte
      let range = ValueRange(lowest: row.min() ?? 0, highest: row.max() ?? 0)
      let parameters = grid.parameters(of: range)
      result.scales[token] = parameters.scale
      result.zeros[token] = Int8(Int(parameters.zero) - grid.middle)
      for (column, value) in row.enumerated() {
        result.codes[first + column] = Int8(Int(grid.encode(value, parameters)) - grid.middle)
      }
    }
  }

  private static func finite(_ value: Float) -> Float {
    if value.isNaN { return 0 }
    let largest = Float.greatestFiniteMagnitude
    return max(-largest, min(largest, value))
  }
}
