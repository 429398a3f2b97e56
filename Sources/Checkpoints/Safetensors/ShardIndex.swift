import Platform

/// `model.safetensors.index.json`: which shard holds which tensor.
///
/// Shard names come from the file and are not trusted: each must be a plain name ending in
/// `.safetensors`.
package struct ShardIndex: Sendable {
  /// The name Hugging Face gives the file.
  package static let fileName = "model.safetensors.index.json"
  /// The longest index that is read, in bytes.
  package static let byteLimit = 64 << 20

  package let path: String
  /// Shards in the order in which they are first named.
  package let shards: [String]
  /// Tensor and shard, in the file's order.
  package let placements: [(tensor: String, shard: String)]
  /// Bytes of all tensors as the index has it; nil when it does not say.
  package let totalSize: Int?

  package init(path: String) throws(CheckpointError) {
    let json = try CheckpointError.json(
      at: path, limit: Self.byteLimit, limits: StrictJSON.Limits(depth: 8))
    guard let root = json.object, let map = root["weight_map"]?.object else {
      throw .malformed(
        file: path, item: "weight_map", expected: "an object of tensor and shard names",
        found: json.object?["weight_map"]?.kind ?? json.kind)
    }
    var seen: Set<String> = []
    var shards: [String] = []
    var placements: [(tensor: String, shard: String)] = []
    for member in map.members {
      guard let shard = member.value.string, Self.isPlainName(shard) else {
        throw .malformed(
          file: path, item: "weight_map, \(member.name)",
          expected: "the plain name of a .safetensors file", found: member.value.kind)
      }
      if seen.insert(shard).inserted { shards.append(shard) }
      placements.append((member.name, shard))
    }
    guard !shards.isEmpty else {
      throw .malformed(file: path, item: "weight_map", expected: "tensors", found: "none")
    }
    self.path = path
    self.shards = shards
    self.placements = placements
    totalSize = try Self.totalSize(root, path: path)
  }

  /// Some writers have put down a float; a size is only compared, so it may be one.
  private static func totalSize(_ root: JSONObject, path: String) throws(CheckpointError) -> Int? {
    guard let value = root["metadata"]?.object?["total_size"] else { return nil }
    guard let size = value.integer ?? value.double.flatMap({ Int(exactly: $0) }), size >= 0 else {
      throw .malformed(
        file: path, item: "metadata, total_size", expected: "a number of bytes", found: value.kind)
    }
    return size
  }

  private static func isPlainName(_ name: String) -> Bool {
    name.hasSuffix(".safetensors") && name.utf8.count <= 255 && !name.hasPrefix(".")
      && !name.utf8.contains { $0 == UInt8(ascii: "/") || $0 < 0x20 || $0 == 0x7f }
  }
}
