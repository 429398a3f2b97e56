package import Operators
package import Tensors

extension Model {
  /// Runs one half of a block, from the norm that opens it to what it adds to the residual stream.
  ///
  /// The sequence is whole, from its first token.
  /// - Parameters:
  ///   - block: what to run; only the half's own layers are used.
  ///   - input: the residual stream in front of the norm, `[tokens, hidden]`.
  ///   - output: what is added to it, `[tokens, hidden]`.
  /// - Throws: `ModelError` for sizes that do not fit; what packing throws.
  package func runHalf(
    _ half: BlockHalf, _ index: Int, _ block: DecoderBlock, input: HiddenStates,
    into output: HiddenStates, context: ExecutionContext, cache format: KVFormatPair? = nil,
    options: ForwardOptions = ForwardOptions()
  ) throws {
    guard input.width == configuration.hiddenSize, output.width == input.width,
      output.tokens == input.tokens
    else {
      throw ModelError.weightShape(
        layer: "hidden states", expected: [input.tokens, configuration.hiddenSize],
        found: [output.tokens, output.width])
    }
    var layout = cacheLayout(format)
    layout.layers = 1
    layout.scales = block.cacheScales.map { [$0] }
    // One layer stands for any.
    layout.format.highLayers = 0
    let cache = BlockKVCache(pool: try KVBlockPool(layout), capacity: input.tokens)
    var first = 0
    while first < input.tokens {
      let count = min(options.chunk, layout.longestPass, input.tokens - first)
      try cache.reserve(count)
      let runner = try BlockRunner(
        self, context: context, observer: options.observer,
        segments: [
          TokenSegment(
            first: 0, count: count, position: first, length: input.tokens, cache: cache)
        ])
      let rows = first * input.width
      runner.hidden.update(from: input.pointer + rows, count: count * input.width)
      runner.normalize(block.norms[half.openingNorm])
      try runner.run(half, block, index: index, layer: 0)
      try Self.refuseOverflow(of: cache, block: index)
      cache.advance(count)
      (output.pointer + rows).update(from: runner.delta, count: count * input.width)
      first += count
    }
  }
}
