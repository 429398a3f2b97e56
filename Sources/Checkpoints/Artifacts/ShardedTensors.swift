import Platform
import Tensors

/// The safetensors files of an artifact: one, or several with an index where one would be larger than runtimes like.
///
/// Names are Hugging Face's: `model.safetensors`, or `model-00001-of-00003.safetensors` with `model.safetensors.index.json`.
/// Tensors go to the files in the order they are announced, each whole.
final class ShardedTensors {
  /// Bytes of a file at the most, unless one tensor takes more.
  static let limit = 5_000_000_000

  private let writers: [SafetensorsWriter]
  private let places: [UTF8Key: Int]

  /// Opens the files and writes their headers, and the index.
  ///
  /// - Throws: what `SafetensorsWriter` throws.
  init(
    in directory: WholeDirectory, entries: [SafetensorsWriter.Entry], limit: Int = limit
  ) throws {
    var shards: [[SafetensorsWriter.Entry]] = [[]]
    var bytes = 0
    var total = 0
    for entry in entries {
      let size = entry.shape.byteCount(of: entry.dtype) ?? 0
      if bytes > 0, bytes + size > limit {
        shards.append([])
        bytes = 0
      }
      shards[shards.count - 1].append(entry)
      bytes += size
      total += size
    }
    func name(_ shard: Int) -> String {
      guard shards.count > 1 else { return Checkpoint.singleFileName }
      return "model-\(Self.number(shard + 1))-of-\(Self.number(shards.count)).safetensors"
    }
    var places: [UTF8Key: Int] = [:]
    var writers: [SafetensorsWriter] = []
    var map = JSONObject()
    for (shard, entries) in shards.enumerated() {
      writers.append(
        try SafetensorsWriter(
          path: directory.path(of: name(shard)), entries: entries, metadata: ["format": "pt"]))
      for entry in entries {
        places[UTF8Key(entry.name)] = shard
        map.append(entry.name, .string(name(shard)))
      }
    }
    self.writers = writers
    self.places = places
    guard shards.count > 1 else { return }
    var metadata = JSONObject()
    metadata.append("total_size", .number(JSONNumber(total)))
    var index = JSONObject()
    index.append("metadata", .object(metadata))
    index.append("weight_map", .object(map))
    try WholeFile.write(
      JSONValue.object(index).text(indent: 2) + "\n",
      to: directory.path(of: ShardIndex.fileName))
  }

  private static func number(_ value: Int) -> String {
    let digits = "\(value)"
    return String(repeating: "0", count: max(0, 5 - digits.count)) + digits
  }

  private func writer(of name: String) -> SafetensorsWriter {
    writers[places[UTF8Key(name)] ?? 0]
  }

  /// Writes the next bytes of the tensor `name`.
  func write(_ name: String, _ bytes: UnsafeRawBufferPointer) throws(CheckpointError) {
    try writer(of: name).write(name, bytes)
  }

  /// Writes the next numbers of the tensor `name`, as they lie in memory.
  func write<Element: BitwiseCopyable>(_ name: String, _ elements: [Element])
    throws(CheckpointError)
  {
    try writer(of: name).write(name, elements)
  }

  /// Puts the files in their places.
  ///
  /// - Throws: `CheckpointError.incomplete` when a tensor lacks bytes.
  func commit() throws(CheckpointError) {
    for writer in writers { try writer.commit() }
  }
}

extension Artifact {
  /// Writes `config.json` with what it says of how layers are stored, and the files next to the weights.
  func writeFiles(into directory: WholeDirectory, quantization: JSONObject?) throws {
    var config = config
    if let quantization { config.set("quantization_config", .object(quantization)) }
    config.set("nibble", .object(notes))
    try WholeFile.write(
      JSONValue.object(config).text(indent: 2) + "\n", to: directory.path(of: "config.json"))
    for file in files {
      try WholeFile.write(file.text, to: directory.path(of: file.name))
    }
    for path in companions {
      let file = try MappedFile(path: path)
      let name = path.split(separator: "/").last.map(String.init) ?? "file"
      try WholeFile.write(
        file.read(at: 0, count: file.byteCount), to: directory.path(of: name))
    }
  }
}
