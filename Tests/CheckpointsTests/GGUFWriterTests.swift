import Checkpoints
import Platform
import Tensors
import TestSupport
import Testing

@Suite struct GGUFWriterTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  @Test func comesBack() throws {
    let metadata: [GGUFFile.Entry] = [
      .init(key: "general.architecture", value: .string(Array("llama".utf8))),
      .init(key: "n", value: .unsigned(7, type: .u32)),
      .init(key: "minus", value: .signed(-7, type: .i16)),
      .init(key: "eps", value: .float(0.5, type: .f32)),
      .init(key: "wide", value: .float(0.1, type: .f64)),
      .init(key: "yes", value: .bool(true)),
      .init(
        key: "tokens", value: .array(GGUFArray(strings: [[], Array("\u{e9}".utf8), [0xff]]))),
      .init(key: "scores", value: .array(GGUFArray(floats: [1, -2.5]))),
      .init(key: "types", value: .array(GGUFArray(integers: [1, -3]))),
    ]
    let numbers = (0..<128).map { Float($0 - 64) / 8 }
    let types: [GGUFTensorType] = [.f32, .f16, .bf16, .q8_0, .q4_0]
    let path = folder.path("a.gguf")
    let writer = try GGUFWriter(
      path: path, metadata: metadata,
      tensors: types.map { .init(name: "\($0)", type: $0, shape: [2, 64]) }
        + [.init(name: "raw", type: .iq2S, shape: [256])])
    for type in types.reversed() {
      try writer.write("\(type)", floats: Array(numbers.prefix(64)))
      try writer.write("\(type)", floats: Array(numbers.suffix(64)))
    }
    #expect(throws: CheckpointError.self) {
      try writer.write("raw", floats: [Float](repeating: 0, count: 256))
    }
    let raw = (0..<82).map { UInt8($0) }
    try raw.withUnsafeBytes { try writer.write("raw", $0) }
    try writer.commit()

    let file = try GGUFFile(path: path)
    #expect(file.entries == metadata)
    #expect(file["tokens"]?.array?.string(at: 2).map { Array($0) } == [0xff])
    #expect(file["tokens"]?.array?.texts() == nil)
    #expect(file["scores"]?.array?.floats() == [1, -2.5])
    #expect(file["types"]?.array?.integers() == [1, -3])
    #expect(file.tensor("raw").map { Array($0.bytes) } == raw)
    for type in types {
      let tensor = try #require(file.tensor("\(type)"))
      #expect(tensor.shape == [2, 64])
      #expect(tensor.range.lowerBound % 32 == 0)
      let step: Float = type == .q4_0 ? 1 : type == .q8_0 ? 8 / 127 : 0
      for (found, expected) in zip(try tensor.floats(rows: 0..<2), numbers) {
        // Q4_0 reaches one step less on one side; 16-bit scales are off by 2^-11 at most.
        #expect(abs(found - expected) <= step * 1.01)
      }
      #expect(try tensor.view().shape == [2, 64])
    }
    #expect(file.file.byteCount % 32 == 0)
    #expect(try folder.names() == ["a.gguf"])
  }

  @Test func nothingAppearsWhenBytesAreMissing() throws {
    let path = folder.path("a.gguf")
    let writer = try GGUFWriter(
      path: path, metadata: [], tensors: [.init(name: "t", type: .f32, shape: [4])])
    try writer.write("t", floats: [1, 2])
    #expect(throws: CheckpointError.self) { try writer.write("t", floats: [1, 2, 3]) }
    #expect(throws: CheckpointError.self) { try writer.write("u", floats: [1]) }
    #expect(
      throws: CheckpointError.incomplete(file: path, item: "tensor t", expected: 16, found: 8)
    ) { try writer.commit() }
    #expect(try folder.names() == [])
  }

  @Test(arguments: [
    [GGUFWriter.Entry(name: "t", type: .f32, shape: [])],
    [.init(name: "t", type: .f32, shape: [0])],
    [.init(name: "t", type: .f32, shape: [1, 1, 1, 1, 1])],
    [.init(name: "t", type: .q8_0, shape: [32, 31])],
    [.init(name: "", type: .f32, shape: [1])],
    [.init(name: "t", type: .f32, shape: [1]), .init(name: "t", type: .f32, shape: [1])],
    [.init(name: "t", type: .i8, shape: [.max])],
  ])
  func refusesTensors(tensors: [GGUFWriter.Entry]) throws {
    #expect(throws: CheckpointError.self) {
      try GGUFWriter(path: folder.path("a"), metadata: [], tensors: tensors)
    }
    #expect(try folder.names() == [])
  }

  @Test func refusesKeys() {
    let one = GGUFValue.unsigned(1, type: .u32)
    for keys in [["a", "a"], [""], ["general.alignment"]] {
      #expect(throws: CheckpointError.self) {
        try GGUFWriter(
          path: folder.path("a"), metadata: keys.map { .init(key: $0, value: one) }, tensors: [])
      }
    }
  }

  @Test func aVocabularyAloneIsAFile() throws {
    let path = folder.path("a.gguf")
    try GGUFWriter(
      path: path, metadata: [.init(key: "n", value: .unsigned(1, type: .u8))], tensors: []
    ).commit()
    #expect(try GGUFFile(path: path)["n"]?.integer == 1)
  }
}
