import Checkpoints
import Platform
import Tensors
import TestSupport
import Testing

/// The bytes of a GGUF file, put down field by field.
struct GGUFBytes {
  var bytes = Array("GGUF".utf8)

  init(version: UInt32 = 3, tensors: UInt64 = 0, entries: UInt64 = 0) {
    add(version)
    add(tensors)
    add(entries)
  }

  mutating func add(_ value: some FixedWidthInteger) {
    withUnsafeBytes(of: value.littleEndian) { bytes += $0 }
  }

  mutating func add(_ text: String) {
    add(UInt64(text.utf8.count))
    bytes += Array(text.utf8)
  }

  mutating func entry(_ key: String, _ type: UInt32, _ value: some FixedWidthInteger) {
    add(key)
    add(type)
    add(value)
  }

  mutating func tensor(
    _ name: String, _ dimensions: [UInt64], type: UInt32 = 0, offset: UInt64 = 0,
    rank: UInt32? = nil
  ) {
    add(name)
    add(rank ?? UInt32(dimensions.count))
    for dimension in dimensions { add(dimension) }
    add(type)
    add(offset)
  }

  mutating func data(_ count: Int, alignment: Int = 32) {
    bytes += [UInt8](repeating: 0, count: (alignment - bytes.count % alignment) % alignment)
    bytes += [UInt8](repeating: 0, count: count)
  }
}

@Suite struct GGUFFileTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func open(_ file: GGUFBytes) throws -> GGUFFile {
    try GGUFFile(path: try folder.file("a.gguf", file.bytes))
  }

  private func refusal(_ file: GGUFBytes) -> String {
    let error = #expect(throws: CheckpointError.self) { try open(file) }
    return error?.description ?? "none"
  }

  private func sound() -> GGUFBytes {
    var file = GGUFBytes(tensors: 2, entries: 3)
    file.entry("a.u32", 4, UInt32(7))
    file.add("a.text")
    file.add(UInt32(8))
    file.add("hello")
    file.add("a.list")
    file.add(UInt32(9))
    file.add(UInt32(8))
    file.add(UInt64(2))
    file.add("x")
    file.add("")
    file.tensor("one", [4, 2], offset: 0)
    file.tensor("two", [32], type: 2, offset: 32)
    file.data(32 + 18)
    return file
  }

  @Test func readsASoundFile() throws {
    let file = try open(sound())
    #expect(file.entries.map(\.key) == ["a.u32", "a.text", "a.list"])
    #expect(try file.integer("a.u32", in: 0...9) == 7)
    #expect(try file.text("a.text") == "hello")
    #expect(file["a.list"]?.array?.texts() == ["x", ""])
    #expect(file["absent"] == nil)
    let one = try #require(file.tensor("one"))
    #expect(one.shape == [2, 4])
    #expect(one.rows == 2 && one.columns == 4 && one.rowBytes == 16)
    #expect(try file.tensor("two")?.floats(rows: 0..<1).count == 32)
    #expect(file.byteCount == 50)
    #expect(throws: CheckpointError.self) { try file.integer("a.u32", in: 0...6) }
    #expect(throws: CheckpointError.self) { try file.integer("a.text", in: 0...6) }
    #expect(throws: CheckpointError.self) { try file.text("a.u32") }
    #expect(throws: CheckpointError.self) { try file.integer("absent", in: 0...6) }
    #expect(try file.optionalInteger("absent", in: 0...6) == nil)
    #expect(try file.optionalNumber("a.u32", in: 0...9) == 7)
    #expect(throws: CheckpointError.self) { try one.floats(rows: 1..<3) }
  }

  @Test func headsAreChecked() {
    var other = GGUFBytes()
    other.bytes[0] = 0x67
    #expect(refusal(other).contains("magic"))
    #expect(refusal(GGUFBytes(version: 1)).contains("version"))
    #expect(refusal(GGUFBytes(version: 4)).contains("version"))
    #expect(refusal(GGUFBytes(version: 0x0300_0000)).contains("big-endian"))
  }

  @Test(arguments: [UInt64(1), 1 << 32, 1 << 61, 1 << 63, .max])
  func countsFitTheFile(count: UInt64) {
    #expect(refusal(GGUFBytes(tensors: count)).contains("number of tensors"))
    #expect(refusal(GGUFBytes(entries: count)).contains("number of entries"))
  }

  @Test(arguments: [UInt64(100), 1 << 32, 1 << 63, .max, .max - 7])
  func lengthsFitTheFile(length: UInt64) {
    var key = GGUFBytes(entries: 1)
    key.add(length)
    key.bytes += [UInt8](repeating: 65, count: 32)
    #expect(refusal(key).contains("key 0, length"))
    var text = GGUFBytes(entries: 1)
    text.add("key")
    text.add(UInt32(8))
    text.add(length)
    text.bytes += [UInt8](repeating: 65, count: 32)
    #expect(refusal(text).contains("key, length"))
    for type in [UInt32(0), 4, 6, 8, 10, 12] {
      var array = GGUFBytes(entries: 1)
      array.add("key")
      array.add(UInt32(9))
      array.add(type)
      array.add(length)
      array.bytes += [UInt8](repeating: 0, count: 32)
      #expect(refusal(array).contains("key, count"))
    }
  }

  @Test func entriesAreChecked() {
    var empty = GGUFBytes(entries: 1)
    empty.entry("", 4, UInt32(1))
    #expect(refusal(empty).contains("an empty one"))
    var invalid = GGUFBytes(entries: 1)
    invalid.add(UInt64(2))
    invalid.bytes += [0xff, 0xfe]
    invalid.add(UInt32(4))
    invalid.add(UInt32(1))
    #expect(refusal(invalid).contains("a name in UTF-8"))
    var twice = GGUFBytes(entries: 2)
    twice.entry("k", 4, UInt32(1))
    twice.entry("k", 4, UInt32(2))
    #expect(refusal(twice).contains("each key once"))
    for type in [UInt32(13), 99, .max] {
      var unknown = GGUFBytes(entries: 1)
      unknown.entry("k", type, UInt64(1))
      #expect(refusal(unknown).contains("k, type"))
    }
    var flag = GGUFBytes(entries: 1)
    flag.entry("kk", 7, UInt8(2))
    flag.bytes += [0, 0, 0]
    #expect(refusal(flag).contains("0 or 1"))
    var nested = GGUFBytes(entries: 1)
    nested.add("k")
    nested.add(UInt32(9))
    nested.add(UInt32(9))
    nested.add(UInt64(1))
    nested.add(UInt32(9))
    nested.add(UInt64(1))
    #expect(refusal(nested).contains("an array of arrays"))
    var split = GGUFBytes(entries: 1)
    split.entry("split.count", 2, UInt16(3))
    #expect(refusal(split).contains("a model in 3 files"))
  }

  @Test func alignmentIsChecked() throws {
    for alignment in [UInt32(0), 3, 48, 1 << 21, 1 << 31, .max] {
      var file = GGUFBytes(tensors: 1, entries: 1)
      file.entry("general.alignment", 4, alignment)
      file.tensor("t", [1])
      file.data(64)
      #expect(refusal(file).contains("general.alignment"))
    }
    for (type, value) in [(UInt32(10), UInt64(32)), (5, 32), (0, 32)] {
      var file = GGUFBytes(entries: 1)
      file.entry("general.alignment", type, value)
      #expect(refusal(file).contains("general.alignment"))
    }
    var wide = GGUFBytes(tensors: 1, entries: 1)
    wide.entry("general.alignment", 4, UInt32(128))
    wide.tensor("t", [1])
    wide.data(4, alignment: 128)
    #expect(try open(wide).tensors[0].range.lowerBound % 128 == 0)
  }

  /// One broken tensor and what the words must name.
  private func one(
    _ dimensions: [UInt64], type: UInt32 = 0, offset: UInt64 = 0, rank: UInt32? = nil,
    name: String = "t", data: Int = 256
  ) -> String {
    var file = GGUFBytes(tensors: 1)
    file.tensor(name, dimensions, type: type, offset: offset, rank: rank)
    file.data(data)
    return refusal(file)
  }

  @Test func tensorsAreChecked() {
    #expect(one([], rank: 0).contains("number of dimensions"))
    #expect(one([1, 1, 1, 1, 1]).contains("number of dimensions"))
    #expect(one([1], rank: .max).contains("number of dimensions"))
    #expect(one([0]).contains("dimensions"))
    #expect(one([4, 0]).contains("dimensions"))
    #expect(one([1 << 63]).contains("dimensions"))
    #expect(one([.max]).contains("dimensions"))
    #expect(one([1 << 42 + 1, 1 << 42]).contains("can be stored"))
    #expect(one([1 << 32, 1 << 32, 1 << 32, 1 << 32]).contains("can be stored"))
    #expect(one([1 << 62]).contains("can be stored"))
    #expect(one([65]).contains("offset"))
    #expect(one([1], type: 4).contains("number 4 is not supported"))
    #expect(one([1], type: 36).contains("number 36 is not supported"))
    #expect(one([1], type: .max).contains("is not supported"))
    #expect(one([33], type: 2).contains("a multiple of 32"))
    #expect(one([32], type: 12).contains("a multiple of 256"))
    #expect(one([1], offset: 1).contains("offset"))
    #expect(one([1], offset: 256).contains("offset"))
    #expect(one([1], offset: 1 << 63).contains("offset"))
    #expect(one([1], offset: .max - 31).contains("offset"))
    #expect(one([1], name: "").contains("name"))
    #expect(one([1], data: 0).contains("offset"))
  }

  @Test func tensorsStandApart() {
    var twice = GGUFBytes(tensors: 2)
    twice.tensor("t", [1])
    twice.tensor("t", [1], offset: 32)
    twice.data(64)
    #expect(refusal(twice).contains("each name once"))
    var overlapping = GGUFBytes(tensors: 2)
    overlapping.tensor("a", [16])
    overlapping.tensor("b", [16], offset: 32)
    overlapping.data(128)
    #expect(refusal(overlapping).contains("after the one before it"))
  }

  @Test func everyPrefixIsRefused() throws {
    let bytes = sound().bytes
    for length in 0..<bytes.count {
      let path = try folder.file("cut.gguf", Array(bytes.prefix(length)))
      #expect(throws: CheckpointError.self) { try GGUFFile(path: path) }
    }
  }

  @Test func changedBytesNeverTrap() throws {
    var generator = SeededGenerator(seed: 12)
    let bytes = sound().bytes
    for _ in 0..<1000 {
      var changed = bytes
      for _ in 0..<Int.random(in: 1...3, using: &generator) {
        changed[Int.random(in: 0..<bytes.count, using: &generator)] =
          [0, 1, 0x7f, 0x80, 0xff, UInt8.random(in: 0...255, using: &generator)]
          .randomElement(using: &generator) ?? 0
      }
      guard let file = try? GGUFFile(path: try folder.file("flip.gguf", changed)) else { continue }
      for tensor in file.tensors where tensor.type.isReal {
        _ = try tensor.floats(rows: 0..<tensor.rows)
      }
    }
  }

  @Test(
    .enabled(
      if: SharedMaterial.has("data/gguf-vocab"), "\(SharedMaterial.without("data/gguf-vocab"))"),
    arguments: ["falcon", "gpt-2", "llama-spm", "phi-3", "starcoder"])
  func opensRealVocabularies(name: String) throws {
    let path = try #require(SharedMaterial.path("data/gguf-vocab/ggml-vocab-\(name).gguf"))
    let file = try GGUFFile(path: path)
    let tokens = try #require(file["tokenizer.ggml.tokens"]?.array)
    #expect(tokens.count > 10_000)
    #expect(tokens.texts()?.count == tokens.count)
    if let types = file["tokenizer.ggml.token_type"]?.array {
      #expect(types.integers()?.count == tokens.count)
    }
    #expect(try file.text("general.architecture") != "")
    #expect(file.tensors.isEmpty)
  }
}
