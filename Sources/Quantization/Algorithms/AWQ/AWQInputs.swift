package import Operators
package import Platform

/// What AWQ keeps of the inputs of layers that share them.
package struct AWQInputs: Sendable {
  /// Input channels.
  package let columns: Int
  /// Tokens seen.
  package private(set) var tokens = 0
  package private(set) var sample: TokenSample
  /// `[columns]`.
  private var sums: [Double]
  private var hessian: Hessian?

  /// - Parameters:
  ///   - expected: how many tokens there will be in all.
  ///   - gathersMoments: whether second moments are kept, `[columns, columns]`: for layers whose own output is what
  ///     counts.
  package init(columns: Int, expected: Int, gathersMoments: Bool) {
    self.columns = columns
    sample = TokenSample(columns: columns, expected: expected)
    sums = [Double](repeating: 0, count: columns)
    hessian = gathersMoments ? Hessian(columns: columns) : nil
  }

  /// Bytes that the inputs of so many channels take at most.
  static func byteCount(columns: Int, expected: Int, gathersMoments: Bool) -> Int {
    TokenSample.mostBytes(columns: columns, expected: expected)
      + (gathersMoments ? Hessian.byteCount(columns: columns) : 0)
  }

  /// Adds one sequence, `[tokens, columns]`.
  package mutating func add(
    _ inputs: UnsafePointer<Float>, tokens: Int, pool: WorkerPool? = nil,
    provider: ExecutionProvider = .best
  ) {
    guard tokens > 0, columns > 0 else { return }
    self.tokens += tokens
    sample.add(inputs, tokens: tokens)
    hessian?.add(inputs, tokens: tokens, pool: pool, provider: provider)
    let columns = columns
    sums.withUnsafeMutableBufferPointer { sums in
      withUnsafeTemporaryAllocation(of: Float.self, capacity: columns) { run in
        guard let run = run.baseAddress, let sums = sums.baseAddress else { return }
        // Runs of tokens are summed in float32, the runs in float64.
        for first in stride(from: 0, to: tokens, by: 64) {
          run.update(repeating: 0, count: columns)
          for token in first..<min(first + 64, tokens) {
            let values = inputs + token * columns
            for channel in 0..<columns { run[channel] += values[channel].magnitude }
          }
          for channel in 0..<columns { sums[channel] += Double(run[channel]) }
        }
      }
    }
  }

  /// The mean magnitude of each channel, `[columns]`; 0 before anything was added.
  package var magnitudes: [Float] {
    sums.map { tokens == 0 ? 0 : Float($0 / Double(tokens)) }
  }

  /// What errors of weights cost on these inputs; nil where moments were not gathered.
  ///
  /// - Throws: `PlatformError.memoryRefused`: it takes the moments twice, both of their triangles.
  package func outputError() throws -> OutputError? {
    guard let hessian else { return nil }
    try HeapMemory.expect(2 * columns * columns, of: MemoryLayout<Float>.stride)
    return OutputError(hessian)
  }
}
