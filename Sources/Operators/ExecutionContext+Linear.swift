internal import CKernels
internal import Platform
internal import Tensors

extension ExecutionContext {
  /// Applies linear layers that share one input: `outputs[i][t, rows] = input[t, columns] W_i^T +
  /// b_i`.
  ///
  /// The input is converted once for all of them; work is shared by chunks of rows. Layers with
  /// different activation formats are run one format after the other.
  package func linear(
    _ layers: [PreparedLinear], input: UnsafePointer<Float>, tokens: Int,
    outputs: [UnsafeMutablePointer<Float>]
  ) {
    guard tokens > 0, let first = layers.first else { return }
    let kind = first.kernel.activation
    if layers.allSatisfy({ $0.kernel.activation == kind }) {
      run(layers, kind: kind, input: input, tokens: tokens, outputs: outputs)
      return
    }
    for kind in [NK_ACTIVATION_F32, NK_ACTIVATION_BF16, NK_ACTIVATION_INT8] {
      let chosen = layers.indices.filter { layers[$0].kernel.activation == kind }
      guard !chosen.isEmpty else { continue }
      run(
        chosen.map { layers[$0] }, kind: kind, input: input, tokens: tokens,
        outputs: chosen.map { outputs[$0] })
    }
  }

  private func run(
    _ layers: [PreparedLinear], kind: nk_activation_kind, input: UnsafePointer<Float>, tokens: Int,
    outputs: [UnsafeMutablePointer<Float>]
  ) {
    let start = trace == nil ? 0 : Machine.seconds()
    let columns = layers[0].columns
    // Chunks of panels: whole tiles for many tokens, a few tens of microseconds for one.
    let span = Int(NK_TILE_PANELS) * (tokens == 1 ? max(1, 65536 / max(1, columns * 64)) : 1)
    withUnsafeTemporaryAllocation(of: LinearShare.self, capacity: layers.count) { shares in
      var scratchBytes = 0
      var chunks = 0
      for (index, layer) in layers.enumerated() {
        var weight = layer.kernelWeight
        scratchBytes = max(scratchBytes, nk_linear_scratch_bytes(&weight, kind))
        shares.initializeElement(
          at: index,
          to: LinearShare(
            weight: weight, function: layer.kernel.function(provider), output: outputs[index],
            panels: nk_linear_panels(layer.rows), span: span, firstChunk: chunks))
        chunks = shares[index].endChunk
      }
      let scratch = scratch(bytes: scratchBytes)
      let storage = activationStorage.reserve(nk_activations_bytes(kind, tokens, columns))
      var activations = nk_activations_layout(kind, tokens, columns, storage)
      withUnsafePointer(to: &activations) { activations in
        convert(input, tokens: tokens, columns: columns, into: activations)
        pool.run(chunks: chunks) { chunk, worker in
          var index = 0
          while chunk >= shares[index].endChunk { index += 1 }
          let panels = shares[index].run(chunk, activations, scratch[worker])
          if let bias = layers[index].bias {
            Self.add(
              bias, rows: panels, to: outputs[index], tokens: tokens, stride: layers[index].rows)
          }
        }
      }
    }
    if let trace {
      record(layers, tokens: tokens, seconds: Machine.seconds() - start, in: trace)
    }
  }

  /// Turns the input into the form the kernels read.
  private func convert(
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

  /// Adds the bias of the rows of some panels to every token.
  private static func add(
    _ bias: [Float], rows: Range<Int>, to output: UnsafeMutablePointer<Float>, tokens: Int,
    stride: Int
  ) {
    bias.withUnsafeBufferPointer { bias in
      for token in 0..<tokens {
        let row = output + token * stride
        for index in rows { row[index] += bias[index] }
      }
    }
  }

  private func record(
    _ layers: [PreparedLinear], tokens: Int, seconds: Double, in trace: KernelTrace
  ) {
    let total = Double(layers.reduce(0) { $0 + $1.rows })
    for layer in layers {
      trace.add(
        block: block, operator: layer.operatorName, kernel: layer.kernel.fullName(provider),
        reason: layer.reason, bytes: Double(layer.packedBytes),
        operations: 2 * Double(tokens) * Double(layer.rows) * Double(layer.columns),
        seconds: seconds * Double(layer.rows) / total)
    }
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

/// The part of one layer in a shared run; a plain value, so that nothing is counted while it runs.
private struct LinearShare {
  let weight: nk_linear_weight
  let function: LinearKernel.Function
  let output: UnsafeMutablePointer<Float>
  let panels: Int
  /// Panels of one chunk.
  let span: Int
  let firstChunk: Int

  var endChunk: Int { firstChunk + (panels + span - 1) / span }

  /// Computes one chunk and returns its rows.
  func run(
    _ chunk: Int, _ activations: UnsafePointer<nk_activations>, _ scratch: UnsafeMutableRawPointer
  ) -> Range<Int> {
    let begin = (chunk - firstChunk) * span
    let end = min(begin + span, panels)
    withUnsafePointer(to: weight) {
      function($0, begin, end, activations, output, weight.rows, scratch)
    }
    return begin * Int(NK_PANEL_ROWS)..<min(end * Int(NK_PANEL_ROWS), weight.rows)
  }
}
