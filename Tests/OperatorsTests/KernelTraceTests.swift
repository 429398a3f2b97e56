import Operators
import Platform
import Tensors
import Testing

@Suite struct KernelTraceTests {
  private let pool = WorkerPool(threads: 1)

  private func layer(_ rows: Int, _ label: String) throws -> PreparedLinear {
    let view = try TensorView(
      dtype: .f32, shape: Shape(checking: [rows, 32]),
      copying: [Float](repeating: 0.5, count: rows * 32))
    return try PreparedLinear(
      DenseWeight(view), activation: .float(type: .f32), label: label, pool: pool)
  }

  /// Two blocks of two layers with norms between, as a pass makes them, once without the second norm.
  private func pass(
    _ context: ExecutionContext, _ layers: [PreparedLinear], skipping: Bool = false
  ) throws {
    let ones = [Float](repeating: 1, count: 64)
    var output = [Float](repeating: 0, count: 64)
    try ones.withUnsafeBufferPointer { input in
      try output.withUnsafeMutableBufferPointer { output in
        guard let input = input.baseAddress, let output = output.baseAddress else { return }
        for block in 0..<2 {
          context.block = block
          context.rmsNorm(input, weight: input, epsilon: 1e-5, into: output, rows: 1, columns: 32)
          try context.linear([layers[2 * block]], input: input, tokens: 1, outputs: [output])
          if !skipping || block == 1 {
            context.rmsNorm(input, weight: input, epsilon: 1e-5, into: output, rows: 1, columns: 32)
          }
          try context.linear([layers[2 * block + 1]], input: input, tokens: 1, outputs: [output])
        }
        context.block = -1
      }
    }
  }

  @Test func callsAreSummedByBlockAndLayerWhateverTheirOrder() throws {
    let context = try ExecutionContext(pool: pool)
    let layers = try ["a", "b", "a", "b"].enumerated().map { try layer(8 + $0, $1) }
    try pass(context, layers)
    #expect(context.trace == nil)
    let trace = KernelTrace()
    context.trace = trace
    for round in 0..<5 { try pass(context, layers, skipping: round == 2) }
    #expect(trace.count == 5 * 8 - 1)
    #expect(Set(trace.blocks.keys) == [0, 1])
    #expect(trace.kernels.reduce(0) { $0 + $1.calls } == 39)
    #expect(Set(trace.kernels.map(\.operator)) == ["rms_norm", "linear F32 x A32"])
    let placed = trace.placed
    #expect(placed.map(\.block) == [0, 0, 0, 1, 1, 1])
    #expect(placed.map(\.layer) == [nil, "a", "b", nil, "a", "b"])
    #expect(placed.map(\.record.calls) == [9, 5, 5, 10, 5, 5])
    #expect(placed[1].record.operations == 5 * 2 * 8 * 32)
    trace.reset()
    #expect(trace.count == 0 && trace.kernels.isEmpty)
  }

  /// Layers that come and go do not take each other's records: the trace keeps those it knows.
  @Test func aLayerThatIsGoneIsNotMistakenForAnother() throws {
    let context = try ExecutionContext(pool: pool, trace: KernelTrace())
    for index in 0..<40 {
      let one = try layer(8, "layer\(index)")
      let input = [Float](repeating: 1, count: 32)
      var output = [Float](repeating: 0, count: 8)
      try input.withUnsafeBufferPointer { input in
        try output.withUnsafeMutableBufferPointer { output in
          if let input = input.baseAddress, let output = output.baseAddress {
            try context.linear([one], input: input, tokens: 1, outputs: [output])
          }
        }
      }
    }
    let placed = try #require(context.trace).placed
    #expect(placed.map(\.layer) == (0..<40).map { "layer\($0)" })
    #expect(placed.allSatisfy { $0.record.calls == 1 })
  }

  @Test func theCostOfARecordIsMeasured() {
    let cost = KernelTrace.secondsPerRecord(operators: 120, calls: 20_000)
    #expect(cost > 0 && cost < 1e-3)
  }
}
