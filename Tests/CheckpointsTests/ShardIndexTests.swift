import Checkpoints
import TestSupport
import Testing

@Suite struct ShardIndexTests {
  @Test func keepsOrder() throws {
    let folder = try TemporaryFolder()
    let path = try folder.file(
      "i.json",
      #"{"weight_map":{"z":"b.safetensors","a":"a.safetensors","m":"b.safetensors"},"metadata":{"total_size":12}}"#
    )
    let index = try ShardIndex(path: path)
    #expect(index.shards == ["b.safetensors", "a.safetensors"])
    #expect(index.placements.map(\.tensor) == ["z", "a", "m"])
    #expect(index.totalSize == 12)
  }
}
