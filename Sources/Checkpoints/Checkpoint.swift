import FoundationEssentials
package import Platform
package import Tensors

/// The tensors of a model in safetensors, from one file or several shards; mapped, never copied whole.
package struct Checkpoint: Sendable {
  /// The name Hugging Face gives a checkpoint of one file.
  package static let singleFileName = "model.safetensors"

  /// The directory or file that was opened.
  package let path: String
  package let files: [MappedFile]
  /// File by file, in the order of their data.
  package let tensors: [StoredTensor]
  /// The header's own metadata, such as `format: pt`; of the first file, where there are several.
  package let metadata: [String: String]
  /// What is odd but does no harm.
  package let findings: [CheckpointFinding]

  private let positions: [UTF8Key: Int]

  /// Opens a directory in the layout of Hugging Face, a `.safetensors` file or an index.
  ///
  /// - Throws: `CheckpointError` with file, item, expected and found.
  package init(path: String) throws(CheckpointError) {
    switch try CheckpointKind(of: path) {
    case .directory:
      let directory = try ModelDirectory(path: path)
      if directory.has(Self.singleFileName) {
        try self.init(path: path, files: [directory.path(of: Self.singleFileName)])
      } else if directory.has(ShardIndex.fileName) {
        try self.init(path: path, index: directory.path(of: ShardIndex.fileName), in: directory)
      } else if let older = directory.olderFile {
        try self.init(path: path, files: [directory.path(of: older)])
      } else {
        throw .missing(
          file: path, item: "\(Self.singleFileName) or \(ShardIndex.fileName)",
          nearest: directory.has("pytorch_model.bin")
            ? "pytorch_model.bin, a pickle, which can run code; convert it to safetensors" : nil)
      }
    case .safetensors:
      try self.init(path: path, files: [path])
    case .index:
      let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? "."
      try self.init(path: path, index: path, in: ModelDirectory(path: folder))
    case .gguf:
      throw .unsupported(
        file: path, item: "file", found: "GGUF", known: "expected safetensors here")
    }
  }

  private init(path: String, files: [String]) throws(CheckpointError) {
    var opened: [SafetensorsFile] = []
    for file in files { opened.append(try SafetensorsFile(path: file)) }
    try self.init(path: path, opened: opened, findings: [])
  }

  private init(path: String, index: String, in directory: ModelDirectory) throws(CheckpointError) {
    let index = try ShardIndex(path: index)
    var opened: [SafetensorsFile] = []
    var shardOf: [UTF8Key: Int] = [:]
    for (number, shard) in index.shards.enumerated() {
      let file = try SafetensorsFile(file: directory.openNamed(shard))
      for tensor in file.tensors {
        if let first = shardOf.updateValue(number, forKey: UTF8Key(tensor.name)) {
          throw .duplicateTensor(name: tensor.name, first: index.shards[first], second: shard)
        }
      }
      opened.append(file)
    }
    for (tensor, shard) in index.placements {
      guard let holder = shardOf.removeValue(forKey: UTF8Key(tensor)) else {
        throw .missing(file: directory.path(of: shard), item: "tensor \(tensor)", nearest: nil)
      }
      guard index.shards[holder] == shard else {
        throw .malformed(
          file: index.path, item: "weight_map, \(tensor)", expected: index.shards[holder],
          found: shard)
      }
    }
    var findings = shardOf.map { CheckpointFinding.unlistedTensor($0.key.text) }
    findings.sort { "\($0)" < "\($1)" }
    let total = opened.reduce(0) { sum, file in
      file.tensors.reduce(sum) { $0 + $1.range.count }
    }
    if let claimed = index.totalSize, claimed != total {
      findings.append(.totalSize(expected: claimed, found: total))
    }
    try self.init(path: path, opened: opened, findings: findings)
  }

  private init(path: String, opened: [SafetensorsFile], findings: [CheckpointFinding])
    throws(CheckpointError)
  {
    self.path = path
    files = opened.map(\.file)
    tensors = opened.flatMap(\.tensors)
    metadata = opened.first?.metadata ?? [:]
    self.findings = findings
    var positions: [UTF8Key: Int] = [:]
    for (position, tensor) in tensors.enumerated() {
      positions[UTF8Key(tensor.name)] = position
    }
    self.positions = positions
  }

  /// Bytes of all tensors.
  package var byteCount: Int { tensors.reduce(0) { $0 + $1.range.count } }

  /// The tensor called `name`.
  package subscript(name: String) -> StoredTensor? {
    positions[UTF8Key(name)].map { tensors[$0] }
  }

  /// A view of the tensor called `name`.
  ///
  /// - Parameter shape: the shape it must have, where that is known.
  /// - Throws: `CheckpointError.missing` with the nearest name, `.tensor` for another shape.
  package func view(_ name: String, shape: Shape? = nil) throws(CheckpointError) -> TensorView {
    guard let tensor = self[name] else {
      throw .missing(file: path, item: "tensor \(name)", nearest: nearest(to: name))
    }
    if let shape, shape != tensor.shape {
      throw .tensor(
        file: tensor.file.path, name: name, .shapeMismatch(expected: shape, found: tensor.shape))
    }
    return try tensor.view()
  }

  /// Throws when a file was written to after it was opened; for the end of long work.
  package func checkUnchanged() throws(CheckpointError) {
    for file in files {
      try CheckpointError.wrapping { () throws(PlatformError) in try file.checkUnchanged() }
    }
  }

  /// The name that shares the longest end, or else beginning, with `name`.
  private func nearest(to name: String) -> String? {
    func shared(_ left: some Sequence<UInt8>, _ right: some Sequence<UInt8>) -> Int {
      zip(left, right).prefix { $0 == $1 }.count
    }
    return tensors.map(\.name).max { left, right in
      let a = max(
        shared(left.utf8.reversed(), name.utf8.reversed()), shared(left.utf8, name.utf8))
      let b = max(
        shared(right.utf8.reversed(), name.utf8.reversed()), shared(right.utf8, name.utf8))
      return a < b
    }
  }
}

extension ModelDirectory {
  /// The only file that AutoGPTQ names after itself, `gptq_model-4bit-128g.safetensors`; nil for none or several.
  fileprivate var olderFile: String? {
    // A folder that cannot be listed has none.
    let names = ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).filter {
      $0.hasPrefix("gptq_model") && $0.hasSuffix(".safetensors")
    }
    return names.count == 1 ? names[0] : nil
  }
}

/// Something odd about a checkpoint that can be read all the same.
package enum CheckpointFinding: Equatable, Sendable, CustomStringConvertible {
  /// A shard holds a tensor that the index does not name.
  case unlistedTensor(String)
  /// The index gives another sum of sizes.
  case totalSize(expected: Int, found: Int)

  package var description: String {
    switch self {
    case .unlistedTensor(let name):
      "tensor \(name) is in a shard but not in the index"
    case .totalSize(let expected, let found):
      "the index says \(expected) bytes of tensors in all, found \(found)"
    }
  }
}
