import Checkpoints
import FoundationEssentials
import Glibc
import Platform
import Tensors
import TestSupport
import Testing

/// The bytes of a file with this header and data.
func safetensors(_ header: String, data: [UInt8] = [], length: UInt64? = nil) -> [UInt8] {
  let text = Array(header.utf8)
  let length = length ?? UInt64(text.count)
  return (0..<8).map { UInt8(truncatingIfNeeded: length >> ($0 * 8)) } + text + data
}

@Suite struct SafetensorsFileTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func open(_ header: String, data: Int = 0, length: UInt64? = nil) throws
    -> SafetensorsFile
  {
    let bytes = safetensors(header, data: [UInt8](repeating: 1, count: data), length: length)
    return try SafetensorsFile(path: try folder.file("a.safetensors", bytes))
  }

  private let sound = """
    {"__metadata__":{"format":"pt"},"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]},\
    "a":{"dtype":"U8","shape":[2,2],"data_offsets":[0,4]},\
    "none":{"dtype":"F16","shape":[0,3],"data_offsets":[12,12]}}
    """

  @Test func readsASoundFile() throws {
    let file = try open(sound, data: 12)
    #expect(file.tensors.map(\.name) == ["a", "b", "none"])
    #expect(file.metadata == ["format": "pt"])
    #expect(try file.tensors[0].view().elements(as: UInt8.self) == [1, 1, 1, 1])
    #expect(try file.tensors[1].view().shape == [2])
    #expect(try file.tensors[2].view().floats() == [])
    #expect(try open(sound + "   ", data: 12).tensors.count == 3)
    #expect(try open("{}").tensors.isEmpty)
  }

  @Test func aViewOutlivesItsFile() throws {
    let view = try open(sound, data: 12).tensors[0].view()
    #expect(try view.elements(as: UInt8.self) == [1, 1, 1, 1])
  }

  /// Each header breaks one rule; the words say which.
  @Test(arguments: [
    (#"{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,3]}}"#, "expected 4 bytes"),
    (#"{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,5]}}"#, "0 <= begin <= end <= 4"),
    (#"{"a":{"dtype":"U8","shape":[4],"data_offsets":[4,0]}}"#, "begin <= end"),
    (#"{"a":{"dtype":"U8","shape":[4],"data_offsets":[-4,0]}}"#, "begin <= end"),
    (
      #"{"a":{"dtype":"U8","shape":[4],"data_offsets":[9223372036854775804,9223372036854775807]}}"#,
      "begin <= end"
    ),
    (#"{"a":{"dtype":"U8","shape":[4],"data_offsets":[18446744073709551612,0]}}"#, "begin <= end"),
    (#"{"a":{"dtype":"U8","shape":[4],"data_offsets":[0.0,4]}}"#, "begin <= end"),
    (#"{"a":{"dtype":"U8","shape":[4],"data_offsets":["0",4]}}"#, "begin <= end"),
    (#"{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4,4]}}"#, "an array of 2 integers"),
    (#"{"a":{"dtype":"U8","shape":[4],"data_offsets":4}}"#, "an array of 2 integers"),
    (#"{"a":{"dtype":"U8","shape":[4]}}"#, "data_offsets"),
    (#"{"a":{"dtype":"U8","shape":4,"data_offsets":[0,4]}}"#, "shape"),
    (#"{"a":{"dtype":"U8","shape":[-4],"data_offsets":[0,4]}}"#, "shape"),
    (#"{"a":{"dtype":"U8","shape":[4.0],"data_offsets":[0,4]}}"#, "shape"),
    (#"{"a":{"dtype":"U8","shape":[-2,-2],"data_offsets":[0,4]}}"#, "shape"),
    (
      #"{"a":{"dtype":"U8","shape":[4294967296,4294967296,4],"data_offsets":[0,4]}}"#,
      "can be stored"
    ),
    (#"{"a":{"dtype":"F32","shape":[4611686018427387905],"data_offsets":[0,4]}}"#, "whole bytes"),
    (#"{"a":{"dtype":"F4","shape":[7],"data_offsets":[0,4]}}"#, "whole bytes"),
    (#"{"a":{"dtype":"Q9","shape":[4],"data_offsets":[0,4]}}"#, "\"Q9\" is not supported"),
    (#"{"a":{"dtype":"Q9","shape":[4],"data_offsets":[0,9]}}"#, "begin <= end"),
    (#"{"a":{"dtype":7,"shape":[4],"data_offsets":[0,4]}}"#, "dtype"),
    (#"{"a":{"shape":[4],"data_offsets":[0,4]}}"#, "dtype"),
    (#"{"a":[]}"#, "an object"),
    (#"{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}"#, "the end of the last tensor"),
    (#"{"a":{"dtype":"U8","shape":[3],"data_offsets":[1,4]}}"#, "begin 0"),
    (
      #"{"a":{"dtype":"U8","shape":[3],"data_offsets":[0,3]},"b":{"dtype":"U8","shape":[2],"data_offsets":[2,4]}}"#,
      "begin 3"
    ),
    (
      #"{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"U8","shape":[2],"data_offsets":[2,4]}}"#,
      "begin 1"
    ),
    (
      #"{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}"#,
      "begin 4"
    ),
    (
      #"{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}"#,
      "appears twice"
    ),
    (#"{"__metadata__":{"n":1},"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}"#, "a string"),
    (#"{"__metadata__":[],"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}"#, "strings"),
    (#"{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},}"#, "invalid JSON"),
    (#"[{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}]"#, "an opening brace first"),
    (#" {"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}"#, "an opening brace first"),
    (#"{"a":{"dtype":"U8","shape":[[[[[[[[[4]]]]]]]]],"data_offsets":[0,4]}}"#, "nested"),
  ])
  func refuses(header: String, words: String) throws {
    let error = #expect(throws: CheckpointError.self) { try open(header, data: 4) }
    #expect(error?.description.contains(words) == true, "\(String(describing: error))")
    #expect(error?.description.contains("a.safetensors") == true)
  }

  @Test(arguments: [UInt64(0), 1, 1_000_000, 100_000_001, 1 << 40, 1 << 63, .max, .max - 7])
  func refusesHeaderLengths(length: UInt64) {
    let error = #expect(throws: CheckpointError.self) {
      try open(sound, data: 12, length: length)
    }
    #expect(error?.description.contains("header length") == true)
  }

  @Test func everyPrefixIsRefused() throws {
    let bytes = safetensors(sound, data: [UInt8](repeating: 1, count: 12))
    for length in 0..<bytes.count {
      let path = try folder.file("cut.safetensors", Array(bytes.prefix(length)))
      #expect(throws: CheckpointError.self) { try SafetensorsFile(path: path) }
    }
  }

  @Test func changedBytesNeverTrap() throws {
    var generator = SeededGenerator(seed: 11)
    let bytes = safetensors(sound, data: [UInt8](repeating: 1, count: 12))
    for _ in 0..<1000 {
      var changed = bytes
      for _ in 0..<Int.random(in: 1...3, using: &generator) {
        changed[Int.random(in: 0..<bytes.count, using: &generator)] ^=
          1 << UInt8.random(in: 0..<8, using: &generator)
      }
      let path = try folder.file("flip.safetensors", changed)
      if let file = try? SafetensorsFile(path: path) {
        for tensor in file.tensors { _ = try tensor.view().bytes.reduce(0, &+) }
      }
    }
  }

  @Test func refusesWhatIsNoFile() {
    #expect(throws: CheckpointError.self) { try SafetensorsFile(path: folder.path) }
    #expect(throws: CheckpointError.self) { try SafetensorsFile(path: folder.path("absent")) }
  }

  @Test(
    .enabled(
      if: SharedMaterial.has("fixtures/manifest.json"),
      "\(SharedMaterial.without("fixtures/manifest.json"))"))
  func everyFixtureOpens() throws {
    let fixtures = try #require(SharedMaterial.path("fixtures"))
    let names = try FileManager.default.contentsOfDirectory(atPath: fixtures)
    var count = 0
    for name in names where name.hasSuffix(".safetensors") {
      let file = try SafetensorsFile(path: fixtures + "/" + name)
      #expect(!file.tensors.isEmpty)
      count += 1
    }
    #expect(count > 0)
  }

  @Test(
    .enabled(
      if: SharedMaterial.has("fixtures/fp8_cast_table.safetensors"),
      "\(SharedMaterial.without("fixtures/fp8_cast_table.safetensors"))"))
  func eightBitFloatsAreThoseOfTheReference() throws {
    let path = try #require(SharedMaterial.path("fixtures/fp8_cast_table.safetensors"))
    let table = try Checkpoint(path: path)
    let numbers = try table.view("in.x").floats()
    #expect(
      try table.view("out.e4m3fn").elements(as: UInt8.self) == numbers.map(FloatFormats.e4m3))
    #expect(
      try table.view("out.e5m2").elements(as: UInt8.self) == numbers.map(FloatFormats.e5m2))
    // The table has 0 where a code is no finite number.
    func finite(_ value: Float) -> Float { value.isFinite ? value : 0 }
    let codes = (0...255).map { UInt8($0) }
    #expect(
      try table.view("out.e4m3fn_decode_all").floats()
        == codes.map { finite(FloatFormats.float(e4m3: $0)) })
    #expect(
      try table.view("out.e5m2_decode_all").floats()
        == codes.map { finite(FloatFormats.float(e5m2: $0)) })
  }
}
