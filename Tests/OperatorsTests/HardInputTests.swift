import Glibc
import Operators
import Platform
import Tensors
import Testing

/// Inputs that are odd, small, none, badly placed or too large.
@Suite struct HardInputTests {
  /// BF16 rounds inputs to 8 bits of mantissa.
  static let bf16Tolerance: Float = 2e-2
  /// Half a step of INT8 inputs is 1/254 of the largest input of a token; BF16 is finer.
  static let inputTolerance: Float = 1 / 254 * 1.01
  private let pool = WorkerPool(threads: 2)

  private func values(_ count: Int, seed: UInt64 = 3) -> [Float] {
    var generator = SeededGenerator(seed: seed)
    return (0..<count).map { _ in Float(generator.normal()) }
  }

  private func integer(_ rows: Int, _ columns: Int, bits: Int) throws -> IntegerWeight {
    var generator = SeededGenerator(seed: 2)
    return try IntegerWeight(
      format: WeightFormat(code: .integer(bits: bits), granularity: .channel), rows: rows,
      columns: columns,
      unpacked: (0..<rows * columns).map { _ in
        UInt8.random(in: 1...UInt8((1 << bits) - 1), using: &generator)
      },
      scales: (0..<rows).map { _ in Float(Int.random(in: 1...64, using: &generator)) / 512 })
  }

  private func run(
    _ weight: any LinearWeight, _ activation: ActivationFormat, tokens: Int,
    provider: ExecutionProvider = .best, disabled: Set<String> = []
  ) throws -> [Float] {
    let context = try ExecutionContext(pool: pool, provider: provider, disabledKernels: disabled)
    let layer = try PreparedLinear(
      weight, activation: activation, disabledKernels: disabled, pool: pool)
    let x = values(max(1, tokens * weight.columns))
    var output = [Float](repeating: -7, count: tokens * weight.rows + 1)
    try x.withUnsafeBufferPointer { x in
      try output.withUnsafeMutableBufferPointer { output in
        if let x = x.baseAddress, let output = output.baseAddress {
          try context.linear([layer], input: x, tokens: tokens, outputs: [output])
        }
      }
    }
    return output
  }

  private func expected(_ weight: any LinearWeight, tokens: Int) -> [Float] {
    let w = weight.dequantized()
    let x = values(max(1, tokens * weight.columns))
    return (0..<tokens * weight.rows).map { index in
      let (token, row) = (index / weight.rows, index % weight.rows)
      return Float(
        (0..<weight.columns).reduce(0.0) {
          $0 + Double(w[row * weight.columns + $1]) * Double(x[token * weight.columns + $1])
        })
    }
  }

  /// The largest |found - truth| over max |x| sum |w|: sums may cancel, what inputs are rounded by does not.
  private func error(
    _ found: [Float], _ truth: [Float], _ weight: any LinearWeight, _ tokens: Int
  ) -> Float {
    let (w, x) = (weight.dequantized(), values(max(1, tokens * weight.columns)))
    let columns = weight.columns
    return truth.indices.map { index in
      let (token, row) = (index / weight.rows, index % weight.rows)
      let reach = x[token * columns..<(token + 1) * columns].reduce(0) { max($0, $1.magnitude) }
      let sum = w[row * columns..<(row + 1) * columns].reduce(0) { $0 + $1.magnitude }
      return (found[index] - truth[index]).magnitude / max(reach * sum, 1e-20)
    }.max() ?? 0
  }

  private func distance(_ a: [Float], _ b: [Float]) -> Float {
    let error = zip(a, b).reduce(Float(0)) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
    return (error / max(a.reduce(0) { $0 + $1 * $1 }, 1e-20)).squareRoot()
  }

  /// Every width up to one above two vectors of any provider, and one row or a few.
  @Test(arguments: ExecutionProvider.allCases.filter(\.isSupported))
  func widthsBelowOneVectorAndOddOnes(provider: ExecutionProvider) throws {
    for columns in [1, 2, 3, 5, 7, 8, 9, 15, 16, 17, 31, 33, 63, 65] {
      for rows in [1, 3, 17] {
        for tokens in [1, 2, 5] {
          for weight in [
            try integer(rows, columns, bits: 4), try integer(rows, columns, bits: 8),
            try integer(rows, columns, bits: 3),
          ] {
            for activation in [ActivationFormat.float(type: .bf16), .int8PerToken] {
              let found = try run(weight, activation, tokens: tokens, provider: provider)
              let truth = expected(weight, tokens: tokens)
              #expect(
                error(found, truth, weight, tokens) < Self.inputTolerance,
                "\(rows) x \(columns), \(tokens) tokens, \(weight.format) x \(activation)")
              #expect(found.last == -7, "nothing after the output is written")
            }
          }
        }
      }
    }
  }

  @Test(arguments: ExecutionProvider.allCases.filter(\.isSupported))
  func noTokensWriteNothing(provider: ExecutionProvider) throws {
    for activation in [ActivationFormat.float(type: .bf16), .int8PerToken] {
      #expect(
        try run(integer(9, 40, bits: 4), activation, tokens: 0, provider: provider) == [-7])
    }
  }

  /// Codes and floats that begin at an odd byte of a mapped file.
  @Test func weightsAtAnOddPlaceOfAMappedFile() throws {
    let plain = try integer(20, 96, bits: 4)
    let floats = values(20 * 96, seed: 8)
    var content: [UInt8] = [0xff]
    let codeBytes = plain.codes.withUnsafeBytes { Array($0) }
    content += codeBytes
    let start = content.count | 1
    content += [UInt8](repeating: 0xff, count: start - content.count)
    content += floats.withUnsafeBytes { Array($0) }
    let path = "/tmp/nibble-odd-\(getpid())"
    let descriptor = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0o600)
    #expect(write(descriptor, content, content.count) == content.count)
    close(descriptor)
    defer { unlink(path) }
    let file = try MappedFile(path: path)
    let codes = SharedBytes(
      UnsafeRawBufferPointer(rebasing: file.bytes[1..<1 + codeBytes.count]), owner: file)
    let odd = try IntegerWeight(
      format: plain.format, rows: 20, columns: 96, codes: codes,
      scales: (0..<20).map { plain.scale(row: $0, group: 0) })
    let view = try TensorView(
      dtype: .f32, shape: Shape(checking: [20, 96]),
      bytes: UnsafeRawBufferPointer(rebasing: file.bytes[start..<start + floats.count * 4]),
      owner: file)
    let dense = try DenseWeight(view)
    let even = try DenseWeight(
      TensorView(dtype: .f32, shape: Shape(checking: [20, 96]), copying: floats))
    for provider in ExecutionProvider.allCases where provider.isSupported {
      #expect(
        try run(odd, .float(type: .bf16), tokens: 3, provider: provider)
          == run(plain, .float(type: .bf16), tokens: 3, provider: provider))
      #expect(
        try run(dense, .float(type: .f32), tokens: 3, provider: provider)
          == run(even, .float(type: .f32), tokens: 3, provider: provider))
    }
  }

  /// Without its own kernel a layer runs in BF16, without that in F32, and without that nothing is left.
  @Test func kernelsFallBackOneAfterTheOther() throws {
    let weight = try integer(24, 64, bits: 4)
    let own = try run(weight, .float(type: .bf16), tokens: 4)
    for disabled: Set<String> in [
      ["linear_int4_bf16"], ["linear_int4_bf16", "linear_bf16_bf16"],
    ] {
      let found = try run(weight, .float(type: .bf16), tokens: 4, disabled: disabled)
      #expect(distance(own, found) < Self.bf16Tolerance)
      let choice = KernelChoice(
        weight: weight.format, columns: 64, activation: .float(type: .bf16), disabled: disabled)
      #expect(choice.kernel == (disabled.count == 1 ? "linear_bf16_bf16" : "linear_f32_f32"))
      #expect(
        choice.reason
          == "linear_int4_bf16 is disabled: weights expanded to \(disabled.count == 1 ? "BF16" : "F32")"
      )
    }
    #expect(throws: OperatorError.indispensableKernel(name: "linear_f32_f32")) {
      _ = try ExecutionContext(pool: pool, disabledKernels: ["linear_f32_f32"])
    }
  }

  /// What a processor without the instructions says.
  @Test func aProviderThatDoesNotRunHereIsRefusedInWords() {
    for provider in ExecutionProvider.allCases where !provider.isSupported {
      #expect(throws: OperatorError.unsupportedProvider(provider, best: .best)) {
        _ = try ExecutionContext(pool: pool, provider: provider)
      }
    }
    #expect(
      "\(OperatorError.unsupportedProvider(.avx512, best: .generic))"
        == "provider avx512 needs instructions this processor lacks: the best it has is generic")
  }

  /// A weight of a size that no address space holds.
  private final class EndlessWeight: LinearWeight {
    let rows: Int
    init(rows: Int) { self.rows = rows }
    let columns = 1 << 17
    var format: WeightFormat { .dense(.bf16) }
    var byteCount: Int { rows &* columns &* 2 }
    func dequantize(rows: Range<Int>, into output: UnsafeMutablePointer<Float>) {}
  }

  @Test func packingWithoutMemoryIsAnErrorInWords() {
    let refused = #expect(throws: PlatformError.self) {
      _ = try PreparedLinear(
        EndlessWeight(rows: 1 << 30), activation: .float(type: .bf16), pool: pool)
    }
    #expect(refused?.description.contains("of memory, the system refused") == true)
    #expect(throws: OperatorError.sizeOverflow(rows: 1 << 50, columns: 1 << 17)) {
      _ = try PreparedLinear(
        EndlessWeight(rows: 1 << 50), activation: .float(type: .bf16), pool: pool)
    }
  }
}
