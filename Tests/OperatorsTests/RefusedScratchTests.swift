import Operators
import Platform
import Tensors
import Testing

/// Scratch of one operator that the system refuses is an error with its bytes, and the context goes on afterwards.
@Suite struct RefusedScratchTests {
  /// No address space holds what is made of so many tokens.
  private static let tokens = 1 << 46
  private static let columns = 64
  private let pool = WorkerPool(threads: 2)

  private func layer(_ activation: ActivationFormat) throws -> PreparedLinear {
    let weight = try IntegerWeight(
      format: WeightFormat(code: .integer(bits: 8), granularity: .channel), rows: 8,
      columns: Self.columns, unpacked: (0..<8 * Self.columns).map { UInt8(1 + $0 % 250) },
      scales: (0..<8).map { Float($0 + 1) / 64 })
    return try PreparedLinear(weight, activation: activation, pool: pool)
  }

  private func apply(
    _ layer: PreparedLinear, _ context: ExecutionContext, tokens: Int
  ) throws -> [Float] {
    let input = (0..<Self.columns).map { Float($0 - 20) / 16 }
    var output = [Float](repeating: .nan, count: 8)
    try input.withUnsafeBufferPointer { input in
      try output.withUnsafeMutableBufferPointer { output in
        guard let input = input.baseAddress, let output = output.baseAddress else { return }
        try context.linear([layer], input: input, tokens: tokens, outputs: [output])
      }
    }
    return output
  }

  private func refused(_ body: () throws -> Void) -> Int? {
    do {
      try body()
      return nil
    } catch PlatformError.memoryRefused(let bytes, _) {
      return bytes
    } catch {
      Issue.record("expected refused memory, found \(error)")
      return nil
    }
  }

  @Test(arguments: [
    ActivationFormat.float(type: .f32), .float(type: .bf16), .int8PerToken,
    .int8(scaling: .tensor, isSymmetric: false), .fp8(type: .f8e4m3, scaling: .token),
    .int8WithOutliers(OutlierSplit(threshold: 0)),
  ])
  func aLayerSaysTheBytesOfItsInputs(format: ActivationFormat) throws {
    let layer = try layer(format)
    let context = try ExecutionContext(pool: pool)
    let right = try apply(layer, context, tokens: 1)
    let bytes = refused { _ = try apply(layer, context, tokens: Self.tokens) }
    // One byte a channel at least.
    #expect((bytes ?? 0) >= Self.tokens * Self.columns)
    #expect(try apply(layer, context, tokens: 1) == right)
  }

  @Test func cappedAttentionSaysTheBytesOfKeysAndValues() throws {
    let context = try ExecutionContext(pool: pool)
    var view = KVView(
      coding: try KVLayerCoding(format: .fp32, headDimension: 16), kvHeads: 1, headDimension: 16,
      length: 0, keyBlocks: [[]], valueBlocks: [[]])
    view.softCap = 50
    var out = [Float](repeating: 0, count: 16)
    let bytes = refused {
      try context.attention(
        queries: [Float](repeating: 1, count: 16), tokens: 1, position: Self.tokens - 1, heads: 1,
        view: view, into: &out)
    }
    #expect(bytes == 2 * Self.tokens * 16 * 4)
  }

  @Test func attentionOverTurnedVectorsSaysTheBytesOfQueries() throws {
    let context = try ExecutionContext(pool: pool)
    let turbo = KVFormat.codebook(format: CodebookFormat(bits: 3))
    let view = KVView(
      coding: try KVLayerCoding(
        format: KVFormatPair(keys: turbo, values: turbo), headDimension: 16),
      kvHeads: 1, headDimension: 16, length: 0, keyBlocks: [[]], valueBlocks: [[]])
    var out = [Float](repeating: 0, count: 16)
    let bytes = refused {
      try context.attention(
        queries: [Float](repeating: 1, count: 16), tokens: Self.tokens, position: 0, heads: 1,
        view: view, into: &out)
    }
    #expect((bytes ?? 0) >= Self.tokens * 16 * 4)
  }
}
