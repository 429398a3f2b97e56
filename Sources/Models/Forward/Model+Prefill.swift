package import Operators

extension Model {
  /// Runs several prompts together, each after what lies in its own cache, and scores the next token of each,
  /// `[prompts, vocabulary]`.
  ///
  /// Prompts may differ in length. Their tokens go through the blocks in passes of at most `options.chunk`, one prompt
  /// after the other: linear layers see one batch of tokens, attention sees each sequence by itself. The head runs once,
  /// over the last token of every prompt.
  ///
  /// Kernels sum each row by itself: what runs together with a prompt changes no bit of it. Only how many tokens a pass has may
  /// change the order of sums, since few tokens go through another kernel than many.
  /// - Throws: as `forward`. What is wrong with prompts or caches is found before anything runs, and no cache has then
  ///   changed; a pass that is cancelled leaves the caches with what the passes before it gave them.
  @discardableResult
  package func prefill(
    prompts: [[Int32]], caches: [any KVCache], context: ExecutionContext,
    into reused: Logits? = nil, options: ForwardOptions = ForwardOptions()
  ) throws -> Logits {
    guard !prompts.isEmpty else { throw ModelError.noTokens }
    for prompt in prompts { try check(prompt) }
    try check(caches, sequences: prompts.count)
    for (prompt, cache) in zip(prompts, caches) where prompt.count > cache.capacity - cache.length {
      throw ModelError.contextExceeded(
        tokens: cache.length + prompt.count, capacity: cache.capacity)
    }
    let width = configuration.hiddenSize
    let last = try HiddenStates(tokens: prompts.count, width: width)
    var done = [Int](repeating: 0, count: prompts.count)
    while true {
      let pass = try PromptPass(prompts, caches, done: done, most: options.chunk)
      guard !pass.segments.isEmpty else { break }
      let runner = try BlockRunner(
        self, context: context, observer: options.observer, segments: pass.segments)
      pass.tokens.withUnsafeBufferPointer { embed($0, of: pass.segments, into: runner.hidden) }
      try run(runner, options: options)
      for (segment, prompt) in zip(pass.segments, pass.prompts) {
        segment.cache.advance(segment.count)
        done[prompt] += segment.count
        guard done[prompt] == prompts[prompt].count else { continue }
        (last.pointer + prompt * width).update(
          from: runner.normed + (segment.first + segment.count - 1) * width, count: width)
      }
    }
    let result = reused ?? Logits()
    let scores = try result.prepare(rows: prompts.count, vocabulary: configuration.vocabularySize)
    try score(last.pointer, rows: prompts.count, context: context, into: scores)
    return result
  }
}

/// The tokens of one pass over several prompts: what is left of each in order, until the pass is full.
private struct PromptPass {
  private(set) var segments: [TokenSegment] = []
  /// The prompt of each segment.
  private(set) var prompts: [Int] = []
  private(set) var tokens: [Int32] = []

  /// - Parameters:
  ///   - done: tokens of each prompt that ran already.
  ///   - most: tokens of the pass at most.
  /// - Throws: what reserving room in a cache throws.
  init(
    _ texts: [[Int32]], _ caches: [any KVCache], done: [Int], most: Int
  ) throws {
    for (index, text) in texts.enumerated() where done[index] < text.count {
      guard tokens.count < most else { return }
      let cache = caches[index]
      let count = min(
        most - tokens.count, cache.layout.longestPass, text.count - done[index])
      try cache.reserve(count)
      segments.append(
        TokenSegment(
          first: tokens.count, count: count, position: cache.length,
          length: cache.length + text.count - done[index], cache: cache))
      prompts.append(index)
      tokens += text[done[index]..<done[index] + count]
    }
  }
}
