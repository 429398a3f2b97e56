import Models
import Operators
import Platform
import Tensors

/// A KIVI cache of one head through prefill and decoding: codes, grids, what is quantized when, and attention over it.
package enum KIVIConformance: ConformanceFamily {
  package static func claims(_ item: ConformanceCase) -> Bool { item.method == "KV-KIVI" }

  package static func run(_ run: inout ConformanceRun) throws {
    let shape = try run.fixture.dimensions("in.K", rank: 4)
    guard shape[0] == 1, shape[1] == 1 else {
      throw ConformanceError.unsupported("\(shape[0]) sequences of \(shape[1]) heads")
    }
    let setting = try Setting(run.item, tokens: shape[2], width: shape[3])
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
    var tokens: Int
    var width: Int

    init(_ item: ConformanceCase, tokens: Int, width: Int) throws {
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
      self.tokens = tokens
      self.width = width
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
    // Keys: a grid for each group of tokens and channel; values: for each token and group of channels.
    let keyGrids = (0..<keyGroups * width).map { index in
      KVGroupGrid(
        keys, from: index / width * setting.group * width + index % width, stride: width,
        count: setting.group, bits: setting.bits)
    }
    let perToken = width / setting.group
    let valueGrids = (0..<valueTokens * perToken).map { index in
      KVGroupGrid(
        values, from: index * setting.group, stride: 1, count: setting.group, bits: setting.bits)
    }
    try run.check("k.scale", keyGrids.map(\.scale))
    try run.check("k.mn", keyGrids.map(\.minimum))
    try run.check("v.scale", valueGrids.map(\.scale))
    try run.check("v.mn", valueGrids.map(\.minimum))

    let count = max(keyGroups * setting.group, valueTokens)
    let stored = try storedCodes(setting, keys, values, count, keyGrids, valueGrids)
    try run.check(
      "k.code",
      packed(stored.keys, bits: setting.bits, alongTokens: true, width: width))
    try run.check(
      "v.code",
      packed(stored.values, bits: setting.bits, alongTokens: false, width: width))
  }

  /// Codes as blocks hold them, told from what is read back: `[tokens, channels]`.
  private static func storedCodes(
    _ setting: Setting, _ keys: [Float], _ values: [Float], _ count: Int,
    _ keyGrids: [KVGroupGrid], _ valueGrids: [KVGroupGrid]
  ) throws -> (keys: [Int], values: [Int]) {
    let width = setting.width
    let context = try ExecutionContext(pool: WorkerPool(threads: 1))
    // The smallest window; what stays in it lies behind the tokens that are asked for.
    var format = setting.format
    format.window = KVWindow(tokens: setting.group, type: .f32)
    let filled = count + setting.group
    guard filled <= setting.tokens else {
      throw ConformanceError.unsupported(
        "codes of \(count) tokens need \(filled), there are \(setting.tokens)")
    }
    let cache = try BlockKVCache(
      KVCacheLayout(layers: 1, kvHeads: 1, headDimension: width, format: format), capacity: filled)
    try cache.reserve(filled)
    cache.append(keys: keys, values: values, tokens: filled, layer: 0, context: context)
    cache.advance(filled)
    var out = [Float](repeating: 0, count: count * width)
    context.read(cache.view(layer: 0), keys: true, head: 0, range: 0..<count, into: &out)
    let keyCodes = (0..<keyGrids.count * setting.group).map { index in
      let grid = keyGrids[index / width / setting.group * width + index % width]
      return grid.code(of: out[index])
    }
    context.read(cache.view(layer: 0), keys: false, head: 0, range: 0..<count, into: &out)
    let valueCodes = (0..<valueGrids.count * setting.group).map { index in
      valueGrids[index / setting.group].code(of: out[index])
    }
    return (keyCodes, valueCodes)
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
    let width = setting.width
    let context = try ExecutionContext(pool: WorkerPool(threads: 1))
    var format = setting.format
    format.window = KVWindow(tokens: setting.window, type: .f32)
    let cache = try BlockKVCache(
      KVCacheLayout(layers: 1, kvHeads: 1, headDimension: width, format: format),
      capacity: setting.tokens)
    var trace: [Int] = []
    func state(tokens: Int) -> [Int] {
      guard let recent = cache.view(layer: 0).recent else { return [] }
      return [
        recent.firstKey, tokens - recent.firstKey, recent.firstValue, tokens - recent.firstValue,
      ]
    }
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
      if position > 0 { trace += state(tokens: position + count) }
      if position + count == setting.tokens {
        try last(&run, cache.view(layer: 0), setting, context)
      }
      cache.advance(count)
      position += count
    }
    try run.check("trace_kq_kfull_vq_vfull", trace)
    try run.check("state_after", state(tokens: setting.tokens))
  }

  private static func last(
    _ run: inout ConformanceRun, _ view: KVView, _ setting: Setting, _ context: ExecutionContext
  ) throws {
    var out = [Float](repeating: 0, count: setting.tokens * setting.width)
    for (name, isKeys) in [("K_eff_last", true), ("V_eff_last", false)] {
      context.read(view, keys: isKeys, head: 0, range: 0..<setting.tokens, into: &out)
      try run.check(name, out)
    }
    let queries = try run.fixture.floats("in.q_last")
    var attended = [Float](repeating: 0, count: setting.width)
    context.attention(
      queries: queries, tokens: 1, position: setting.tokens - 1,
      heads: queries.count / setting.width, view: view, into: &attended)
    try run.check("attn_out_last", attended)
  }
}
