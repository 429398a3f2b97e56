import Evaluation
import Tensors
import Testing

/// What stands before the scored tokens can be read in full precision.
@Suite struct CacheScheduleTests {
  private static let kivi = KVFormatPair(
    keys: .channelGroups(bits: 2, tokens: 32), values: .tokenGroups(bits: 2, group: 32),
    window: KVWindow(tokens: 64))

  @Test func theScheduleIsSaidInWords() {
    #expect(
      CacheSchedule.passes.words(for: .fp16) == nil && CacheSchedule.full.words(for: .fp32) == nil)
    #expect(CacheSchedule.passes.words(for: Self.kivi)?.hasPrefix("in passes of 32 tokens") == true)
    let int8 = KVFormatPair(
      keys: .integer(bits: 8, group: 32), values: .integer(bits: 8, group: 32))
    #expect(CacheSchedule.passes.words(for: int8) == "prefill reads the quantized cache too")
    #expect(CacheSchedule.full.words(for: int8)?.contains("prefill in full precision") == true)
  }

  /// Decoded one by one, the tokens right after the window's end read quantized keys; in passes they do not yet.
  @Test func theReachIsThatOfTheSchedule() throws {
    let text = try TextWindows(
      [Int32](repeating: 1, count: 320), protocol: .llamaCpp, window: 80, context: 4096, bos: nil,
      most: 2, text: "ones")
    let passes = try #require(CacheReach(text, cache: Self.kivi))
    let full = try #require(CacheReach(text, cache: Self.kivi, schedule: .full))
    #expect(full.share == passes.share && full.share > 0)
    let odd = try TextWindows(
      [Int32](repeating: 1, count: 320), protocol: .llamaCpp, window: 90, context: 4096, bos: nil,
      most: 2, text: "ones")
    let shorter = KVFormatPair(
      keys: Self.kivi.keys, values: Self.kivi.values, window: KVWindow(tokens: 70))
    let later = try #require(CacheReach(odd, cache: shorter))
    let sooner = try #require(CacheReach(odd, cache: shorter, schedule: .full))
    #expect(sooner.share > later.share)
  }
}
