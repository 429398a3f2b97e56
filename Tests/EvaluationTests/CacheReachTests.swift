import Evaluation
import Tensors
import Testing

/// Windows that a cache with tokens in full precision never leaves say nothing about it.
@Suite struct CacheReachTests {
  private func reach(_ length: Int, window: Int?) throws -> CacheReach? {
    let text = try TextWindows(
      [Int32](repeating: 1, count: 4 * length), protocol: .paper, window: length, context: 4096,
      bos: nil, most: 2, text: "ones")
    return CacheReach(
      text,
      cache: KVFormatPair(
        keys: .channelGroups(bits: 2, tokens: 32), values: .tokenGroups(bits: 2, group: 32),
        window: window.map { KVWindow(tokens: $0) }))
  }

  @Test func otherCachesAreReadFromTheFirstToken() throws {
    #expect(try reach(64, window: nil) == nil)
  }

  @Test(arguments: [32, 64, 128]) func shortWindowsReachNothing(length: Int) throws {
    let found = try #require(try reach(length, window: 128))
    #expect(found.share == 0)
    #expect(found.caveat?.contains("never reach") == true)
  }

  /// Just beyond the window few positions read what is quantized, and the figures say so.
  @Test func aLittleBeyondIsTold() throws {
    let found = try #require(try reach(160, window: 128))
    #expect(found.share > 0 && found.share < 0.5)
    #expect(found.caveat?.contains("only 19 %") == true, "\(found.caveat ?? "")")
    #expect(try reach(1024, window: 128)?.caveat == nil)
  }
}
