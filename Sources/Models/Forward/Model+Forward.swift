package import Operators
import Tensors

/// How a forward pass is run and watched.
package struct ForwardOptions {
  /// Tokens that go through the blocks at a time; bounds the memory of a pass.
  package var chunk = 512
  package var observer: (any ForwardObserver)?
  /// The layer after whose input a walk over single blocks ends; what leaves the block then means nothing.
  package var endsBefore: Projection?
  /// Asked before every block; when it says yes the pass ends with `CancellationError`.
  package var isCancelled: (() -> Bool)?

  package init(
    chunk: Int = 512, observer: (any ForwardObserver)? = nil, endsBefore: Projection? = nil,
    isCancelled: (() -> Bool)? = nil
  ) {
    self.chunk = max(1, chunk)
    self.observer = observer
    self.endsBefore = endsBefore
    self.isCancelled = isCancelled
  }
}

extension Model {
  /// Runs `tokens` after those in `cache` and scores the next token at the wanted positions.
  ///
  /// - Parameters:
  ///   - reused: logits whose memory is used again; a fresh one without.
  ///   - ends: is given what the last norm leaves at those positions, `[wanted, hidden]`.
  /// - Throws: `ModelError` for no tokens, unknown tokens, a cache of another model or a full one;
  ///   `CancellationError`. The cache is then as it was, or holds the chunks that were finished.
  @discardableResult
  package func forward(
    tokens: [Int32], cache: any KVCache, context: ExecutionContext, logits: LogitRows = .last,
    into reused: Logits? = nil, ends: HiddenStates? = nil,
    options: ForwardOptions = ForwardOptions()
  ) throws -> Logits {
    try check(tokens)
    try check(cache)
    guard tokens.count <= cache.capacity - cache.length else {
      throw ModelError.contextExceeded(
        tokens: cache.length + tokens.count, capacity: cache.capacity)
    }
    let wanted = logits.range(tokens: tokens.count)
    if let ends { try check(ends, rows: wanted.count) }
    let result = reused ?? Logits()
    let scores = try result.prepare(
      rows: wanted.count, vocabulary: configuration.vocabularySize)
    let length = cache.length + tokens.count
    var first = 0
    while first < tokens.count {
      let count = min(options.chunk, cache.layout.longestPass, tokens.count - first)
      try cache.reserve(count)
      let runner = try BlockRunner(
        self, context: context, observer: options.observer,
        segments: [
          TokenSegment(
            first: 0, count: count, position: cache.length, length: length, cache: cache)
        ])
      tokens.withUnsafeBufferPointer { tokens in
        embed(
          UnsafeBufferPointer(rebasing: tokens[first..<first + count]), from: cache.length,
          into: runner.hidden)
      }
      try run(runner, options: options)
      cache.advance(count)
      let rows = wanted.clamped(to: first..<first + count)
      if !rows.isEmpty {
        let width = configuration.hiddenSize
        let normed = runner.normed + (rows.lowerBound - first) * width
        let row = rows.lowerBound - wanted.lowerBound
        if let ends {
          (ends.pointer + row * width).update(from: normed, count: rows.count * width)
        }
        try score(
          normed, rows: rows.count, context: context,
          into: scores + row * configuration.vocabularySize)
      }
      first += count
    }
    return result
  }

  /// Runs one token of each of several sequences at once, `[sequences]`, and scores the next of
  /// each, `[sequences, vocabulary]`.
  ///
  /// Linear layers see one batch; attention sees each sequence by itself.
  /// - Throws: as `forward`; no cache has then changed.
  @discardableResult
  package func decode(
    tokens: [Int32], caches: [any KVCache], context: ExecutionContext, into reused: Logits? = nil,
    options: ForwardOptions = ForwardOptions()
  ) throws -> Logits {
    try check(tokens)
    try check(caches, sequences: tokens.count)
    for cache in caches { try cache.reserve(1) }
    let result = reused ?? Logits()
    let scores = try result.prepare(rows: tokens.count, vocabulary: configuration.vocabularySize)
    let runner = try BlockRunner(
      self, context: context, observer: options.observer,
      segments: caches.indices.map {
        TokenSegment(
          first: $0, count: 1, position: caches[$0].length, length: caches[$0].length + 1,
          cache: caches[$0])
      })
    tokens.withUnsafeBufferPointer { embed($0, of: runner.segments, into: runner.hidden) }
    try run(runner, options: options)
    for cache in caches { cache.advance(1) }
    try score(runner.normed, rows: tokens.count, context: context, into: scores)
    return result
  }

  func run(_ runner: BlockRunner, options: ForwardOptions) throws {
    runner.normalize(blocks.first.map { $0.openingNorm } ?? finalNorm)
    for (index, block) in blocks.enumerated() {
      if let isCancelled = options.isCancelled, isCancelled() { throw CancellationError() }
      let next = index + 1 < blocks.count ? blocks[index + 1].openingNorm : finalNorm
      try runner.run(block, index: index, layer: index, next: .stream(next))
    }
    for segment in runner.segments { try Self.refuseOverflow(of: segment.cache) }
  }

  /// Refuses to go on where the cache holds something else than what was to be stored.
  ///
  /// - Parameter block: the block, where the cache is of one layer.
  static func refuseOverflow(of cache: any KVCache, block: Int? = nil) throws {
    guard let beyond = cache.overflow else { return }
    throw ModelError.cacheOverflow(
      block: block ?? beyond.layer, side: beyond.side, value: beyond.value, limit: beyond.limit,
      format: "\(cache.layout.format)")
  }

  func check(_ ends: HiddenStates, rows: Int) throws {
    guard ends.tokens == rows, ends.width == configuration.hiddenSize else {
      throw ModelError.weightShape(
        layer: "states after the last norm", expected: [rows, configuration.hiddenSize],
        found: [ends.tokens, ends.width])
    }
  }

  func check(_ tokens: [Int32]) throws {
    guard !tokens.isEmpty else { throw ModelError.noTokens }
    let vocabulary = configuration.vocabularySize
    if let position = tokens.firstIndex(where: { $0 < 0 || Int($0) >= vocabulary }) {
      throw ModelError.unknownToken(
        tokens[position], position: position, vocabulary: vocabulary)
    }
  }

  /// Each sequence has a cache of its own, made for this model.
  func check(_ caches: [any KVCache], sequences: Int) throws {
    guard caches.count == sequences else {
      throw ModelError.cacheMismatch(
        expected: "\(sequences) sequences", found: "\(caches.count) caches")
    }
    let different = Set(caches.map(ObjectIdentifier.init)).count
    guard different == sequences else {
      throw ModelError.cacheMismatch(
        expected: "\(sequences) sequences, each in a cache of its own",
        found: "\(different) different caches")
    }
    for cache in caches { try check(cache) }
  }

  private func check(_ cache: any KVCache) throws {
    let found = cache.layout
    let expected = cacheLayout(found.format)
    guard found == expected else {
      throw ModelError.cacheMismatch(expected: "\(expected)", found: "\(found)")
    }
  }
}
