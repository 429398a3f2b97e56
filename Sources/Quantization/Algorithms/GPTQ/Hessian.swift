package import Operators
package import Platform

/// The second moments of a layer's inputs, `H = (2 / n) * sum X^T X` over n sequences: what GPTQ weighs
/// errors with.
///
/// A positive factor changes nothing but the losses that are reported; this one is the reference's.
package struct Hessian: Sendable {
  /// Sequences seen.
  package private(set) var sequences = 0
  /// Tokens seen.
  package private(set) var tokens = 0
  /// The sum, without its factor.
  private(set) var sum: SymmetricPanels

  /// Input channels.
  package var columns: Int { sum.columns }

  package init(columns: Int) {
    sum = SymmetricPanels(columns: columns)
  }

  /// Bytes that the moments of so many channels take.
  static func byteCount(columns: Int) -> Int { SymmetricPanels.byteCount(columns: columns) }

  /// Bytes that adding so many tokens takes meanwhile.
  static func scratchBytes(columns: Int, tokens: Int) -> Int {
    SymmetricPanels.packedCount(columns: columns, tokens: tokens) * MemoryLayout<Float>.stride
  }

  /// Adds one sequence, `[tokens, columns]`.
  ///
  /// Sums are float32 products of float32 inputs, added in runs of some hundred tokens. Work is shared over `pool`; the
  /// result does not depend on its threads.
  package mutating func add(
    _ inputs: UnsafePointer<Float>, tokens: Int, pool: WorkerPool? = nil,
    provider: ExecutionProvider = .best
  ) {
    guard tokens > 0, columns > 0 else { return }
    sequences += 1
    self.tokens += tokens
    sum.addMoments(of: inputs, tokens: tokens, pool: pool, kernels: CalibrationKernels(provider))
  }

  /// `2 / n`, what the sum is multiplied by; 0 before anything was added.
  var factor: Float { sequences == 0 ? 0 : 2 / Float(sequences) }

  /// The whole matrix, `[columns, columns]`, row by row; zeros before anything was added.
  package func matrix() -> [Float] { sum.matrix(times: factor) }
}
