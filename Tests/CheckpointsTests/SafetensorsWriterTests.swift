import Checkpoints
import Platform
import Tensors
import TestSupport
import Testing

@Suite struct SafetensorsWriterTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private let entries = [
    SafetensorsWriter.Entry(name: "z", dtype: .f32, shape: [2, 3]),
    SafetensorsWriter.Entry(name: "bytes", dtype: .u8, shape: [5]),
    SafetensorsWriter.Entry(name: "half", dtype: .bf16, shape: [4]),
    SafetensorsWriter.Entry(name: "a \"quoted\" \u{e9}", dtype: .f32, shape: []),
    SafetensorsWriter.Entry(name: "wide", dtype: .i64, shape: [1]),
    SafetensorsWriter.Entry(name: "none", dtype: .f16, shape: [0]),
  ]

  @Test func comesBack() throws {
    let path = folder.path("a.safetensors")
    let writer = try SafetensorsWriter(
      path: path, entries: entries, metadata: ["format": "pt", "by": "\u{e9}\n"])
    // Not in the order of the file, one in pieces.
    try writer.write("bytes", [1, 2, 3, 4, 5] as [UInt8])
    try writer.write("z", [1, 2, 3, 4] as [Float])
    try writer.write("wide", [-7] as [Int64])
    try writer.write("half", [1, 2, 3, 4] as [UInt16])
    try writer.write("z", [5, 6] as [Float])
    try writer.write("a \"quoted\" \u{e9}", [9] as [Float])
    try writer.commit()

    let file = try SafetensorsFile(path: path)
    #expect(file.metadata == ["format": "pt", "by": "\u{e9}\n"])
    #expect(
      file.tensors.map(\.name).filter { $0 != "none" } == [
        "wide", "a \"quoted\" \u{e9}", "z", "half", "bytes",
      ])
    for tensor in file.tensors where tensor.shape.elementCount > 0 {
      #expect(tensor.range.lowerBound % (tensor.dtype.bits / 8) == 0)
    }
    let checkpoint = try Checkpoint(path: path)
    #expect(try checkpoint.view("z", shape: [2, 3]).floats() == [1, 2, 3, 4, 5, 6])
    #expect(try checkpoint.view("bytes").elements(as: UInt8.self) == [1, 2, 3, 4, 5])
    #expect(try checkpoint.view("half").elements(as: UInt16.self) == [1, 2, 3, 4])
    #expect(try checkpoint.view("wide").elements(as: Int64.self) == [-7])
    #expect(try folder.names() == ["a.safetensors"])
    // The header ends at a multiple of 8.
    #expect(try folder.bytes("a.safetensors")[0] % 8 == 0)
  }

  @Test func nothingAppearsWhenBytesAreMissing() throws {
    let path = folder.path("a.safetensors")
    let writer = try SafetensorsWriter(
      path: path, entries: [.init(name: "a", dtype: .u8, shape: [4])])
    try writer.write("a", [1, 2] as [UInt8])
    #expect(
      throws: CheckpointError.incomplete(file: path, item: "tensor a", expected: 4, found: 5)
    ) { try writer.write("a", [1, 2, 3] as [UInt8]) }
    #expect(throws: CheckpointError.self) { try writer.write("b", [1] as [UInt8]) }
    #expect(
      throws: CheckpointError.incomplete(file: path, item: "tensor a", expected: 4, found: 2)
    ) { try writer.commit() }
    #expect(try folder.names() == [])
  }

  @Test(arguments: [
    [
      SafetensorsWriter.Entry(name: "a", dtype: .u8, shape: [1]),
      .init(name: "a", dtype: .f32, shape: [1]),
    ],
    [.init(name: "", dtype: .u8, shape: [1])],
    [.init(name: "__metadata__", dtype: .u8, shape: [1])],
    [.init(name: "a", dtype: .f4, shape: [3])],
    [.init(name: "a", dtype: .u8, shape: [.max]), .init(name: "b", dtype: .u8, shape: [.max])],
    [.init(name: "a", dtype: .u8, shape: [.max])],
    [.init(name: "a", dtype: .u8, shape: [1 << 60])],
  ])
  func refuses(entries: [SafetensorsWriter.Entry]) throws {
    #expect(throws: CheckpointError.self) {
      try SafetensorsWriter(path: folder.path("a"), entries: entries)
    }
    #expect(try folder.names() == [])
  }

  @Test func anEmptyFileIsAFile() throws {
    try SafetensorsWriter(path: folder.path("a"), entries: []).commit()
    #expect(try SafetensorsFile(path: folder.path("a")).tensors.isEmpty)
  }

  @Test func aMappedFileIsReplacedAndNotWritten() throws {
    let path = folder.path("a.safetensors")
    func write(_ value: UInt8) throws {
      let writer = try SafetensorsWriter(
        path: path, entries: [.init(name: "a", dtype: .u8, shape: [3])])
      try writer.write("a", [value, value, value])
      try writer.commit()
    }
    try write(1)
    let old = try Checkpoint(path: path)
    try write(2)
    #expect(try old.view("a").elements(as: UInt8.self) == [1, 1, 1])
    #expect(try Checkpoint(path: path).view("a").elements(as: UInt8.self) == [2, 2, 2])
  }
}
