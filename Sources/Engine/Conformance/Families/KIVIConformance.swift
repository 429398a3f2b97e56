import Models
import Operators
import Platform
import Tensors

/// A KIVI cache through prefill and decoding: codes, grids, what is quantized when, and attention over it.
///
/// Tensors are `[sequences, heads, tokens, channels]`. Each sequence has a cache of its own; its heads share one, each with grids
/// and codes of its own.
package enum KIVIConformance: ConformanceFamily {
  package static func claims(_ item: ConformanceCase) -> Bool { item.method == "KV-KIVI" }

  package static func run(_ run: inout ConformanceRun) throws {
    let shape = try run.fixture.dimensions("in.K", rank: 4)
    let setting = try Setting(run.item, shape: shape)
    guard shape == (try run.fixture.dimensions("in.V", rank: 4)) else {
      throw ConformanceError.malformed(
        file: run.item.file, item: "in.V", expected: "the shape of in.K, \(shape)",
        found: "\(try run.fixture.dimensions("in.V", rank: 4))")
    }
    let queries = try run.fixture.dimensions("in.q_last", rank: 4)
    guard queries[0] == setting.sequences, queries[1] % setting.heads == 0, queries[2] == 1,
      queries[3] == setting.width
    else {
      throw ConformanceError.malformed(
        file: run.item.file, item: "in.q_last",
        expected: "[\(setting.sequences), a multiple of \(setting.heads), 1, \(setting.width)]",
        found: "\(queries)")
    }
    let keys = try run.fixture.floats("in.K")
    let values = try run.fixture.floats("in.V")
    try grids(&run, setting, keys, values)
    try decode(&run, setting, keys, values)
  }

  private struct Setting {
    var bits: Int
    var group: Int
    var window: Int
    var prefill: Int
    var sequences: Int
    var heads: Int
    var tokens: Int
    var width: Int

    init(_ item: ConformanceCase, shape: [Int]) throws {
      func number(_ key: String) throws -> Int {
        guard let value = item.params[key]?.integer, value > 0 else {
          throw ConformanceError.malformed(
            file: item.file, item: "params.\(key)", expected: "a positive whole number",
            found: item.params[key] == nil ? "nothing" : "something else")
        }
        return value
      }
      bits = try number("bits")
      group = try number("group")
      window = try number("residual_length")
      prefill = try number("prefill")
      (sequences, heads, tokens, width) = (shape[0], shape[1], shape[2], shape[3])
    }

    /// Heads of all sequences: the outer part of every tensor.
    var rows: Int { sequences * heads }

    /// The tokens of one sequence as caches take them, `[tokens, heads, channels]`.
    func byToken(_ values: [Float], sequence: Int) -> [Float] {
      var out = [Float](repeating: 0, count: tokens * heads * width)
      for head in 0..<heads {
        for token in 0..<tokens {
          let from = ((sequence * heads + head) * tokens + token) * width
          let to = (token * heads + head) * width
          out.replaceSubrange(to..<to + width, with: values[from..<from + width])
        }
      }
      return out
    }

    /// A cache for one sequence.
    func cache(window: Int, capacity: Int) throws -> BlockKVCache {
      var format = format
      format.window = KVWindow(tokens: window, type: .f32)
      return try BlockKVCache(
        KVCacheLayout(layers: 1, kvHeads: heads, headDimension: width, format: format),
        capacity: capacity)
    }

    var format: KVFormatPair {
      KVFormatPair(
        keys: .channelGroups(bits: bits, tokens: group),
        values: .tokenGroups(bits: bits, group: group))
    }
  }

  /// Codes and grids of the first tokens.
  private static func grids(
    _ run: inout ConformanceRun, _ setting: Setting, _ keys: [Float], _ values: [Float]
  ) throws {
    let keyGroups = try run.fixture.dimensions("out.k.scale", rank: 4)[2]
    let valueTokens = try run.fixture.dimensions("out.v.scale", rank: 4)[2]
    let width = setting.width
    let perToken = width / setting.group
    let count = max(keyGroups * setting.group, valueTokens)
    var found = Found()
    for row in 0..<setting.rows {
      let base = row * setting.tokens * width
      // Keys: a grid for each group of tokens and channel; values: for each token and group of channels.
      let keyGrids = (0..<keyGroups * width).map { index in
        KVGroupGrid(
          keys, from: base + index / width * setting.group * width + index % width, stride: width,
          count: setting.group, bits: setting.bits)
      }
      let valueGrids = (0..<valueTokens * perToken).map { index in
        KVGroupGrid(
          values, from: base + index * setting.group, stride: 1, count: setting.group,
          bits: setting.bits)
      }
      found.keyGrids += keyGrids
      found.valueGrids += valueGrids
    }
    try run.check("k.scale", found.keyGrids.map(\.scale))
    try run.check("k.mn", found.keyGrids.map(\.minimum))
    try run.check("v.scale", found.valueGrids.map(\.scale))
    try run.check("v.mn", found.valueGrids.map(\.minimum))
    try storeCodes(&found, setting, keys, values, count)
    try run.check("k.code", found.keyWords)
    try run.check("v.code", found.valueWords)
  }

  /// Grids, and codes in words, of all heads one after the other.
  private struct Found {
    var keyGrids: [KVGroupGrid] = []
    var valueGrids: [KVGroupGrid] = []
    var keyWords: [Int32] = []
    var valueWords: [Int32] = []
  }

  /// Codes as blocks hold them, told from what is read back.
  private static func storeCodes(
    _ found: inout Found, _ setting: Setting, _ keys: [Float], _ values: [Float], _ count: Int
  ) throws {
    let width = setting.width
    let context = try ExecutionContext(pool: WorkerPool(threads: 1))
    // The smallest window; what stays in it comes after the tokens that are asked for.
    let filled = count + setting.group
    guard filled <= setting.tokens else {
      throw ConformanceError.unsupported(
        "codes of \(count) tokens need \(filled), there are \(setting.tokens)")
    }
    var out = [Float](repeating: 0, count: count * width)
    for row in 0..<setting.rows {
      let (sequence, head) = row.quotientAndRemainder(dividingBy: setting.heads)
      let cache = try setting.cache(window: setting.group, capacity: filled)
      try cache.reserve(filled)
      cache.append(
        keys: setting.byToken(keys, sequence: sequence),
        values: setting.byToken(values, sequence: sequence), tokens: filled, layer: 0,
        context: context)
      cache.advance(filled)
      let keyGrids = part(row, of: found.keyGrids, rows: setting.rows)
      let valueGrids = part(row, of: found.valueGrids, rows: setting.rows)
      context.read(cache.view(layer: 0), keys: true, head: head, range: 0..<count, into: &out)
      let keyCodes = (0..<keyGrids.count * setting.group).map { index in
        keyGrids[index / width / setting.group * width + index % width].code(of: out[index])
      }
      context.read(cache.view(layer: 0), keys: false, head: head, range: 0..<count, into: &out)
      let valueCodes = (0..<valueGrids.count * setting.group).map { index in
        valueGrids[index / setting.group].code(of: out[index])
      }
      found.keyWords += packed(keyCodes, bits: setting.bits, alongTokens: true, width: width)
      found.valueWords += packed(valueCodes, bits: setting.bits, alongTokens: false, width: width)
    }
  }

  /// What belongs to one of the heads.
  private static func part(
    _ row: Int, of grids: [KVGroupGrid], rows: Int
  ) -> [KVGroupGrid] {
    let count = grids.count / rows
    return Array(grids[row * count..<(row + 1) * count])
  }

  /// Codes in 32-bit words, the first in the lowest bits, along tokens or along channels.
  private static func packed(_ codes: [Int], bits: Int, alongTokens: Bool, width: Int) -> [Int32] {
    let perWord = 32 / bits
    let outer = alongTokens ? codes.count / width / perWord : codes.count / perWord
    return (0..<(alongTokens ? outer * width : outer)).map { index in
      var word: UInt32 = 0
      for slot in 0..<perWord {
        let at =
          alongTokens
          ? (index / width * perWord + slot) * width + index % width : index * perWord + slot
        word |= UInt32(codes[at]) << UInt32(slot * bits)
      }
      return Int32(bitPattern: word)
    }
  }

  /// Prefill, then one token at a time; attention of the last one.
  private static func decode(
    _ run: inout ConformanceRun, _ setting: Setting, _ keys: [Float], _ values: [Float]
  ) throws {
    let context = try ExecutionContext(pool: WorkerPool(threads: 1))
    var seen = LastStep()
    for sequence in 0..<setting.sequences {
      let cache = try setting.cache(window: setting.window, capacity: setting.tokens)
      try decode(
        cache, setting, keys: setting.byToken(keys, sequence: sequence),
        values: setting.byToken(values, sequence: sequence), context, &seen
      ) { seen in try last(&run, cache.view(layer: 0), setting, sequence, context, &seen) }
    }
    try run.check("K_eff_last", seen.keys)
    try run.check("V_eff_last", seen.values)
    try run.check("attn_out_last", seen.attended)
    // All sequences are as long, so their windows move alike: those of the last are the case's.
    try run.check("trace_kq_kfull_vq_vfull", seen.trace)
    try run.check("state_after", seen.state)
  }

  /// What the last step sees and makes, all heads one after the other, and how the windows moved until then.
  private struct LastStep {
    var keys: [Float] = []
    var values: [Float] = []
    var attended: [Float] = []
    var trace: [Int] = []
    var state: [Int] = []
  }

  /// Fills one cache: prefill, then one token at a time, with `atEnd` before the last one is counted.
  private static func decode(
    _ cache: BlockKVCache, _ setting: Setting, keys: [Float], values: [Float],
    _ context: ExecutionContext, _ seen: inout LastStep, atEnd: (inout LastStep) throws -> Void
  ) throws {
    let width = setting.heads * setting.width
    func state(tokens: Int) -> [Int] {
      guard let recent = cache.view(layer: 0).recent else { return [] }
      return [
        recent.firstKey, tokens - recent.firstKey, recent.firstValue, tokens - recent.firstValue,
      ]
    }
    seen.trace = []
    var position = 0
    while position < setting.tokens {
      let count = position == 0 ? setting.prefill : 1
      try cache.reserve(count)
      keys.withUnsafeBufferPointer { keys in
        values.withUnsafeBufferPointer { values in
          guard let keys = keys.baseAddress, let values = values.baseAddress else { return }
          cache.append(
            keys: keys + position * width, values: values + position * width, tokens: count,
            layer: 0, context: context)
        }
      }
      if position > 0 { seen.trace += state(tokens: position + count) }
      if position + count == setting.tokens { try atEnd(&seen) }
      cache.advance(count)
      position += count
    }
    seen.state = state(tokens: setting.tokens)
  }

  /// What the last step reads of one sequence's cache, and its attention.
  private static func last(
    _ run: inout ConformanceRun, _ view: KVView, _ setting: Setting, _ sequence: Int,
    _ context: ExecutionContext, _ seen: inout LastStep
  ) throws {
    var out = [Float](repeating: 0, count: setting.tokens * setting.width)
    for head in 0..<setting.heads {
      context.read(view, keys: true, head: head, range: 0..<setting.tokens, into: &out)
      seen.keys += out
      context.read(view, keys: false, head: head, range: 0..<setting.tokens, into: &out)
      seen.values += out
    }
    let queries = try run.fixture.floats("in.q_last")
    let own = queries.count / setting.sequences
    var attended = [Float](repeating: 0, count: own)
    try context.attention(
      queries: Array(queries[sequence * own..<(sequence + 1) * own]), tokens: 1,
      position: setting.tokens - 1, heads: own / setting.width, view: view, into: &attended)
    seen.attended += attended
  }
}
