import Checkpoints
import Glibc
import Platform
import Tensors
import TestSupport
import Testing

@Suite struct CheckpointTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// A shard with one byte tensors of these names.
  private func shard(_ name: String, _ tensors: [String]) throws {
    let writer = try SafetensorsWriter(
      path: folder.path(name),
      entries: tensors.map { .init(name: $0, dtype: .u8, shape: [1]) })
    for tensor in tensors { try writer.write(tensor, [UInt8(tensor.utf8.count)]) }
    try writer.commit()
  }

  private func index(_ map: String, total: String? = nil) throws {
    let metadata = total.map { "\"metadata\":{\"total_size\":\($0)}," } ?? ""
    try folder.file(ShardIndex.fileName, "{\(metadata)\"weight_map\":\(map)}")
  }

  private func refusal() -> String {
    let error = #expect(throws: CheckpointError.self) { try Checkpoint(path: folder.path) }
    return error?.description ?? "none"
  }

  @Test func opensASingleFile() throws {
    try shard("model.safetensors", ["a", "bb"])
    let checkpoint = try Checkpoint(path: folder.path)
    #expect(checkpoint.tensors.map(\.name) == ["a", "bb"])
    #expect(checkpoint.byteCount == 2)
    #expect(checkpoint["a"]?.shape == [1])
    #expect(checkpoint["c"] == nil)
    #expect(checkpoint.findings == [])
    try checkpoint.checkUnchanged()
  }

  @Test func opensShards() throws {
    try shard("m-1.safetensors", ["a", "bb"])
    try shard("m-2.safetensors", ["ccc"])
    try index(
      #"{"a":"m-1.safetensors","bb":"m-1.safetensors","ccc":"m-2.safetensors"}"#, total: "3")
    let checkpoint = try Checkpoint(path: folder.path)
    #expect(checkpoint.files.count == 2)
    #expect(try checkpoint.view("ccc").elements(as: UInt8.self) == [3])
    #expect(checkpoint.findings == [])
    #expect(try Checkpoint(path: folder.path(ShardIndex.fileName)).tensors.count == 3)
  }

  @Test func oddIndexesAreReported() throws {
    try shard("m-1.safetensors", ["a", "bb"])
    try index(#"{"a":"m-1.safetensors"}"#, total: "3.0")
    #expect(
      try Checkpoint(path: folder.path).findings == [
        .unlistedTensor("bb"), .totalSize(expected: 3, found: 2),
      ])
  }

  @Test func tensorsMustBeWhereTheIndexSays() throws {
    try shard("m-1.safetensors", ["a"])
    try shard("m-2.safetensors", ["b"])
    try index(#"{"a":"m-1.safetensors","c":"m-1.safetensors"}"#)
    #expect(refusal().contains("expected tensor c, found none"))
    try index(#"{"a":"m-2.safetensors","b":"m-1.safetensors"}"#)
    #expect(refusal().contains("expected m-1.safetensors, found m-2.safetensors"))
    try shard("m-2.safetensors", ["a", "b"])
    try index(#"{"a":"m-1.safetensors","b":"m-2.safetensors"}"#)
    #expect(
      refusal() == "tensor a: expected in one file, found in m-1.safetensors and m-2.safetensors")
  }

  @Test(arguments: [
    "../x.safetensors", "/etc/x.safetensors", "a/b.safetensors", "..", ".", "",
    ".hidden.safetensors", "x.bin", #"x\u0000.safetensors"#, #"x\n.safetensors"#,
  ])
  func shardNamesArePlain(name: String) throws {
    try shard("x.safetensors", ["a"])
    try index("{\"a\":\"\(name)\"}")
    #expect(refusal().contains("the plain name of a .safetensors file"))
  }

  @Test(arguments: [
    #"{"weight_map":[]}"#, #"{"weight_map":{}}"#, #"{}"#, #"[]"#,
    #"{"weight_map":{"a":1}}"#, #"{"weight_map":{"a":"x.safetensors","a":"x.safetensors"}}"#,
    #"{"metadata":{"total_size":-1},"weight_map":{"a":"x.safetensors"}}"#,
    #"{"metadata":{"total_size":"1"},"weight_map":{"a":"x.safetensors"}}"#,
    #"{"metadata":{"total_size":1e300},"weight_map":{"a":"x.safetensors"}}"#,
    #"{"weight_map":{"a":"absent.safetensors"}}"#,
  ])
  func indexesAreChecked(text: String) throws {
    try shard("x.safetensors", ["a"])
    try folder.file(ShardIndex.fileName, text)
    #expect(refusal().contains(folder.path))
  }

  @Test func linksOfAShardStayInside() throws {
    let outside = try TemporaryFolder()
    let model = folder.path("models--x")
    let snapshot = model + "/snapshots/1"
    for path in [model, model + "/blobs", model + "/snapshots", snapshot] {
      #expect(mkdir(path, 0o755) == 0)
    }
    try shard("models--x/blobs/data", ["a"])
    try folder.file(
      "models--x/snapshots/1/" + ShardIndex.fileName, #"{"weight_map":{"a":"m.safetensors"}}"#)
    func link(_ target: String) {
      unlink(snapshot + "/m.safetensors")
      #expect(symlink(target, snapshot + "/m.safetensors") == 0)
    }
    link("../../blobs/data")
    #expect(try Checkpoint(path: snapshot).tensors.map(\.name) == ["a"])
    // A second step, a place outside, a device, a folder.
    #expect(symlink("../blobs/data", model + "/snapshots/second") == 0)
    try outside.file("data", try folder.bytes("models--x/blobs/data"))
    for target in ["../second", outside.path("data"), "/dev/zero", "../../blobs", "absent"] {
      link(target)
      let error = #expect(throws: CheckpointError.self) { try Checkpoint(path: snapshot) }
      // A folder is named as what it was found to be, by its own path.
      let named = target == "../../blobs" ? "blobs" : "m.safetensors"
      #expect(error?.description.contains(named) == true, "\(target): \(error?.description ?? "")")
    }
    // Outside a cache, a folder keeps to itself.
    try folder.file(ShardIndex.fileName, #"{"weight_map":{"a":"m.safetensors"}}"#)
    #expect(symlink(outside.path("data"), folder.path("m.safetensors")) == 0)
    #expect(refusal().contains("stays inside the model's folder"))
  }

  @Test func aPipeIsNoShard() throws {
    #expect(mkfifo(folder.path("m.safetensors"), 0o600) == 0)
    try index(#"{"a":"m.safetensors"}"#)
    #expect(refusal().contains("a pipe"))
  }

  @Test func missingTensorsNameTheNearest() throws {
    try shard("model.safetensors", ["model.layers.0.mlp.up_proj.weight", "model.norm.weight"])
    let checkpoint = try Checkpoint(path: folder.path)
    #expect(
      throws: CheckpointError.missing(
        file: folder.path, item: "tensor layers.0.mlp.up_proj.weight",
        nearest: "model.layers.0.mlp.up_proj.weight")
    ) { try checkpoint.view("layers.0.mlp.up_proj.weight") }
    #expect(throws: CheckpointError.self) {
      try checkpoint.view("model.norm.weight", shape: [2])
    }
  }

  @Test func otherFilesAreNamed() throws {
    #expect(refusal().contains("expected model.safetensors or model.safetensors.index.json"))
    try folder.file("pytorch_model.bin", "PK")
    #expect(refusal().contains("a pickle"))
    for (bytes, words): ([UInt8], String) in [
      (Array("PK\u{3}\u{4}xxxxxxxxxxxxx".utf8), "a pickle"), ([0x80, 2, 0x7d], "a pickle"),
      ([], "an empty file"), (Array("hello".utf8), "another kind"),
      (Array("GGUF".utf8), "GGUF is not supported"),
    ] {
      let path = try folder.file("x", bytes)
      let error = #expect(throws: CheckpointError.self) { try Checkpoint(path: path) }
      #expect(error?.description.contains(words) == true)
    }
  }

  @Test func noticesChanges() throws {
    try shard("model.safetensors", ["a"])
    let checkpoint = try Checkpoint(path: folder.path)
    #expect(truncate(folder.path("model.safetensors"), 3) == 0)
    #expect(throws: CheckpointError.self) { try checkpoint.checkUnchanged() }
  }

  @Test(
    .enabled(
      if: SharedMaterial.has("data/models/stories279K"),
      "\(SharedMaterial.without("data/models/stories279K"))"))
  func opensARealModel() throws {
    let checkpoint = try Checkpoint(
      path: try #require(SharedMaterial.path("data/models/stories279K")))
    let embedding = try checkpoint.view("model.embed_tokens.weight", shape: [512, 64])
    #expect(try embedding.floats(rows: 3..<5).count == 128)
    let parameters = checkpoint.tensors.reduce(0) { $0 + $1.shape.elementCount }
    #expect(parameters == 279_232)
  }
}
