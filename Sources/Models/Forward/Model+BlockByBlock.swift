package import Operators
package import Tensors

extension Model {
  /// The embeddings of one sequence, where a walk through the model block by block begins.
  ///
  /// - Throws: `ModelError` for no tokens or unknown ones.
  package func embed(_ tokens: [Int32]) throws -> HiddenStates {
    try check(tokens)
    let hidden = try HiddenStates(tokens: tokens.count, width: configuration.hiddenSize)
    tokens.withUnsafeBufferPointer { embed($0, from: 0, into: hidden.pointer) }
    return hidden
  }

  /// Runs one block over whole sequences in place, each from its first token.
  ///
  /// Only this block's weights are touched: calibration goes through a model of any size with one
  /// block and the activations in memory. An observer is shown the block under `index`.
  /// - Parameters:
  ///   - block: what to run instead of the model's own block, such as a draft of it.
  ///   - cache: how keys and values are kept meanwhile; the precision's own when not given.
  ///   - options: with `endsBefore` set, a block is run only as far as the input of that layer.
  /// - Throws: `ModelError.noSuchBlock`; `CancellationError` between sequences; those that
  ///   were not reached stay as they were.
  package func runBlock(
    _ index: Int, _ block: DecoderBlock? = nil, hidden sequences: [HiddenStates],
    context: ExecutionContext, cache format: KVFormatPair? = nil,
    options: ForwardOptions = ForwardOptions()
  ) throws {
    let block = try block ?? self.block(index)
    var layout = cacheLayout(format)
    layout.layers = 1
    layout.scales = block.cacheScales.map { [$0] }
    // One layer stands for any.
    layout.format.highLayers = 0
    let pool = try KVBlockPool(layout)
    for sequence in sequences {
      if let isCancelled = options.isCancelled, isCancelled() { throw CancellationError() }
      guard sequence.width == configuration.hiddenSize else {
        throw ModelError.weightShape(
          layer: "hidden states", expected: [sequence.tokens, configuration.hiddenSize],
          found: [sequence.tokens, sequence.width])
      }
      let cache = BlockKVCache(pool: pool, capacity: sequence.tokens)
      var first = 0
      while first < sequence.tokens {
        let count = min(options.chunk, layout.longestPass, sequence.tokens - first)
        try cache.reserve(count)
        let runner = try BlockRunner(
          self, context: context, observer: options.observer,
          segments: [
            TokenSegment(
              first: 0, count: count, position: first, length: sequence.tokens, cache: cache)
          ])
        let rows = sequence.pointer + first * sequence.width
        runner.hidden.update(from: rows, count: count * sequence.width)
        runner.normalize(block.openingNorm)
        try runner.run(
          block, index: index, layer: 0, next: .nothing, endsBefore: options.endsBefore)
        try Self.refuseOverflow(of: cache, block: index)
        cache.advance(count)
        rows.update(from: runner.hidden, count: count * sequence.width)
        first += count
      }
    }
  }

  /// Scores the next token at positions of which a forward pass told what the last norm left: the same logits, to the bit.
  ///
  /// - Parameter ends: `[positions, hidden]`.
  /// - Throws: `ModelError.weightShape` for another width; what packing the head throws.
  @discardableResult
  package func scores(
    ofEnds ends: HiddenStates, context: ExecutionContext, into reused: Logits? = nil
  ) throws -> Logits {
    try check(ends, rows: ends.tokens)
    let result = reused ?? Logits()
    let scores = try result.prepare(rows: ends.tokens, vocabulary: configuration.vocabularySize)
    try score(ends.pointer, rows: ends.tokens, context: context, into: scores)
    return result
  }

  /// Scores the next token after every token of a sequence that went through all blocks.
  ///
  /// - Throws: what packing the head throws.
  @discardableResult
  package func scores(
    of sequence: HiddenStates, rows: LogitRows = .all, context: ExecutionContext,
    into reused: Logits? = nil
  ) throws -> Logits {
    let wanted = rows.range(tokens: sequence.tokens)
    let result = reused ?? Logits()
    let scores = try result.prepare(rows: wanted.count, vocabulary: configuration.vocabularySize)
    let normed = try context.floats(slot: 1, count: max(1, wanted.count * sequence.width))
    context.normalize(
      sequence.pointer + wanted.lowerBound * sequence.width, by: finalNorm,
      epsilon: configuration.normEpsilon, into: normed, rows: wanted.count)
    try score(normed, rows: wanted.count, context: context, into: scores)
    return result
  }
}
