internal import CKernels
internal import Platform
internal import Tensors

/// LLM.int8() (Dettmers et al., arXiv 2208.07339): the columns whose inputs reach the threshold are multiplied in
/// float32, the others in INT8, and the two are added.
extension ExecutionContext {
  /// Columns of a matrix that one worker looks through at a time.
  private static let columnSlab = 256

  /// Runs layers on both paths, each filed in the trace by itself.
  func runSplit(
    _ layers: [PreparedLinear], _ split: OutlierSplit, input: UnsafePointer<Float>, tokens: Int,
    outputs: [UnsafeMutablePointer<Float>]
  ) throws {
    var start = trace?.now() ?? 0
    let columns = layers[0].columns
    let outliers = try outlierColumns(
      from: split.threshold, input: input, tokens: tokens, columns: columns)
    if outliers.count < columns {
      try runOrdinary(layers, split, outliers, input: input, tokens: tokens, outputs: outputs)
    } else {
      // Nothing is left for INT8: outputs begin with the bias.
      for (layer, output) in zip(layers, outputs) {
        for token in 0..<tokens {
          let row = output + token * layer.rows
          if let bias = layer.bias {
            row.update(from: bias, count: layer.rows)
          } else {
            row.update(repeating: 0, count: layer.rows)
          }
        }
      }
    }
    if let trace {
      let now = trace.now()
      file(
        layers, .ordinaryColumns, kernel: { $0.kernel.fullName(self.provider) },
        columns: columns - outliers.count, tokens: tokens, seconds: now - start, in: trace
      ) { outliers.count < columns ? Double($0.kernelBytes) : 0 }
      start = now
    }
    guard !outliers.isEmpty else { return }
    try addOutliers(layers, outliers, input: input, tokens: tokens, outputs: outputs)
    if let trace {
      file(
        layers, .outlierColumns, kernel: { _ in LinearKernel.float32.fullName(self.provider) },
        columns: outliers.count, tokens: tokens, seconds: trace.now() - start, in: trace
      ) { Double($0.columnBytes) * Double(outliers.count) / Double(columns) }
    }
  }

  /// The columns with an input of at least `threshold` in magnitude, of any token; none for a threshold of 0.
  func outlierColumns(
    from threshold: Float, input: UnsafePointer<Float>, tokens: Int, columns: Int
  ) throws -> [UInt32] {
    guard threshold > 0 else { return [] }
    let maxima = try rangeStorage.reserve(columns * MemoryLayout<Float>.stride)
      .assumingMemoryBound(to: Float.self)
    let slab = Self.columnSlab
    let maximize = columnMaxima
    pool.run(chunks: (columns + slab - 1) / slab) { chunk, _ in
      maximize(
        input, columns, tokens, chunk * slab, min((chunk + 1) * slab, columns), maxima)
    }
    return (0..<columns).filter { maxima[$0] >= threshold }.map { UInt32($0) }
  }

  private var columnMaxima: nk_column_maxima_fn {
    #if arch(x86_64)
      switch provider {
      case .generic: nk_column_maxima_generic
      case .avx2: nk_column_maxima_avx2
      case .avx512: nk_column_maxima_avx512
      }
    #else
      nk_column_maxima_generic
    #endif
  }

  private func runOrdinary(
    _ layers: [PreparedLinear], _ split: OutlierSplit, _ outliers: [UInt32],
    input: UnsafePointer<Float>, tokens: Int, outputs: [UnsafeMutablePointer<Float>]
  ) throws {
    let columns = layers[0].columns
    let storage = try activationStorage.reserve(
      nk_activations_bytes(NK_ACTIVATION_INT8, tokens, columns))
    var activations = nk_activations_layout(NK_ACTIVATION_INT8, tokens, columns, storage)
    let padded = (columns + Int(NK_COLUMN_BLOCK) - 1) / Int(NK_COLUMN_BLOCK) * Int(NK_COLUMN_BLOCK)
    var takesPart = [UInt32](repeating: .max, count: outliers.isEmpty ? 0 : padded)
    for column in outliers { takesPart[Int(column)] = 0 }
    try takesPart.withUnsafeBufferPointer { takesPart in
      if !outliers.isEmpty {
        activations.columns = takesPart.baseAddress
        activations.limit = split.form == .bitsandbytes ? split.threshold : 0
      }
      try withUnsafePointer(to: &activations) { activations in
        convert(input, tokens: tokens, columns: columns, into: activations)
        try multiply(layers, activations, outputs: outputs)
      }
    }
  }

  /// Adds the outlier columns' products, in float32.
  private func addOutliers(
    _ layers: [PreparedLinear], _ outliers: [UInt32], input: UnsafePointer<Float>, tokens: Int,
    outputs: [UnsafeMutablePointer<Float>]
  ) throws {
    let columns = layers[0].columns
    let count = outliers.count
    let span = Int(NK_TILE_PANELS)
    let storage = try activationStorage.reserve(
      nk_activations_bytes(NK_ACTIVATION_F32, tokens, count))
    var gathered = nk_activations_layout(NK_ACTIVATION_F32, tokens, count, storage)
    let scratch = try scratch(bytes: nk_linear_columns_scratch_bytes(count, tokens, span))
    let function = LinearKernel.float32.function(provider)
    outliers.withUnsafeBufferPointer { outliers in
      withUnsafePointer(to: &gathered) { gathered in
        let slab = 16
        pool.run(chunks: (tokens + slab - 1) / slab) { chunk, _ in
          nk_activations_gather(
            gathered, input, columns, outliers.baseAddress, chunk * slab,
            min((chunk + 1) * slab, tokens))
        }
        for (layer, output) in zip(layers, outputs) {
          let panels = nk_linear_panels(layer.rows)
          pool.run(chunks: (panels + span - 1) / span) { chunk, worker in
            withUnsafePointer(to: layer.columnWeight) { weight in
              nk_linear_add_columns(
                weight, chunk * span, min((chunk + 1) * span, panels), outliers.baseAddress, count,
                gathered, function, output, layer.rows, scratch[worker])
            }
          }
        }
      }
    }
  }

  private func file(
    _ layers: [PreparedLinear], _ part: TracePart, kernel: (PreparedLinear) -> String,
    columns: Int, tokens: Int, seconds: Double, in trace: KernelTrace,
    bytes: (PreparedLinear) -> Double
  ) {
    let total = Double(layers.reduce(0) { $0 + $1.rows })
    for layer in layers {
      trace.add(
        KernelTrace.Call(block: block, part: part, owner: layer), owner: layer,
        bytes: bytes(layer),
        operations: 2 * Double(tokens) * Double(layer.rows) * Double(columns),
        seconds: seconds * Double(layer.rows) / total,
        inputs: .init(
          columns: Double(columns),
          outlierColumns: part == .outlierColumns ? Double(columns) : nil)
      ) {
        let what = part == .outlierColumns ? "outlier columns" : "INT8 columns"
        return KernelTrace.Name(
          operator: "\(layer.operatorName): \(what)", kernel: kernel(layer), reason: layer.reason,
          layer: layer.label)
      }
    }
  }
}
