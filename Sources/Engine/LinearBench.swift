import Glibc
package import Operators
package import Platform
import Profiling
import Quantization
package import Tensors

/// One way to run a linear layer: the form of its weight and of its input.
package struct LinearForm: Hashable, Sendable, Codable {
  /// As it is typed: `w8a8`, `llm.int8:6`.
  package var name: String
  package var weight: WeightFormat
  package var activation: ActivationFormat

  /// A named form; nil for an unknown one.
  ///
  /// `llm.int8:THRESHOLD` keeps the weight in full precision next to the codes, `llm.int8-bnb:THRESHOLD` does not.
  package init?(_ name: String) {
    let parts = name.lowercased().split(separator: ":", omittingEmptySubsequences: false)
    guard let kind = parts.first, parts.count <= 2 else { return nil }
    let int8 = WeightFormat(code: .integer(bits: 8), granularity: .channel)
    func grouped(_ bits: Int) -> WeightFormat {
      WeightFormat(code: .integer(bits: bits), granularity: .group(size: 128))
    }
    func e4m3(_ granularity: WeightFormat.Granularity) -> WeightFormat {
      WeightFormat(code: .scaledFloat(type: .f8e4m3), granularity: granularity)
    }
    let bf16 = ActivationFormat.float(type: .bf16)
    // Inputs are of unit size per channel, so that five deviations clip hardly anything.
    let fixed = ActivationRange(lowest: -5, highest: 5).fixedScale(as: .symmetricInt8)
    let simple: [String: (WeightFormat, ActivationFormat)] = [
      "f32": (.dense(.f32), .float(type: .f32)), "bf16": (.dense(.bf16), bf16),
      "w8a16": (int8, bf16), "w4a16": (grouped(4), bf16), "w3a16": (grouped(3), bf16),
      "w2a16": (grouped(2), bf16), "w4a8": (grouped(4), .int8PerToken),
      "w3a8": (grouped(3), .int8PerToken), "w2a8": (grouped(2), .int8PerToken),
      "w8a8": (int8, .int8PerToken),
      "w8a8-tensor": (int8, .int8(scaling: .tensor, isSymmetric: true)),
      "w8a8-static": (int8, .int8(scaling: .fixed(scale: fixed), isSymmetric: true)),
      "w8a8-asymmetric": (int8, .int8(scaling: .token, isSymmetric: false)),
      "fp8": (e4m3(.channel), .fp8(type: .f8e4m3, scaling: .token)),
      "fp8-block": (
        e4m3(.block(rows: 128, columns: 128)), .fp8(type: .f8e4m3, scaling: .token)
      ),
      "w8a16-fp8": (e4m3(.channel), bf16),
    ]
    self.name = name
    if parts.count == 1, let found = simple[String(kind)] ?? Self.blocks(String(kind)) {
      (weight, activation) = found
    } else if parts.count == 2, kind == "llm.int8" || kind == "llm.int8-bnb",
      let threshold = Float(parts[1]), threshold >= 0, threshold.isFinite
    {
      weight = int8
      activation = .int8WithOutliers(
        OutlierSplit(threshold: threshold, form: kind == "llm.int8" ? .paper : .bitsandbytes))
    } else {
      return nil
    }
  }

  /// A block type of GGUF files, with BF16 inputs or, after `-a8`, with INT8 ones scaled by 32 channels.
  private static func blocks(_ name: String) -> (WeightFormat, ActivationFormat)? {
    let isInt8 = name.hasSuffix("-a8")
    let base = isInt8 ? String(name.dropLast(3)) : name
    return BlockRounding.types.first { "\($0)".lowercased() == base }.map {
      (.blocks($0), isInt8 ? .int8Blocks : .float(type: .bf16))
    }
  }

  /// What bounds it: reading the weights for one token, the unit that multiplies for many.
  func limit(tokens: Int) -> MachineLimit {
    if tokens == 1 { return .readBandwidth }
    switch activation {
    case .float(let type): return type == .f32 ? .fp32 : .bf16
    case .int8, .int8Blocks, .int8WithOutliers: return .int8
    case .fp8, .int16Blocks: return .bf16
    }
  }

  /// The names there are.
  package static let names =
    [
      "f32", "bf16", "w8a16", "w4a16", "w3a16", "w2a16", "w8a8", "w4a8", "w3a8", "w2a8",
      "w8a8-tensor", "w8a8-static", "w8a8-asymmetric", "fp8", "fp8-block", "w8a16-fp8",
      "llm.int8:THRESHOLD",
      "llm.int8-bnb:THRESHOLD",
    ] + BlockRounding.types.flatMap { ["\($0)".lowercased(), "\($0)".lowercased() + "-a8"] }
}

/// Times one linear layer in several forms, a round of all of them after the other.
///
/// Conversion of the inputs counts. Before each form goes a slice of what bounds it. Weights stay in cache from round to
/// round as far as they fit, unless copies are called in turn. Weights and inputs are random numbers; `spread` makes channels of inputs differ in size,
/// by factors of e^(spread * normal), as those of real models do.
package struct LinearBench {
  package struct Report: Hashable, Sendable, Codable {
    /// One form.
    package struct Row: Hashable, Sendable, Codable {
      package var form: String
      package var kernel: String
      /// Why the kernel is not the operator's own, or what this CPU lacks.
      package var reason: String?
      /// Median over the rounds.
      package var seconds: Double
      package var fastest: Double
      /// Operations a second, a multiply-add being two.
      package var rate: Double
      package var packedBytes: Int
      /// Median over the rounds of the first form's time over this one's.
      package var speedup: Double
      /// What bounds the form, and its median rate over the rounds, in bytes or operations per second.
      package var limit: MachineLimit
      package var limitRate: Double
      /// Median over the rounds of the rate (for one token, bytes of weights a second) over that of the limit next to it.
      package var limitShare: Double
      /// `|y - y0| / |y0|` against the first form's output.
      package var distance: Double
      /// LLM.int8() alone: its two paths.
      package var paths: [Path]?
    }

    /// One path of LLM.int8().
    package struct Path: Hashable, Sendable, Codable {
      package var kernel: String
      package var columns: Double
      package var seconds: Double
      package var bytes: Double
    }

    package var rows: Int
    package var columns: Int
    package var tokens: Int
    package var rounds: Int
    package var threads: Int
    package var provider: ExecutionProvider
    package var forms: [Row]
  }

  private let tokens: Int
  private let columns: Int
  private let rows: Int
  private let context: ExecutionContext
  private let trace = KernelTrace()
  private let forms: [LinearForm]
  /// Of each form, its copies.
  private let layers: [[PreparedLinear]]
  private let limits: LimitSlices
  /// `[tokens, columns]`.
  private let inputs: UnsafeMutablePointer<Float>

  /// - Parameter copyBytes: what copies of a layer, called in turn, hold together at least; 0 for one copy.
  /// - Throws: `EngineError.badLayer` for sizes out of range; what packing throws.
  package init(
    rows: Int, columns: Int, tokens: Int, forms: [LinearForm], spread: Double = 0,
    seed: UInt64 = 0, copyBytes: Int = 0, pool: WorkerPool, provider: ExecutionProvider = .best,
    disabledKernels: Set<String> = []
  ) throws {
    for (item, value, highest) in [
      ("rows", rows, 1 << 17), ("columns", columns, 1 << 17), ("tokens", tokens, 1 << 16),
    ] where value < 1 || value > highest {
      throw EngineError.badLayer(item: item, expected: "1 to \(highest)", found: "\(value)")
    }
    self.rows = rows
    self.columns = columns
    self.tokens = tokens
    self.forms = forms
    context = try ExecutionContext(
      pool: pool, provider: provider, trace: trace, disabledKernels: disabledKernels)
    var generator = SeededGenerator(seed: seed, stream: [0])
    let sizes = (0..<columns).map { _ in Float(exp(spread * generator.normal())) }
    // In the context's own memory, huge pages included, as in a model.
    inputs = try context.floats(slot: 0, count: tokens * columns)
    for index in 0..<tokens * columns {
      inputs[index] = Float(generator.normal()) * sizes[index % columns]
    }
    // BF16 as in a checkpoint, so that the baseline loses nothing to it.
    let deviation = 1 / Double(columns).squareRoot()
    let values = (0..<rows * columns).map { _ in
      FloatFormats.bf16(Float(generator.normal() * deviation))
    }
    let dense = try DenseWeight(
      TensorView(dtype: .bf16, shape: Shape(checking: [rows, columns]), copying: values))
    limits = try LimitSlices(
      Set(forms.map { $0.limit(tokens: tokens) }), pool: pool, provider: provider)
    layers = try forms.map { form in
      let weight = try Self.weight(dense, form, pool: pool)
      var copies: [PreparedLinear] = []
      repeat {
        copies.append(
          try PreparedLinear(
            weight, activation: form.activation, disabledKernels: disabledKernels, pool: pool))
      } while copies.count * copies[0].packedBytes < copyBytes
      return copies
    }
  }

  private static func weight(
    _ dense: DenseWeight, _ form: LinearForm, pool: WorkerPool
  ) throws -> any LinearWeight {
    switch form.weight.code {
    case .float, .decoded: return dense
    case .block(let type): return try BlockRounding.quantize(dense, as: type, pool: pool)
    case .scaledFloat:
      return try ScaledFloatRounding.quantize(dense, as: form.weight, layer: "layer", pool: pool)
    case .integer(let bits):
      let codes = try RoundToNearest.quantize(
        dense, as: form.weight, .init(grid: .absmax, scaleType: bits == 8 ? .f32 : .f16),
        layer: "layer", pool: pool
      ).weight
      if case .int8WithOutliers(let split) = form.activation, split.form == .paper {
        return try SplitWeight(codes: codes, full: dense)
      }
      return codes
    }
  }

  /// Runs `rounds` rounds after one that warms up.
  ///
  /// - Parameter pause: called between forms; what it throws ends the run.
  package func run(rounds: Int, pause: () throws -> Void = {}) throws -> Report {
    var seconds = [[Double]](repeating: [], count: forms.count)
    let outputs = try forms.indices.map { try context.floats(slot: 1 + $0, count: tokens * rows) }
    var records = [[[KernelRecord]]](repeating: [], count: forms.count)
    var limitRates = [[Double]](repeating: [], count: forms.count)
    for round in 0...rounds {
      for index in forms.indices {
        try pause()
        let limit = limits.take(forms[index].limit(tokens: tokens))
        let (time, kernels) = try call(layers[index], round: round, outputs[index])
        guard round > 0 else { continue }
        limitRates[index].append(limit)
        seconds[index].append(time)
        records[index].append(kernels)
      }
    }
    let found = forms.indices.map { row($0, seconds, limitRates[$0], outputs, records[$0]) }
    return Report(
      rows: rows, columns: columns, tokens: tokens, rounds: rounds, threads: context.pool.threads,
      provider: context.provider, forms: found)
  }

  /// Seconds of a call, and its records.
  ///
  /// Of several copies the next few are called, for about as long as a slice of the limit takes, and one call's share of
  /// the time counts.
  private func call(
    _ copies: [PreparedLinear], round: Int, _ output: UnsafeMutablePointer<Float>
  ) throws -> (Double, [KernelRecord]) {
    let calls = copies.count == 1 ? 1 : min(copies.count, 1 + (32 << 20) / copies[0].packedBytes)
    var kernels: [KernelRecord] = []
    var seconds = 0.0
    for call in 0..<calls {
      trace.reset()
      let start = Machine.seconds()
      try context.linear(
        [copies[(round * calls + call) % copies.count]], input: inputs, tokens: tokens,
        outputs: [output])
      seconds += Machine.seconds() - start
      kernels = trace.kernels
    }
    return (seconds / Double(calls), kernels)
  }

  private func row(
    _ index: Int, _ seconds: [[Double]], _ limitRates: [Double],
    _ outputs: [UnsafeMutablePointer<Float>], _ records: [[KernelRecord]]
  ) -> Report.Row {
    let median = SpeedMeasure.median(seconds[index])
    let limit = forms[index].limit(tokens: tokens)
    let packedBytes = layers[index][0].packedBytes
    let operations = 2 * Double(tokens) * Double(rows) * Double(columns)
    let work = limit == .readBandwidth ? Double(packedBytes) : operations
    let shares = zip(seconds[index], limitRates).map { work / max($0 * $1, 1e-12) }
    let ratios = zip(seconds[0], seconds[index]).map { $0 / $1 }
    let sums = context.compare(outputs[0], outputs[index], count: tokens * rows)
    let last = records.last ?? []
    var paths: [Report.Path]?
    if case .int8WithOutliers = forms[index].activation {
      paths = last.map { record in
        Report.Path(
          kernel: record.kernel, columns: record.inputs?.columns ?? 0,
          seconds: SpeedMeasure.median(
            records.compactMap { round in
              round.first { $0.operator == record.operator }?.seconds
            }), bytes: record.bytes)
      }
    }
    return Report.Row(
      form: forms[index].name, kernel: last.first?.kernel ?? "", reason: last.first?.reason,
      seconds: median, fastest: seconds[index].min() ?? median,
      rate: operations / max(median, 1e-12), packedBytes: packedBytes,
      speedup: SpeedMeasure.median(ratios), limit: limit,
      limitRate: SpeedMeasure.median(limitRates), limitShare: SpeedMeasure.median(shares),
      distance: sums.relativeError.squareRoot(), paths: paths)
  }
}
