import Glibc
import Models
import Operators
import Platform
import Tensors
import Testing

/// Caches in every format: what they give back, attention over them, windows, truncation and forks.
@Suite struct QuantizedKVCacheTests {
  static let width = 64
  static let heads = 2

  static func pair(_ format: KVFormat) -> KVFormatPair {
    KVFormatPair(keys: format, values: format)
  }

  static let kivi = KVFormatPair(
    keys: .channelGroups(bits: 4, tokens: 32), values: .tokenGroups(bits: 4, group: 32),
    window: KVWindow(tokens: 64, type: .f32))

  /// One that lets its tokens leave the window one by one.
  static func sliding(_ format: KVFormat) -> KVFormatPair {
    KVFormatPair(
      keys: format, values: format, window: KVWindow(tokens: 48, type: .f32, slides: true))
  }

  /// A format and the relative error it may have on normal numbers.
  static let formats: [(format: KVFormatPair, error: Double)] = [
    (pair(.fp8(type: .f8e4m3, scale: .token)), 0.04),
    (pair(.fp8(type: .f8e5m2, scale: .one)), 0.08),
    (pair(.fp8(type: .f8e4m3, scale: .firstTokens)), 0.05),
    (pair(.codebook(format: CodebookFormat(bits: 4))), 0.12),
    (pair(.codebook(format: CodebookFormat(bits: 3, extraShare: 0.5, keepsNorm: true))), 0.2),
    (pair(.codebook(format: CodebookFormat(bits: 8, rotation: .dense(seed: 3)))), 0.01),
    (pair(.codebook(format: CodebookFormat(bits: 4, form: .prod))), 0.4),
    (pair(.rotated(format: .integer(bits: 4, group: 32), rotation: .hadamard(seed: 1))), 0.12),
    (kivi, 0.12),
    (
      KVFormatPair(
        keys: .integer(bits: 8, group: 32),
        values: pair(.codebook(format: CodebookFormat(bits: 2))).values), 0.4
    ),
    (sliding(.integer(bits: 4, group: 32)), 0.12),
    (sliding(.rotated(format: .integer(bits: 4, group: 32), rotation: .hadamard(seed: 1))), 0.12),
    (sliding(.codebook(format: CodebookFormat(bits: 3, extraShare: 0.5))), 0.2),
    (sliding(.fp8(type: .f8e4m3, scale: .firstTokens)), 0.05),
    (
      KVFormatPair(
        keys: .codebook(format: CodebookFormat(bits: 4, rotation: .dense(seed: 3))),
        values: .integer(bits: 8, group: 32),
        window: KVWindow(tokens: 40, type: .f16, slides: true)), 0.12
    ),
  ]

  private func context() throws -> ExecutionContext {
    try ExecutionContext(pool: WorkerPool(threads: 2))
  }

  private func cache(_ format: KVFormatPair, layers: Int = 1) throws -> BlockKVCache {
    try BlockKVCache(
      KVCacheLayout(
        layers: layers, kvHeads: Self.heads, headDimension: Self.width, format: format),
      capacity: 1000)
  }

  private func numbers(_ count: Int, seed: UInt64) -> [Float] {
    var generator = SeededGenerator(seed: seed, stream: [9])
    return generator.normals(count * Self.heads * Self.width)
  }

  private func append(
    _ keys: [Float], _ values: [Float], to cache: BlockKVCache, _ context: ExecutionContext
  ) throws {
    let count = keys.count / Self.heads / Self.width
    try cache.reserve(count)
    for layer in 0..<cache.layout.layers {
      cache.append(keys: keys, values: values, tokens: count, layer: layer, context: context)
    }
    cache.advance(count)
  }

  /// `[tokens, heads, width]` as they were appended.
  private func readBack(
    _ cache: BlockKVCache, keys: Bool, layer: Int = 0, _ context: ExecutionContext
  ) -> [Float] {
    let tokens = cache.length
    var all = [Float](repeating: .nan, count: tokens * Self.heads * Self.width)
    var one = [Float](repeating: .nan, count: tokens * Self.width)
    for head in 0..<Self.heads {
      context.read(
        cache.view(layer: layer), keys: keys, head: head, range: 0..<tokens, into: &one)
      for token in 0..<tokens {
        for channel in 0..<Self.width {
          all[(token * Self.heads + head) * Self.width + channel] =
            one[token * Self.width + channel]
        }
      }
    }
    return all
  }

  private func relative(_ found: [Float], _ expected: [Float]) -> Double {
    var (error, size) = (0.0, 0.0)
    for (x, y) in zip(found, expected) {
      error += (Double(x) - Double(y)) * (Double(x) - Double(y))
      size += Double(y) * Double(y)
    }
    return (error / size).squareRoot()
  }

  @Test(arguments: formats.indices) func whatIsAppendedComesBackRoughly(index: Int) throws {
    let (format, error) = Self.formats[index]
    let context = try context()
    let cache = try cache(format)
    let (keys, values) = (numbers(200, seed: 1), numbers(200, seed: 2))
    try append(keys, values, to: cache, context)
    let foundKeys = relative(readBack(cache, keys: true, context), keys)
    let foundValues = relative(readBack(cache, keys: false, context), values)
    #expect(foundKeys < error && foundKeys > 0, "\(format.keys): \(foundKeys)")
    #expect(foundValues < error && foundValues > 0, "\(format.values): \(foundValues)")
  }

  /// Attention is softmax over what the cache gives back, for prefill and decode, at any provider.
  @Test(arguments: formats.indices) func attentionSeesWhatTheCacheHolds(index: Int) throws {
    let format = Self.formats[index].format
    let context = try context()
    let cache = try cache(format)
    let (keys, values) = (numbers(150, seed: 3), numbers(150, seed: 4))
    try append(keys, values, to: cache, context)
    let (heldKeys, heldValues) = (
      readBack(cache, keys: true, context), readBack(cache, keys: false, context)
    )
    let queryHeads = 4
    var generator = SeededGenerator(seed: 5, stream: [1])
    for (tokens, position) in [(1, 149), (3, 147)] {
      let queries = generator.normals(tokens * queryHeads * Self.width)
      let expected = Self.attention(
        queries, tokens, position, queryHeads, heldKeys, heldValues)
      for provider in ExecutionProvider.allCases where provider.isSupported {
        let own = try ExecutionContext(pool: WorkerPool(threads: 2), provider: provider)
        var out = [Float](repeating: .nan, count: queries.count)
        try own.attention(
          queries: queries, tokens: tokens, position: position, heads: queryHeads,
          view: cache.view(layer: 0), into: &out)
        // Integer kernels round queries and probabilities, and levels to 8 bits.
        #expect(relative(out, expected) < 0.02, "\(format), \(provider)")
      }
    }
  }

  private static func attention(
    _ queries: [Float], _ tokens: Int, _ position: Int, _ queryHeads: Int, _ keys: [Float],
    _ values: [Float]
  ) -> [Float] {
    var out: [Float] = []
    for token in 0..<tokens {
      for head in 0..<queryHeads {
        let query = Array(
          queries[(token * queryHeads + head) * width..<(token * queryHeads + head + 1) * width])
        let kv = head / (queryHeads / heads)
        let scores = (0...position + token).map { at -> Double in
          let base = (at * heads + kv) * width
          return (0..<width).reduce(0.0) { $0 + Double(query[$1]) * Double(keys[base + $1]) }
            / Double(width).squareRoot()
        }
        let largest = scores.max() ?? 0
        let weights = scores.map { exp($0 - largest) }
        let sum = weights.reduce(0, +)
        for channel in 0..<width {
          let value = weights.indices.reduce(0.0) {
            $0 + weights[$1] * Double(values[($1 * heads + kv) * width + channel])
          }
          out.append(Float(value / sum))
        }
      }
    }
    return out
  }

  /// The reference's bookkeeping: keys leave in whole windows, values one by one (methods of KIVI).
  @Test func tokensLeaveTheWindowAsInTheReference() throws {
    let context = try context()
    let cache = try cache(Self.kivi)
    func state() -> [Int] {
      guard let recent = cache.view(layer: 0).recent else { return [] }
      return [recent.firstKey, recent.firstValue]
    }
    try append(numbers(150, seed: 6), numbers(150, seed: 7), to: cache, context)
    #expect(state() == [128, 86])
    for length in 151...193 {
      try append(numbers(1, seed: 8), numbers(1, seed: 9), to: cache, context)
      #expect(state() == [length / 64 * 64, length - 64])
    }
  }

  /// Keys of a window that slides leave as values do.
  @Test func tokensLeaveAWindowThatSlidesOneByOne() throws {
    let context = try context()
    let cache = try cache(
      Self.sliding(.rotated(format: .integer(bits: 4, group: 32), rotation: .hadamard(seed: 1))))
    var (keys, values) = (numbers(50, seed: 6), numbers(50, seed: 7))
    try append(keys, values, to: cache, context)
    for length in 51...130 {
      let (key, value) = (numbers(1, seed: UInt64(length)), numbers(1, seed: UInt64(500 + length)))
      try append(key, value, to: cache, context)
      keys += key
      values += value
      let recent = cache.view(layer: 0).recent
      #expect([recent?.firstKey, recent?.firstValue] == [length - 48, length - 48])
    }
    let row = Self.heads * Self.width
    for (found, held) in [
      (readBack(cache, keys: true, context), keys), (readBack(cache, keys: false, context), values),
    ] {
      // Turned and turned back in float32, no more.
      #expect(relative(Array(found[(82 * row)...]), Array(held[(82 * row)...])) < 1e-6)
      #expect(relative(Array(found[..<(82 * row)]), Array(held[..<(82 * row)])) > 0.01)
    }
  }

  /// Recent tokens are exact, older ones are not: quantization really happens while decoding.
  @Test func decodedTokensAreQuantizedOnceTheyLeaveTheWindow() throws {
    let context = try context()
    let cache = try cache(Self.kivi)
    var (keys, values): ([Float], [Float]) = ([], [])
    for step in 0..<140 {
      let (key, value) = (numbers(1, seed: UInt64(step)), numbers(1, seed: UInt64(1000 + step)))
      try append(key, value, to: cache, context)
      keys += key
      values += value
    }
    let row = Self.heads * Self.width
    let foundKeys = readBack(cache, keys: true, context)
    let foundValues = readBack(cache, keys: false, context)
    #expect(Array(foundKeys[(128 * row)...]) == Array(keys[(128 * row)...]))
    #expect(Array(foundValues[(76 * row)...]) == Array(values[(76 * row)...]))
    let old = relative(Array(foundKeys[..<(128 * row)]), Array(keys[..<(128 * row)]))
    #expect(old > 0.01 && old < 0.12)
    #expect(relative(Array(foundValues[..<(76 * row)]), Array(values[..<(76 * row)])) > 0.01)
  }

  @Test func aWindowedCacheGoesOnAfterItWasCut() throws {
    let context = try context()
    let cache = try cache(Self.kivi)
    let (keys, values) = (numbers(300, seed: 20), numbers(300, seed: 21))
    try append(keys, values, to: cache, context)
    let fork = cache.fork()
    // Into the quantized part, within a group of tokens.
    cache.truncate(to: 110)
    #expect(cache.length == 110)
    let row = Self.heads * Self.width
    let (moreKeys, moreValues) = (numbers(150, seed: 22), numbers(150, seed: 23))
    try append(moreKeys, moreValues, to: cache, context)
    let wanted = Array(keys[..<(110 * row)]) + moreKeys
    #expect(relative(readBack(cache, keys: true, context), wanted) < 0.15)
    #expect(
      relative(
        readBack(cache, keys: false, context), Array(values[..<(110 * row)]) + moreValues) < 0.15)
    // The fork is as it was.
    #expect(relative(readBack(fork, keys: true, context), keys) < 0.12)
    #expect(relative(readBack(fork, keys: false, context), values) < 0.12)
  }

  @Test func memoryOfRecentTokensIsGivenBack() throws {
    let context = try context()
    let cache = try cache(Self.kivi)
    try append(numbers(640, seed: 30), numbers(640, seed: 31), to: cache, context)
    let plain = try self.cache(.fp32)
    try append(numbers(640, seed: 30), numbers(640, seed: 31), to: plain, context)
    // Ten blocks quantized at 5 bits, and at most three in full.
    #expect(cache.byteCount < plain.byteCount * 10 * 5 / 32 / 10 + plain.byteCount * 3 / 10 + 1)
  }

  @Test func firstAndLastLayersCanStayHigh() throws {
    let context = try context()
    var format = Self.pair(.codebook(format: CodebookFormat(bits: 2)))
    format.highLayers = 1
    let cache = try cache(format, layers: 4)
    let (keys, values) = (numbers(100, seed: 40), numbers(100, seed: 41))
    try append(keys, values, to: cache, context)
    let errors = (0..<4).map { relative(readBack(cache, keys: true, layer: $0, context), keys) }
    #expect(errors[0] < 1e-3 && errors[3] < 1e-3)
    #expect(errors[1] > 0.2 && errors[2] > 0.2)
    #expect(cache.layout.format.bytesPerToken(layers: 4, headDimension: 64) == 2 * 256 + 2 * 2 * 18)
  }

  @Test func scalesAndChannelsComeFromTheFirstTokens() throws {
    let context = try context()
    let cache = try cache(Self.pair(.fp8(type: .f8e4m3, scale: .firstTokens)))
    let row = Self.heads * Self.width
    let first = numbers(64, seed: 50)
    try append(first, first, to: cache, context)
    // Beyond the range of the first tokens values are clamped to it.
    let large = [Float](repeating: 1000, count: row)
    try append(large, large, to: cache, context)
    let found = readBack(cache, keys: true, context)
    for head in 0..<Self.heads {
      let largest = (0..<64).reduce(Float(0)) { most, token in
        (0..<Self.width).reduce(most) {
          max($0, first[token * row + head * Self.width + $1].magnitude)
        }
      }
      let clamped = found[64 * row + head * Self.width]
      #expect(abs(clamped / largest - 1) < 1e-5)
    }
    cache.reset()
    try append(large, large, to: cache, context)
    #expect(abs(readBack(cache, keys: true, context)[0] / 1000 - 1) < 1e-5)
  }

  @Test(arguments: formats.indices) func zerosAndNumbersThatAreNoneDoNoHarm(index: Int) throws {
    let format = Self.formats[index].format
    let context = try context()
    let cache = try cache(format)
    let row = Self.heads * Self.width
    var keys = numbers(100, seed: 60)
    for channel in 0..<row { keys[10 * row + channel] = 0 }
    try append(keys, keys, to: cache, context)
    let zero = readBack(cache, keys: true, context)[(10 * row)..<(11 * row)]
    if format.window == nil { #expect(zero.allSatisfy { $0 == 0 }, "\(format)") }
    // One key that is no number leaves the others alone.
    keys[20 * row + 3] = .nan
    cache.reset()
    try append(keys, keys, to: cache, context)
    let found = readBack(cache, keys: true, context)
    #expect(found[(21 * row)...].allSatisfy { $0.isFinite })
    #expect(found[..<(20 * row)].allSatisfy { $0.isFinite })
  }
}
