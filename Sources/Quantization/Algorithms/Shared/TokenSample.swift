/// Every so many tokens of the inputs of a layer: enough to weigh clipped ranges by.
///
/// The stride is `tokens / size`, at least 1, over all sequences in one row, so `size` to twice as many tokens are kept
/// where there are as many; a size of 512 is llm-awq's (auto_clip.py, which fails below 512 tokens).
package struct TokenSample: Sendable {
  /// Tokens a sample should have, at least.
  package static let size = 512

  /// Input channels.
  package let columns: Int
  /// `[tokens, columns]`.
  package private(set) var values: [Float] = []
  /// How many tokens lie between two of the sample, one of them included.
  package let stride: Int
  private var seen = 0

  /// - Parameters:
  ///   - expected: how many tokens there will be in all.
  ///   - size: how many are kept, at least.
  package init(columns: Int, expected: Int, size: Int = Self.size) {
    self.columns = columns
    stride = Self.stride(expected, size)
    // At once: later there may be no room to grow.
    values.reserveCapacity(Self.most(expected, size) * columns)
  }

  private static func stride(_ expected: Int, _ size: Int) -> Int {
    max(1, expected / max(1, size))
  }

  /// Tokens that are kept of so many.
  private static func most(_ expected: Int, _ size: Int) -> Int {
    let stride = Self.stride(expected, size)
    return (max(0, expected) + stride - 1) / stride
  }

  /// Bytes that a sample of so many tokens takes.
  static func mostBytes(columns: Int, expected: Int, size: Int = size) -> Int {
    most(expected, size) * columns * MemoryLayout<Float>.stride
  }

  /// Tokens in the sample.
  package var tokens: Int { columns == 0 ? 0 : values.count / columns }

  /// Takes its part of a sequence, `[tokens, columns]`.
  package mutating func add(_ inputs: UnsafePointer<Float>, tokens: Int) {
    let first = (stride - seen % stride) % stride
    for token in Swift.stride(from: first, to: tokens, by: stride) {
      values += UnsafeBufferPointer(start: inputs + token * columns, count: columns)
    }
    seen += tokens
  }

  /// The sample with each channel divided by its scale, `[columns]`.
  package func divided(by scales: [Float]) -> TokenSample {
    var result = self
    result.values.withUnsafeMutableBufferPointer { values in
      for token in 0..<tokens {
        for (channel, scale) in scales.enumerated() { values[token * columns + channel] /= scale }
      }
    }
    return result
  }

  /// Some channels of all tokens, `[tokens, channels]`.
  func columns(_ channels: Range<Int>) -> [Float] {
    var result: [Float] = []
    result.reserveCapacity(tokens * channels.count)
    for token in 0..<tokens {
      result +=
        values[token * columns + channels.lowerBound..<token * columns + channels.upperBound]
    }
    return result
  }
}
