import Operators
import Platform
import Tensors
import Testing

@Suite struct BlockDispatchTests {
  static let types: [GGUFTensorType] = [
    .q8_0, .q4_0, .q4_1, .q5_0, .q5_1, .q4K, .q5K, .q6K, .iq4NL, .mxfp4,
  ]

  private let pool = WorkerPool(threads: 2)

  /// Random blocks whose 16-bit scales and minima are moderate numbers of either sign.
  private func weight(
    _ type: GGUFTensorType, rows: Int, columns: Int, storedRow: (@Sendable (Int) -> Int)? = nil
  ) throws -> BlockWeight {
    var generator = SeededGenerator(seed: 6)
    let halves: [Int] =
      switch type {
      case .mxfp4: []
      case .q6K: [208]
      case .q2K: [80, 82]
      case .q4_1, .q5_1, .q4K, .q5K: [0, 2]
      default: [0]
      }
    let bytes = try SharedBytes(byteCount: rows * #require(type.byteCount(of: columns))) { target in
      for index in target.indices {
        target[index] = UInt8.random(in: 0...255, using: &generator)
        let place = index % type.blockBytes
        if halves.contains(place - 1) {
          // The exponent of a number around 2^-5, the sign kept.
          target[index] = target[index] & 0x83 | 0x28
        }
        if type == .mxfp4, place == 0 { target[index] = 120 + target[index] % 8 }
      }
    }
    return try BlockWeight(
      type: type, bytes: bytes, rows: rows, columns: columns, storedRow: storedRow)
  }

  /// The weight times the unit vectors: its values, transposed back to `[rows, columns]`.
  private func values(
    _ weight: any LinearWeight, _ activation: ActivationFormat, provider: ExecutionProvider,
    disabled: Set<String> = [], trace: KernelTrace? = nil
  ) throws -> [Float] {
    let (rows, columns) = (weight.rows, weight.columns)
    let context = try ExecutionContext(
      pool: pool, provider: provider, trace: trace, disabledKernels: disabled)
    let prepared = try PreparedLinear(
      weight, activation: activation, disabledKernels: disabled, pool: pool)
    var found = [Float](repeating: .nan, count: rows * columns)
    // As many tokens at a time as go through each path of a kernel.
    var first = 0
    for tokens in [1, 3, 8] + [Int](repeating: 61, count: columns) where first < columns {
      let count = min(tokens, columns - first)
      var input = [Float](repeating: 0, count: count * columns)
      for token in 0..<count { input[token * columns + first + token] = 1 }
      var output = [Float](repeating: .nan, count: count * rows)
      try input.withUnsafeBufferPointer { input in
        try output.withUnsafeMutableBufferPointer { output in
          if let input = input.baseAddress, let output = output.baseAddress {
            try context.linear([prepared], input: input, tokens: count, outputs: [output])
          }
        }
      }
      for token in 0..<count {
        for row in 0..<rows {
          found[row * columns + first + token] = output[token * rows + row]
        }
      }
      first += count
    }
    return found
  }

  @Test("Kernels of BF16 inputs multiply what the decoder decodes, to the bit", arguments: types)
  func blocksRunAsTheyAre(type: GGUFTensorType) throws {
    let weight = try weight(type, rows: 83, columns: 512, storedRow: { 82 - $0 })
    let truth = weight.dequantized()
    let finer = "linear_\(type)_int16g32".lowercased()
    for provider in ExecutionProvider.allCases where provider.isSupported {
      let trace = KernelTrace()
      let found = try values(
        weight, .float(type: .bf16), provider: provider, disabled: [finer], trace: trace)
      #expect(found == truth, "\(provider)")
      let name = "linear_\(type)_bf16_\(provider.rawValue)".lowercased()
      #expect(trace.kernels.map(\.kernel) == [name])
      #expect(trace.kernels.first?.operator == "linear \(type) x A16 (BF16)")
      #expect(trace.kernels.first?.reason == "\(finer) is disabled: inputs in BF16")
    }
  }

  @Test("INT16 and INT8 inputs scaled by 32 channels", arguments: types)
  func integerInputs(type: GGUFTensorType) throws {
    let weight = try weight(type, rows: 83, columns: 512, storedRow: { 82 - $0 })
    let truth = weight.dequantized()
    // A minimum is added to the product, and may cancel it.
    let largest = truth.reduce(0) { max($0, $1.magnitude) }
    for (activation, kernel) in [
      (ActivationFormat.float(type: .bf16), "int16g32"), (.int8Blocks, "int8g32"),
    ] {
      for provider in ExecutionProvider.allCases where provider.isSupported {
        let trace = KernelTrace()
        let found = try values(weight, activation, provider: provider, trace: trace)
        #expect(zip(found, truth).allSatisfy { abs($0 - $1) <= 1e-6 * largest }, "\(provider)")
        #expect(
          trace.kernels.map(\.kernel)
            == ["linear_\(type)_\(kernel)_\(provider.rawValue)".lowercased()])
        #expect(trace.kernels.allSatisfy { $0.native && $0.reason == nil })
      }
    }
  }

  @Test func whatHasNoKernelIsExpandedAndSaysSo() throws {
    let weight = try weight(.q2K, rows: 20, columns: 256)
    let trace = KernelTrace()
    let found = try values(weight, .float(type: .bf16), provider: .best, trace: trace)
    #expect(
      trace.kernels.first?.reason == "no kernel reads Q2_K blocks: weights expanded to BF16")
    let truth = weight.dequantized()
    let largest = truth.reduce(0) { max($0, $1.magnitude) }
    #expect(zip(found, truth).allSatisfy { abs($0 - $1) <= 0.005 * largest })
    #expect(try values(weight, .float(type: .f32), provider: .best) == truth)
  }

  @Test func inputsWithoutAKernelLeaveTheBlocksAlone() throws {
    let weight = try weight(.q4K, rows: 20, columns: 256)
    let truth = weight.dequantized()
    let largest = truth.reduce(0) { max($0, $1.magnitude) }
    let both: Set<String> = ["linear_q4_k_int16g32", "linear_q4_k_bf16"]
    for (activation, disabled, reason) in [
      (
        ActivationFormat.int8PerToken, [],
        "no kernel multiplies blocks with A8 per token: inputs in INT16"
      ),
      (
        .int8Blocks, ["linear_q4_k_int8g32"],
        "linear_q4_k_int8g32 is disabled: inputs in INT16"
      ),
      (.float(type: .bf16), both, "linear_q4_k_bf16 is disabled: weights expanded to BF16"),
      (
        .float(type: .f32), [],
        "no kernel multiplies Q4_K with A32: weights expanded to F32"
      ),
    ] as [(ActivationFormat, Set<String>, String)] {
      let trace = KernelTrace()
      let found = try values(
        weight, activation, provider: .best, disabled: disabled, trace: trace)
      #expect(trace.kernels.first?.reason == reason)
      #expect(trace.kernels.allSatisfy { !$0.native })
      let most: Float = reason.hasSuffix("F32") ? 0 : reason.hasSuffix("INT16") ? 1e-6 : 5e-3
      #expect(zip(found, truth).allSatisfy { abs($0 - $1) <= most * largest }, "\(reason)")
    }
  }
}
