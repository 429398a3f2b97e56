import Models
import Operators
import Platform
import Tensors
import Testing

/// What a cache's format does not hold is noticed as it is stored.
@Suite struct KVOverflowTests {
  private func cache(_ format: KVFormatPair, key: Float, value: Float) throws -> BlockKVCache {
    let layout = KVCacheLayout(layers: 1, kvHeads: 1, headDimension: 32, format: format)
    let cache = try BlockKVCache(layout, capacity: 64)
    var keys = [Float](repeating: 1, count: 2 * 32)
    var values = keys
    keys[40] = key
    values[7] = -value
    try cache.reserve(2)
    cache.append(keys: keys, values: values, tokens: 2, layer: 0, context: try makeContext())
    return cache
  }

  @Test func halfHoldsNoMoreThanItsLargestNumber() throws {
    #expect(try cache(.fp16, key: 65504, value: 60000).overflow == nil)
    let keys = try #require(try cache(.fp16, key: 70000, value: 1).overflow)
    #expect(keys.side == "keys" && keys.value == 70000 && keys.limit == 65504)
    let values = try #require(try cache(.fp16, key: 1, value: 1e6).overflow)
    #expect(values.side == "values" && values.value == 1e6 && values.layer == 0)
  }

  @Test func widerFormatsHoldMore() throws {
    #expect(try cache(.fp32, key: 1e30, value: 1e30).overflow == nil)
    let int8 = KVFormatPair(
      keys: .integer(bits: 8, group: 32), values: .integer(bits: 8, group: 32))
    #expect(try cache(int8, key: 1e6, value: 1e6).overflow == nil)
    #expect(try cache(int8, key: 1e8, value: 1).overflow != nil)
    let fp8 = KVFormatPair(
      keys: .fp8(type: .f8e4m3, scale: .token), values: .fp8(type: .f8e4m3, scale: .token))
    #expect(try cache(fp8, key: 1e8, value: 1e8).overflow == nil)
  }

  /// A pass that is given up is written over by the next.
  @Test func theNextPassBeginsAnew() throws {
    let cache = try cache(.fp16, key: 1e6, value: 1)
    #expect(cache.overflow != nil)
    try cache.reserve(2)
    #expect(cache.overflow == nil)
  }
}
