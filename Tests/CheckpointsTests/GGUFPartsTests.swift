import Checkpoints
import Glibc
import Platform
import Tensors
import TestSupport
import Testing

/// Models in several files, and files far larger than memory.
@Suite struct GGUFPartsTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func name(_ index: Int, of count: Int) -> String {
    "m-0000\(index)-of-0000\(count).gguf"
  }

  /// One part with one tensor of two numbers.
  private func part(
    _ index: Int, of count: Int, tensor: String? = nil, number: Int? = nil, stated: Int? = nil,
    total: Int? = nil
  ) throws {
    func entry(_ key: String, _ value: Int, _ type: GGUFValueType) -> GGUFFile.Entry {
      .init(key: key, value: .unsigned(UInt64(value), type: type))
    }
    var entries = [
      entry("split.no", number ?? index - 1, .u16), entry("split.count", stated ?? count, .u16),
      GGUFFile.Entry(
        key: "split.tensors.count", value: .signed(Int64(total ?? count), type: .i32)),
    ]
    if index == 1 { entries.append(entry("a.key", 7, .u32)) }
    let tensor = tensor ?? "t\(index)"
    let writer = try GGUFWriter(
      path: folder.path(name(index, of: count)), metadata: entries,
      tensors: [.init(name: tensor, type: .f32, shape: [2])])
    try writer.write(tensor, floats: [Float(index), 0.5])
    try writer.commit()
  }

  private func refusal(_ index: Int = 1, of count: Int) -> String {
    let error = #expect(throws: CheckpointError.self) {
      try GGUFFile(path: folder.path(name(index, of: count)))
    }
    return error.map { "\($0)" } ?? "none"
  }

  /// Whichever part is named, the model is the whole.
  @Test(arguments: [1, 2, 3])
  func partsAreOneModel(named: Int) throws {
    for index in 1...3 { try part(index, of: 3) }
    let file = try GGUFFile(path: folder.path(name(named, of: 3)))
    #expect(file.tensors.map(\.name) == ["t1", "t2", "t3"])
    #expect(file.files.count == 3)
    #expect(try file.integer("a.key", in: 0...9) == 7)
    #expect(try file.tensor("t3")?.floats(rows: 0..<1) == [3, 0.5])
    #expect(file.byteCount == 24)
    try file.checkUnchanged()
  }

  @Test func aMissingPartIsNamed() throws {
    try part(1, of: 3)
    try part(3, of: 3)
    #expect(refusal(of: 3).contains(name(2, of: 3)))
    #expect(refusal(of: 3).contains("all 3 files"))
  }

  @Test func partsMustAgree() throws {
    try part(1, of: 2)
    try part(2, of: 2, tensor: "t1")
    #expect(refusal(of: 2).contains("tensor t1: expected in one file"))
    try part(2, of: 2, number: 0)
    #expect(refusal(of: 2).contains("split.no: expected 1"))
    try part(2, of: 2, stated: 3)
    #expect(refusal(of: 2).contains("split.count: expected 2"))
    try part(2, of: 2)
    try part(1, of: 2, total: 9)
    #expect(refusal(of: 2).contains("split.tensors.count: expected 2"))
    // The name and the file count apart.
    try part(1, of: 2, stated: 5)
    #expect(refusal(of: 2).contains("a model in 5 files"))
    try part(1, of: 2, stated: 65_535)
    #expect(refusal(of: 2).contains("split.count: expected an integer from 0 to 1024"))
  }

  /// The header of a model of 70 billion numbers, with a vocabulary, over data that takes no room on the disk.
  @Test func aLargeFileOpensByItsHeader() async throws {
    var file = GGUFBytes(tensors: 80 * 9 + 3, entries: 2)
    file.entry("general.block_count", 4, UInt32(80))
    file.add("tokenizer.ggml.tokens")
    file.add(UInt32(9))
    file.add(UInt32(8))
    file.add(UInt64(128_256))
    for token in 0..<128_256 { file.add("token \(token)") }
    var offset: UInt64 = 0
    func add(_ name: String, _ columns: UInt64, _ rows: UInt64) {
      let isPlain = rows == 1
      file.tensor(
        name, isPlain ? [columns] : [columns, rows], type: isPlain ? 0 : 12, offset: offset)
      let bytes = isPlain ? columns * 4 : columns / 256 * 144 * rows
      offset += (bytes + 31) / 32 * 32
    }
    add("token_embd.weight", 8192, 128_256)
    for block in 0..<80 {
      add("blk.\(block).attn_norm.weight", 8192, 1)
      add("blk.\(block).ffn_norm.weight", 8192, 1)
      add("blk.\(block).attn_q.weight", 8192, 8192)
      add("blk.\(block).attn_k.weight", 8192, 1024)
      add("blk.\(block).attn_v.weight", 8192, 1024)
      add("blk.\(block).attn_output.weight", 8192, 8192)
      add("blk.\(block).ffn_gate.weight", 8192, 28_672)
      add("blk.\(block).ffn_up.weight", 8192, 28_672)
      add("blk.\(block).ffn_down.weight", 28_672, 8192)
    }
    add("output_norm.weight", 8192, 1)
    add("output.weight", 8192, 128_256)
    file.data(0)
    let path = try folder.file("large.gguf", file.bytes)
    #expect(truncate(path, file.bytes.count + Int(offset)) == 0)

    // Resident memory is the whole process's: a process of its own, where no other test takes any.
    await #expect(processExitsWith: .success) { [path = path as String] in
      let before = try #require(ProcessMemory.read()).residentBytes
      let opened = try GGUFFile(path: path)
      let after = try #require(ProcessMemory.read()).residentBytes
      #expect(opened.tensors.count == 723)
      #expect(opened.byteCount > 36 << 30)
      #expect(after - before < 64 << 20, "\((after - before) >> 20) MB")
    }
  }

  /// Counts that the file could hold are bounded all the same, before anything is kept of them.
  @Test func countsAreBounded() throws {
    for (tensors, entries, word) in [
      (UInt64(1 << 20), UInt64(0), "number of tensors: expected at most 262144"),
      (0, 1 << 20, "number of entries: expected at most 65536"),
    ] {
      let file = GGUFBytes(tensors: tensors, entries: entries)
      let path = try folder.file("many.gguf", file.bytes)
      #expect(truncate(path, 1 << 30) == 0)
      let error = #expect(throws: CheckpointError.self) { try GGUFFile(path: path) }
      #expect(error.map { "\($0)".contains(word) } == true, "\(String(describing: error))")
    }
  }

  /// A gigabyte of metadata is refused before it is read.
  @Test func aGigabyteOfMetadataIsRefused() async throws {
    var file = GGUFBytes(entries: 1)
    file.add("key")
    file.add(UInt32(9))
    file.add(UInt32(0))
    file.add(UInt64(1 << 30))
    let path = try folder.file("long.gguf", file.bytes)
    #expect(truncate(path, file.bytes.count + (1 << 30)) == 0)
    await #expect(processExitsWith: .success) { [path = path as String] in
      let before = try #require(ProcessMemory.read()).residentBytes
      let error = #expect(throws: CheckpointError.self) { try GGUFFile(path: path) }
      #expect(error.map { "\($0)".contains("bytes of strings and arrays") } == true)
      let after = try #require(ProcessMemory.read()).residentBytes
      #expect(after - before < 64 << 20, "\((after - before) >> 20) MB")
    }
  }
}
