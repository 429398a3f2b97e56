import Operators
import Platform
import Tensors
import Testing

/// Linear layers whose inputs are quantized, in every form, on every provider.
@Suite struct ActivationDispatchTests {
  private let pool = WorkerPool(threads: 2)

  private func values(_ count: Int, seed: UInt64, scale: Float = 1) -> [Float] {
    var generator = SeededGenerator(seed: seed)
    return (0..<count).map { _ in scale * Float(generator.normal()) }
  }

  private func int8(_ rows: Int, _ columns: Int) throws -> IntegerWeight {
    var generator = SeededGenerator(seed: 2)
    return try IntegerWeight(
      format: WeightFormat(code: .integer(bits: 8), granularity: .channel), rows: rows,
      columns: columns,
      unpacked: (0..<rows * columns).map { _ in UInt8.random(in: 1...255, using: &generator) },
      scales: (0..<rows).map { _ in Float(Int.random(in: 1...64, using: &generator)) / 8192 })
  }

  private func fp8(
    _ rows: Int, _ columns: Int, _ type: DType, _ granularity: WeightFormat.Granularity
  ) throws -> ScaledFloatWeight {
    var generator = SeededGenerator(seed: 5)
    let format = WeightFormat(code: .scaledFloat(type: type), granularity: granularity)
    let codes = SharedBytes(byteCount: rows * columns) { bytes in
      for index in bytes.indices {
        // Numbers only: the upper codes of either type may be none.
        bytes[index] = UInt8.random(in: 0...0x77, using: &generator) | (index % 3 == 0 ? 0x80 : 0)
      }
    }
    return try ScaledFloatWeight(
      format: format, rows: rows, columns: columns, codes: codes,
      scales: (0..<format.scales(rows: rows, columns: columns)).map { Float($0 + 1) / 4096 })
  }

  private func run(
    _ weight: any LinearWeight, _ format: ActivationFormat, _ x: [Float],
    provider: ExecutionProvider = .best, trace: KernelTrace? = nil, bias: [Float]? = nil
  ) throws -> [Float] {
    let context = try ExecutionContext(pool: pool, provider: provider, trace: trace)
    let layer = try PreparedLinear(weight, bias: bias, activation: format, pool: pool)
    let tokens = x.count / weight.columns
    var output = [Float](repeating: .nan, count: tokens * weight.rows)
    try x.withUnsafeBufferPointer { x in
      try output.withUnsafeMutableBufferPointer { output in
        if let x = x.baseAddress, let output = output.baseAddress {
          try context.linear([layer], input: x, tokens: tokens, outputs: [output])
        }
      }
    }
    return output
  }

  private func reference(_ weight: any LinearWeight, _ x: [Float], bias: [Float]? = nil) -> [Float]
  {
    let w = weight.dequantized()
    let columns = weight.columns
    return (0..<x.count / columns).flatMap { token in
      (0..<weight.rows).map { row in
        var sum = Double(bias?[row] ?? 0)
        for column in 0..<columns {
          sum += Double(w[row * columns + column]) * Double(x[token * columns + column])
        }
        return Float(sum)
      }
    }
  }

  /// |a - b| / |a|.
  private func distance(_ a: [Float], _ b: [Float]) -> Float {
    let error = zip(a, b).reduce(Float(0)) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
    return (error / max(a.reduce(0) { $0 + $1 * $1 }, 1e-20)).squareRoot()
  }

  /// INT8 with the scale of a range.
  private static func fixed(
    _ lowest: Float, _ highest: Float, isSymmetric: Bool
  ) -> ActivationFormat {
    let range = ActivationRange(lowest: lowest, highest: highest)
    return .int8(
      scaling: .fixed(scale: range.fixedScale(as: isSymmetric ? .symmetricInt8 : .asymmetricInt8)),
      isSymmetric: isSymmetric)
  }

  private static let forms: [(ActivationFormat, Float)] = [
    (.int8PerToken, 0.012), (.int8(scaling: .tensor, isSymmetric: true), 0.015),
    (fixed(-4, 4, isSymmetric: true), 0.02),
    (.int8(scaling: .token, isSymmetric: false), 0.012),
    (.int8(scaling: .tensor, isSymmetric: false), 0.015),
    (fixed(-4, 4, isSymmetric: false), 0.02),
  ]

  @Test(arguments: forms.indices) func int8FormsComputeTheProduct(index: Int) throws {
    let (format, tolerance) = Self.forms[index]
    let weight = try int8(80, 192)
    let bias = values(80, seed: 8)
    for tokens in [1, 21] {
      let x = values(tokens * 192, seed: 3)
      let truth = reference(weight, x, bias: bias)
      var first: [Float]?
      for provider in ExecutionProvider.allCases where provider.isSupported {
        let trace = KernelTrace()
        let found = try run(
          weight, format, x, provider: provider, trace: trace, bias: bias)
        #expect(distance(truth, found) < tolerance, "\(provider), \(tokens) tokens")
        // Integer sums: every provider has the same bits.
        #expect(first == nil || first == found, "\(provider)")
        first = found
        #expect(trace.kernels.allSatisfy { $0.native })
      }
    }
  }

  @Test func inputsOnOneSideOfZeroGainFromAZeroPoint() throws {
    let weight = try int8(64, 128)
    let x = values(9 * 128, seed: 4).map { $0.magnitude + 3 }
    let truth = reference(weight, x)
    let symmetric = try run(weight, .int8PerToken, x)
    let shifted = try run(weight, .int8(scaling: .token, isSymmetric: false), x)
    #expect(distance(truth, shifted) < 0.6 * distance(truth, symmetric))
  }

  /// The scale of a range is the one kernels find when they see that range: calibration and run time agree.
  @Test func aFixedScaleIsTheOneFoundAtRunTime() throws {
    let weight = try int8(48, 96)
    for seed in 1...6 {
      let x = values(7 * 96, seed: UInt64(seed), scale: Float(seed)).map { $0 + Float(seed) / 3 }
      let (lowest, highest) = (x.min() ?? 0, x.max() ?? 0)
      for isSymmetric in [true, false] {
        let seen = try run(weight, .int8(scaling: .tensor, isSymmetric: isSymmetric), x)
        let fixed = try run(weight, Self.fixed(lowest, highest, isSymmetric: isSymmetric), x)
        #expect(seen == fixed, "seed \(seed), symmetric \(isSymmetric)")
      }
      let range = ActivationRange(lowest: lowest, highest: highest)
      let float8 = range.fixedScale(as: .float8(type: .f8e4m3))
      #expect(
        try run(weight, .fp8(type: .f8e4m3, scaling: .tensor), x)
          == run(weight, .fp8(type: .f8e4m3, scaling: .fixed(scale: float8)), x))
    }
  }

  @Test func aStaticScaleCountsWhatItClips() throws {
    let weight = try int8(32, 64)
    var x = [Float](repeating: 0.5, count: 4 * 64)
    for place in 0..<16 { x[place] = 3 }
    for format in [
      Self.fixed(-1, 1, isSymmetric: true),
      .fp8(type: .f8e4m3, scaling: .fixed(scale: FixedScale(scale: 1.0 / 448))),
    ] {
      let trace = KernelTrace()
      _ = try run(weight, format, x, trace: trace)
      #expect(trace.kernels.first?.inputs?.clipped == 16, "\(format)")
      #expect(trace.kernels.first?.inputs?.clipShare == 16.0 / 256)
    }
    let trace = KernelTrace()
    _ = try run(weight, .int8PerToken, x, trace: trace)
    #expect(trace.kernels.first?.inputs == nil)
  }

  @Test(arguments: [DType.f8e4m3, .f8e5m2]) func fp8Weights(type: DType) throws {
    for granularity: WeightFormat.Granularity in [.tensor, .channel, .block(rows: 32, columns: 64)]
    {
      let weight = try fp8(80, 160, type, granularity)
      for tokens in [1, 2, 13] {
        let x = values(tokens * 160, seed: 3)
        for format in [
          ActivationFormat.float(type: .bf16), .fp8(type: type, scaling: .token),
          .fp8(type: type, scaling: .tensor),
        ] {
          let truth = reference(weight, x)
          for provider in ExecutionProvider.allCases where provider.isSupported {
            let trace = KernelTrace()
            let found = try run(weight, format, x, provider: provider, trace: trace)
            #expect(
              distance(truth, found) < (type == .f8e5m2 ? 0.09 : 0.045), "\(granularity) \(format)")
            let kernel = type == .f8e5m2 ? "linear_e5m2_bf16" : "linear_e4m3_bf16"
            #expect(trace.kernels.map(\.kernel) == ["\(kernel)_\(provider.rawValue)"])
            #expect(trace.kernels[0].native == false)
            #expect(trace.kernels[0].reason?.contains("no FP8 unit") == true)
          }
        }
      }
    }
  }

  @Test func outlierColumnsTakeTheOtherPath() throws {
    let full = try DenseWeight(
      TensorView(
        dtype: .f32, shape: Shape(checking: [96, 160]), copying: values(96 * 160, seed: 6)))
    let rounded = try roundedToInt8(full)
    let weights: [(OutlierSplit.Form, any LinearWeight)] = [
      (.bitsandbytes, rounded), (.paper, try SplitWeight(codes: rounded, full: full)),
    ]
    for tokens in [1, 17] {
      var x = values(tokens * 160, seed: 3)
      for token in 0..<tokens {
        x[token * 160 + 7] = 90
        x[token * 160 + 131] = -70
      }
      let truth = reference(full, x)
      let naive = distance(truth, try run(rounded, .int8PerToken, x))
      var errors: [OutlierSplit.Form: Float] = [:]
      for (form, weight) in weights {
        for provider in ExecutionProvider.allCases where provider.isSupported {
          let trace = KernelTrace()
          let format = ActivationFormat.int8WithOutliers(.init(threshold: 20, form: form))
          let found = try run(weight, format, x, provider: provider, trace: trace)
          errors[form] = distance(truth, found)
          let parts = trace.kernels.sorted { $0.operator < $1.operator }
          #expect(parts.map { $0.inputs?.columns } == [158, 2])
          #expect(parts.map { $0.inputs?.outlierColumns } == [nil, 2])
          #expect(parts[0].operator.hasSuffix("INT8 columns"))
          #expect(parts[1].kernel == "linear_f32_f32_\(provider.rawValue)")
        }
      }
      #expect((errors[.bitsandbytes] ?? 1) < 0.5 * naive)
      #expect((errors[.paper] ?? 1) < (errors[.bitsandbytes] ?? 0))
    }
  }

  @Test func thresholdsThatFlagAllOrNothing() throws {
    let weight = try int8(48, 96)
    let x = values(6 * 96, seed: 3)
    let bias = values(48, seed: 9)
    let truth = reference(weight, x, bias: bias)
    func split(_ threshold: Float, _ trace: KernelTrace) throws -> [Float] {
      try run(
        weight, .int8WithOutliers(.init(threshold: threshold, form: .bitsandbytes)), x,
        trace: trace, bias: bias)
    }
    let plain = try run(weight, .int8PerToken, x, bias: bias)
    for none: Float in [0, 1e6] {
      let trace = KernelTrace()
      #expect(try split(none, trace) == plain, "without outliers it is vector-wise INT8")
      #expect(trace.kernels.map { $0.inputs?.columns } == [96])
    }
    let trace = KernelTrace()
    #expect(distance(truth, try split(1e-9, trace)) < 1e-6, "all columns are multiplied in float32")
    #expect(trace.kernels.map { $0.inputs?.columns ?? 0 }.max() == 96)
    #expect(trace.kernels.first { $0.inputs?.columns == 0 }?.bytes == 0, "no INT8 weight is read")
  }

  /// Symmetric INT8, one scale a row.
  private func roundedToInt8(_ weight: DenseWeight) throws -> IntegerWeight {
    let w = weight.dequantized()
    var codes: [UInt8] = []
    var scales: [Float] = []
    for row in 0..<weight.rows {
      let values = w[row * weight.columns..<(row + 1) * weight.columns]
      let scale = values.reduce(0) { max($0, $1.magnitude) } / 127
      scales.append(scale)
      codes += values.map { UInt8(Int(($0 / scale).rounded()) + 128) }
    }
    return try IntegerWeight(
      format: WeightFormat(code: .integer(bits: 8), granularity: .channel), rows: weight.rows,
      columns: weight.columns, unpacked: codes, scales: scales)
  }
}
