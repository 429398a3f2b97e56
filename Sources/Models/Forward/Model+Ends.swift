import Operators
import Tensors

/// The two ends of a forward pass: tokens to the residual stream, and that to logits.
extension Model {
  /// Looks up the embeddings of consecutive tokens of one sequence, `[tokens, hidden]`.
  ///
  /// - Parameter position: that of the first token.
  func embed(
    _ tokens: UnsafeBufferPointer<Int32>, from position: Int,
    into hidden: UnsafeMutablePointer<Float>
  ) {
    let width = configuration.hiddenSize
    for (row, token) in tokens.enumerated() {
      embedding.dequantize(rows: Int(token)..<Int(token) + 1, into: hidden + row * width)
    }
    let multiplier = embeddingMultiplier
    if multiplier != 1 {
      for place in 0..<tokens.count * width { hidden[place] *= multiplier }
    }
    guard let table = frame.positions, let positions else { return }
    withUnsafeTemporaryAllocation(of: Float.self, capacity: width) { row in
      guard let row = row.baseAddress else { return }
      for index in 0..<tokens.count {
        let place = min(table.first + position + index, positions.rows - 1)
        positions.dequantize(rows: place..<place + 1, into: row)
        for channel in 0..<width { hidden[index * width + channel] += row[channel] }
      }
    }
  }

  /// Looks up the embeddings of a batch, segment by segment, `[tokens, hidden]`.
  func embed(
    _ tokens: UnsafeBufferPointer<Int32>, of segments: [TokenSegment],
    into hidden: UnsafeMutablePointer<Float>
  ) {
    for segment in segments {
      embed(
        UnsafeBufferPointer(rebasing: tokens[segment.first..<segment.first + segment.count]),
        from: segment.position, into: hidden + segment.first * configuration.hiddenSize)
    }
  }

  /// What embeddings are multiplied by, in the type the table is stored in where the frame says so.
  private var embeddingMultiplier: Float {
    guard frame.roundsEmbeddingMultiplier else { return frame.embeddingMultiplier }
    return switch storedType {
    case .bf16: FloatFormats.float(bf16: FloatFormats.bf16(frame.embeddingMultiplier))
    case .f16: FloatFormats.float(f16: FloatFormats.f16(frame.embeddingMultiplier))
    default: frame.embeddingMultiplier
    }
  }

  /// Logits from what the last norm left, `[rows, hidden]` to `[rows, vocabulary]`.
  ///
  /// - Throws: what packing the head throws, and refused scratch.
  func score(
    _ normed: UnsafePointer<Float>, rows: Int, context: ExecutionContext,
    into scores: UnsafeMutablePointer<Float>
  ) throws {
    try context.linear(
      [try head.prepared(for: context)], input: normed, tokens: rows, outputs: [scores])
    let count = rows * configuration.vocabularySize
    if frame.logitMultiplier != 1 {
      context.multiply(scores, by: frame.logitMultiplier, count: count)
    }
    if let cap = frame.logitSoftCap { context.softCap(scores, at: cap, count: count) }
  }
}
