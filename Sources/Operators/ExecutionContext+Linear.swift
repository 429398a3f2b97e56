internal import CKernels
internal import Platform
internal import Tensors

extension ExecutionContext {
  /// Applies linear layers that share one input: `outputs[i][t, rows] = input[t, columns] W_i^T +
  /// b_i`.
  ///
  /// The input is converted once for all of them; work is shared by chunks of rows. Layers with
  /// different activation formats are run one format after the other.
  ///
  /// - Throws: `PlatformError.memoryRefused` with the bytes of scratch; what outputs hold is nothing then.
  package func linear(
    _ layers: [PreparedLinear], input: UnsafePointer<Float>, tokens: Int,
    outputs: [UnsafeMutablePointer<Float>]
  ) throws {
    guard tokens > 0, let first = layers.first else { return }
    if layers.allSatisfy({ $0.executed == first.executed }) {
      try run(layers, input: input, tokens: tokens, outputs: outputs)
      return
    }
    var left = Array(layers.indices)
    while let first = left.first {
      let format = layers[first].executed
      let chosen = left.filter { layers[$0].executed == format }
      left.removeAll { layers[$0].executed == format }
      try run(
        chosen.map { layers[$0] }, input: input, tokens: tokens,
        outputs: chosen.map { outputs[$0] })
    }
  }

  private func run(
    _ layers: [PreparedLinear], input: UnsafePointer<Float>, tokens: Int,
    outputs: [UnsafeMutablePointer<Float>]
  ) throws {
    let format = layers[0].executed
    if case .int8WithOutliers(let split) = format {
      try runSplit(layers, split, input: input, tokens: tokens, outputs: outputs)
      return
    }
    let start = trace?.now() ?? 0
    let columns = layers[0].columns
    let kind = format.kernelKind
    let storage = try activationStorage.reserve(nk_activations_bytes(kind, tokens, columns))
    var activations = nk_activations_layout(kind, tokens, columns, storage)
    try code(format, input, tokens: tokens, columns: columns, in: &activations)
    if !layers.contains(where: { $0.kernelWeight.zero_points != NK_ZERO_POINTS_FIXED }) {
      activations.sums = nil
    }
    try withUnsafePointer(to: &activations) { activations in
      convert(input, tokens: tokens, columns: columns, into: activations)
      try multiply(layers, activations, outputs: outputs)
    }
    if let trace {
      let seconds = trace.now() - start
      let clipped = format.fixed == nil ? nil : Self.clipped(activations)
      let total = Double(layers.reduce(0) { $0 + $1.rows })
      for layer in layers {
        trace.add(
          KernelTrace.Call(block: block, part: .linear, owner: layer), owner: layer,
          bytes: Double(layer.packedBytes),
          operations: 2 * Double(tokens) * Double(layer.rows) * Double(layer.columns),
          seconds: seconds * Double(layer.rows) / total,
          inputs: clipped.map { .init(values: Double(tokens * columns), clipped: $0) }
        ) {
          KernelTrace.Name(
            operator: layer.operatorName, kernel: layer.kernel.fullName(provider),
            reason: layer.reason ?? layer.remark, layer: layer.label)
        }
      }
    }
  }

  /// From this many tokens on the last panels are shared out by tokens as well.
  private static let cutTokens = 192
  /// Parts that tokens are then cut into.
  private static let cuts = 4
  /// Bytes of weights in a chunk of one token's work, at most, unless a tile has more.
  private static let streamedBytes = 512 << 10

  /// All tokens in parts of one size, more or less.
  private static func cut(_ tokens: Int) -> [Range<Int>] {
    (0..<cuts).map { tokens * $0 / cuts..<tokens * ($0 + 1) / cuts }
  }

  /// Runs the kernels of layers over activations that are converted already.
  func multiply(
    _ layers: [PreparedLinear], _ activations: UnsafePointer<nk_activations>,
    outputs: [UnsafeMutablePointer<Float>]
  ) throws {
    let tokens = activations.pointee.tokens
    // Chunks are whole tiles. One token streams: a chunk is long enough for that, a few microseconds, and the layers of
    // the run together make some for each thread.
    let bytes = layers.reduce(0) { $0 + $1.kernelBytes } / (8 * pool.threads)
    let streamed = tokens == 1 ? min(Self.streamedBytes, bytes) : 0
    // All tokens at once read a panel once. The last panels, one chunk for each thread, are cut by tokens, so that no
    // thread waits long for the last one.
    let isCut = tokens >= Self.cutTokens && pool.threads > 1
    let slices = [0..<tokens] + (isCut ? Self.cut(tokens) : [])
    let parts = slices.map { nk_activations_part(activations, $0.lowerBound, $0.upperBound) }
    try withUnsafeTemporaryAllocation(of: LinearShare.self, capacity: layers.count + 1) { shares in
      var scratchBytes = 0
      var count = 0
      var chunks = 0
      func share(_ index: Int, _ panels: Range<Int>, _ span: Int, _ slices: Range<Int>) {
        guard !panels.isEmpty else { return }
        let layer = layers[index]
        var weight = layer.kernelWeight
        scratchBytes = max(scratchBytes, nk_linear_scratch_bytes(&weight, layer.kernel.activation))
        // Threads take chunks in turn, more or less.
        weight.next_panels = span * pool.threads
        shares.initializeElement(
          at: count,
          to: LinearShare(
            layer: index, weight: weight, function: layer.kernel.function(provider),
            panels: panels, span: span, slices: slices, firstChunk: chunks))
        chunks = shares[count].endChunk
        count += 1
      }
      for (index, layer) in layers.enumerated() {
        let panels = nk_linear_panels(layer.rows)
        let tileBytes = layer.kernelBytes / max(1, panels) * Int(NK_TILE_PANELS)
        let span = Int(NK_TILE_PANELS) * max(1, streamed / max(1, tileBytes))
        let isLast = isCut && index == layers.count - 1
        let whole = isLast ? max(0, (panels + span - 1) / span - pool.threads) * span : panels
        share(index, 0..<whole, span, 0..<1)
        share(index, whole..<panels, span, 1..<slices.count)
      }
      let scratch = try scratch(bytes: scratchBytes)
      let isScaled = activations.pointee.float8 != NK_FLOAT8_NONE
      pool.run(chunks: chunks) { chunk, worker in
        var index = 0
        while chunk >= shares[index].endChunk { index += 1 }
        let slice = shares[index].slice(chunk)
        let layer = layers[shares[index].layer]
        let output = outputs[shares[index].layer] + slices[slice].lowerBound * layer.rows
        withUnsafePointer(to: parts[slice]) { activations in
          let rows = shares[index].run(chunk, activations, output, scratch[worker])
          guard layer.bias != nil || layer.rowSums != nil || isScaled else { return }
          Self.finish(layer, activations, rows: rows, output: output)
        }
      }
    }
  }

  /// What is left to do for some rows of a layer: scales and zero points of tokens, the bias.
  private static func finish(
    _ layer: PreparedLinear, _ activations: UnsafePointer<nk_activations>, rows: Range<Int>,
    output: UnsafeMutablePointer<Float>
  ) {
    func pointer(_ values: [Float]?, _ body: (UnsafePointer<Float>?) -> Void) {
      guard let values else { return body(nil) }
      values.withUnsafeBufferPointer { body($0.baseAddress) }
    }
    pointer(layer.rowSums) { sums in
      pointer(layer.bias) { bias in
        nk_linear_finish(
          activations, sums, bias, rows.lowerBound, rows.upperBound, output, layer.rows)
      }
    }
  }

  /// Says how the input is to be coded; finds the range where one scale is shared by all tokens.
  private func code(
    _ format: ActivationFormat, _ input: UnsafePointer<Float>, tokens: Int, columns: Int,
    in activations: inout nk_activations
  ) throws {
    let scaling: ActivationScaling
    switch format {
    case .float, .int8Blocks, .int16Blocks, .int8WithOutliers: return
    case .int8(let chosen, let isSymmetric):
      activations.is_asymmetric = isSymmetric ? 0 : 1
      scaling = chosen
    case .fp8(let type, let chosen):
      activations.float8 = type == .f8e5m2 ? NK_FLOAT8_E5M2 : NK_FLOAT8_E4M3
      scaling = chosen
    }
    switch scaling {
    case .token: break
    case .tensor:
      let range = try range(of: input, tokens: tokens, columns: columns)
      nk_activations_give(&activations, range.lowest, range.highest)
    case .fixed(let fixed):
      activations.given_scale = fixed.scale
      activations.given_zero = Int32(fixed.zero)
    }
  }

  /// The smallest and the largest value of all tokens.
  private func range(
    of input: UnsafePointer<Float>, tokens: Int, columns: Int
  ) throws -> ActivationRange {
    let ranges = try rangeStorage.reserve(2 * tokens * MemoryLayout<Float>.stride)
      .assumingMemoryBound(to: Float.self)
    let slab = 16
    let ranging = tokenRanges
    pool.run(chunks: (tokens + slab - 1) / slab) { chunk, _ in
      ranging(
        input, columns, columns, chunk * slab, min((chunk + 1) * slab, tokens), ranges,
        ranges + tokens)
    }
    var found = ActivationRange(lowest: ranges[0], highest: ranges[tokens])
    for token in 1..<max(1, tokens) {
      found.lowest = min(found.lowest, ranges[token])
      found.highest = max(found.highest, ranges[tokens + token])
    }
    return found
  }

  /// How many values a given scale could not hold.
  private static func clipped(_ activations: nk_activations) -> Double {
    guard let clipped = activations.clipped else { return 0 }
    return (0..<activations.tokens).reduce(0.0) { $0 + Double(clipped[$1]) }
  }

  /// Turns the input into the form the kernels read.
  func convert(
    _ input: UnsafePointer<Float>, tokens: Int, columns: Int,
    into activations: UnsafePointer<nk_activations>
  ) {
    let fill = activationFill
    let slab = 16
    if tokens <= slab {
      fill(activations, input, columns, 0, tokens)
    } else {
      pool.run(chunks: (tokens + slab - 1) / slab) { chunk, _ in
        fill(activations, input, columns, chunk * slab, min((chunk + 1) * slab, tokens))
      }
    }
  }

  private var tokenRanges: nk_token_ranges_fn {
    #if arch(x86_64)
      switch provider {
      case .generic: nk_token_ranges_generic
      case .avx2: nk_token_ranges_avx2
      case .avx512: nk_token_ranges_avx512
      }
    #else
      nk_token_ranges_generic
    #endif
  }

  private var activationFill: nk_activations_fill_fn {
    #if arch(x86_64)
      switch provider {
      case .generic: nk_activations_fill_generic
      case .avx2: nk_activations_fill_avx2
      case .avx512: nk_activations_fill_avx512
      }
    #else
      nk_activations_fill_generic
    #endif
  }
}

/// Some panels of one layer in a shared run; a plain value, so that nothing is counted while it runs.
private struct LinearShare {
  /// Index of the layer.
  let layer: Int
  let weight: nk_linear_weight
  let function: LinearKernel.Function
  let panels: Range<Int>
  /// Panels of one chunk.
  let span: Int
  /// Slices of tokens, each with chunks of its own.
  let slices: Range<Int>
  let firstChunk: Int

  var endChunk: Int { firstChunk + (panels.count + span - 1) / span * slices.count }

  /// The slice of tokens of a chunk: neighbouring chunks have the same panels.
  func slice(_ chunk: Int) -> Int {
    slices.lowerBound + (chunk - firstChunk) % slices.count
  }

  /// Computes one chunk, for the tokens of its slice, and returns its rows.
  func run(
    _ chunk: Int, _ activations: UnsafePointer<nk_activations>,
    _ output: UnsafeMutablePointer<Float>, _ scratch: UnsafeMutableRawPointer
  ) -> Range<Int> {
    let begin = panels.lowerBound + (chunk - firstChunk) / slices.count * span
    let end = min(begin + span, panels.upperBound)
    withUnsafePointer(to: weight) {
      function($0, begin, end, activations, output, weight.rows, scratch)
    }
    return begin * Int(NK_PANEL_ROWS)..<min(end * Int(NK_PANEL_ROWS), weight.rows)
  }
}
