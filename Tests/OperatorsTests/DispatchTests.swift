import Operators
import Platform
import Synchronization
import Tensors
import Testing

@Suite struct DispatchTests {
  /// Providers differ by summation order only.
  static let providerTolerance: Float = 2e-5
  /// BF16 rounds inputs to 8 bits of mantissa.
  static let bf16Tolerance: Float = 2e-2

  private let pool = WorkerPool(threads: 2)

  private func values(_ count: Int, seed: UInt64) -> [Float] {
    var generator = SeededGenerator(seed: seed)
    return (0..<count).map { _ in Float.random(in: -1...1, using: &generator) }
  }

  private func dense(_ rows: Int, _ columns: Int) throws -> DenseWeight {
    try DenseWeight(
      TensorView(
        dtype: .f32, shape: Shape(checking: [rows, columns]),
        copying: values(rows * columns, seed: 1)))
  }

  private func int4(_ rows: Int, _ columns: Int, group: Int) throws -> IntegerWeight {
    var generator = SeededGenerator(seed: 2)
    return try IntegerWeight(
      format: WeightFormat(code: .integer(bits: 4), granularity: .group(size: group)), rows: rows,
      columns: columns,
      unpacked: (0..<rows * columns).map { _ in UInt8.random(in: 0...15, using: &generator) },
      scales: (0..<rows * (columns / group)).map { _ in
        Float(Int.random(in: 1...64, using: &generator)) / 512
      })
  }

  private func realZeros(
    _ rows: Int, _ columns: Int, bits: Int, group: Int
  ) throws -> IntegerWeight {
    var generator = SeededGenerator(seed: 4)
    let scales = rows * (columns / group)
    return try IntegerWeight(
      format: WeightFormat(
        code: .integer(bits: bits), granularity: .group(size: group), zeroPoint: .real),
      rows: rows, columns: columns,
      unpacked: (0..<rows * columns).map { _ in
        UInt8.random(in: 0...UInt8((1 << bits) - 1), using: &generator)
      },
      scales: (0..<scales).map { _ in Float(Int.random(in: 1...64, using: &generator)) / 512 },
      // Quarters, which FP16 holds; now and then outside the codes.
      realZeros: (0..<scales).map { _ in
        Float(Int.random(in: -8...8 + 4 << bits, using: &generator)) / 4
      })
  }

  private func apply(
    _ weight: any LinearWeight, _ activation: ActivationFormat, tokens: Int,
    provider: ExecutionProvider = .best, disabled: Set<String> = [], trace: KernelTrace? = nil
  ) throws -> [Float] {
    let context = try ExecutionContext(
      pool: pool, provider: provider, trace: trace, disabledKernels: disabled)
    let prepared = try PreparedLinear(
      weight, activation: activation, disabledKernels: disabled, pool: pool)
    let input = values(tokens * weight.columns, seed: 3)
    var output = [Float](repeating: .nan, count: tokens * weight.rows)
    try input.withUnsafeBufferPointer { input in
      try output.withUnsafeMutableBufferPointer { output in
        if let input = input.baseAddress, let output = output.baseAddress {
          try context.linear([prepared], input: input, tokens: tokens, outputs: [output])
        }
      }
    }
    return output
  }

  private func reference(_ weight: any LinearWeight, tokens: Int) -> [Float] {
    let w = weight.dequantized()
    let input = values(tokens * weight.columns, seed: 3)
    var output: [Float] = []
    for token in 0..<tokens {
      for row in 0..<weight.rows {
        var sum = 0.0
        for column in 0..<weight.columns {
          sum +=
            Double(w[row * weight.columns + column])
            * Double(input[token * weight.columns + column])
        }
        output.append(Float(sum))
      }
    }
    return output
  }

  private func distance(_ a: [Float], _ b: [Float]) -> Float {
    let error = zip(a, b).reduce(Float(0)) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
    let length = a.reduce(Float(0)) { $0 + $1 * $1 }
    return (error / max(length, 1e-20)).squareRoot()
  }

  @Test(arguments: [1, 3, 17, 130])
  func float32IsExactToRounding(tokens: Int) throws {
    let weight = try dense(37, 65)
    let found = try apply(weight, .float(type: .f32), tokens: tokens)
    #expect(distance(reference(weight, tokens: tokens), found) < 1e-5)
  }

  @Test(arguments: [1, 5, 64])
  func quantizedMatchesItsDequantizedSelf(tokens: Int) throws {
    let weight = try int4(80, 128, group: 32)
    let found = try apply(weight, .float(type: .bf16), tokens: tokens)
    #expect(distance(reference(weight, tokens: tokens), found) < Self.bf16Tolerance)
  }

  /// Real zero points run in the kernels of their width, whatever the provider.
  @Test(arguments: [2, 3, 4, 8]) func realZeroPointsRunNatively(bits: Int) throws {
    let weight = try realZeros(48, 128, bits: bits, group: 64)
    for activation in [ActivationFormat.float(type: .bf16), .int8PerToken] {
      for tokens in [1, 9] {
        let truth = reference(weight, tokens: tokens)
        for provider in ExecutionProvider.allCases where provider.isSupported {
          let trace = KernelTrace()
          let found = try apply(
            weight, activation, tokens: tokens, provider: provider, trace: trace)
          #expect(distance(truth, found) < Self.bf16Tolerance, "\(provider) \(activation)")
          let kind = activation == .int8PerToken ? "int8" : "bf16"
          #expect(trace.kernels.map(\.kernel) == ["linear_int\(bits)_\(kind)_\(provider.rawValue)"])
          #expect(trace.kernels.allSatisfy { $0.native && $0.reason == nil })
          #expect(trace.kernels.first?.operator == "linear W\(bits) g64 real zeros x \(activation)")
        }
      }
    }
  }

  @Test func providersAgree() throws {
    let weight = try int4(48, 96, group: 32)
    for activation in [ActivationFormat.float(type: .bf16), .int8PerToken] {
      let truth = try apply(weight, activation, tokens: 9, provider: .generic)
      for provider in ExecutionProvider.allCases where provider.isSupported {
        let found = try apply(weight, activation, tokens: 9, provider: provider)
        #expect(distance(truth, found) < Self.providerTolerance, "\(provider) \(activation)")
      }
    }
  }

  @Test func theTraceNamesKernelAndReason() throws {
    let trace = KernelTrace()
    _ = try apply(int4(16, 64, group: 32), .float(type: .bf16), tokens: 1, trace: trace)
    #expect(trace.kernels.count == 1)
    #expect(trace.kernels[0].native)
    #expect(trace.kernels[0].kernel == "linear_int4_bf16_\(ExecutionProvider.best.rawValue)")

    trace.reset()
    _ = try apply(int4(16, 48, group: 16), .float(type: .bf16), tokens: 1, trace: trace)
    #expect(!trace.kernels[0].native)
    #expect(trace.kernels[0].reason?.contains("group 16") == true)

    trace.reset()
    let disabled = try apply(
      int4(16, 64, group: 32), .float(type: .bf16), tokens: 1, disabled: ["linear_int4_bf16"],
      trace: trace)
    #expect(trace.kernels[0].reason?.contains("disabled") == true)
    let native = try apply(int4(16, 64, group: 32), .float(type: .bf16), tokens: 1)
    #expect(distance(native, disabled) < Self.bf16Tolerance, "a fallback computes the same")
  }

  @Test func resultsDoNotDependOnThreads() throws {
    let weight = try int4(200, 256, group: 64)
    func run(_ threads: Int) throws -> [Float] {
      let pool = WorkerPool(threads: threads)
      let context = try ExecutionContext(pool: pool)
      let prepared = try PreparedLinear(weight, activation: .float(type: .bf16), pool: pool)
      let input = values(7 * 256, seed: 5)
      var output = [Float](repeating: 0, count: 7 * 200)
      try input.withUnsafeBufferPointer { input in
        try output.withUnsafeMutableBufferPointer { output in
          if let input = input.baseAddress, let output = output.baseAddress {
            try context.linear([prepared], input: input, tokens: 7, outputs: [output])
          }
        }
      }
      return output
    }
    #expect(try run(1) == run(2))
  }

  @Test func unknownKernelsAndCachesAreRefused() throws {
    #expect(throws: OperatorError.self) {
      _ = try ExecutionContext(pool: pool, disabledKernels: ["nosuch"])
    }
    #expect(throws: OperatorError.self) {
      _ = try KVLayerCoding(
        format: KVFormatPair(
          keys: .integer(bits: 5, group: 32), values: .float(type: .f16)), headDimension: 64)
    }
  }
}
