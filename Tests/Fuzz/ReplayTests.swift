import FoundationEssentials
import Platform
import Testing

/// Every input of the corpora is read once more, whole, cut off and changed in places that a seed chooses; none kills or hangs.
///
/// `Tests/Fuzz/fuzz` looks for more of them by coverage.
@Suite struct ReplayTests {
  static let folder: String = {
    var parts = #filePath.split(separator: "/", omittingEmptySubsequences: false)
    parts.removeLast()
    return parts.joined(separator: "/") + "/Corpus"
  }()

  static func inputs(_ reader: String) throws -> [(name: String, bytes: [UInt8])] {
    try FolderListing.names(in: folder + "/" + reader).map { name in
      let file = try MappedFile(path: "\(folder)/\(reader)/\(name)")
      return (name, try file.read(at: 0, count: file.byteCount))
    }
  }

  @Test(arguments: FuzzReaders.all.map(\.name))
  func nothingKills(reader name: String) throws {
    let reader = try #require(FuzzReaders.all.first { $0.name == name })
    let inputs = try Self.inputs(name)
    #expect(!inputs.isEmpty, "\(name): expected inputs in Corpus/\(name)")
    _ = reader.read([])
    var read = 0
    for input in inputs {
      read += reader.read(input.bytes) ? 1 : 0
      var random = SeededGenerator(seed: 7)
      for _ in 0..<40 { _ = reader.read(Self.changed(input.bytes, &random)) }
    }
    // Corpora that no reader takes lead a fuzzer nowhere.
    #expect(read > 0, "\(name): expected an input that is read, found none")
  }

  /// A corpus for each reader and none for others, all small.
  @Test func corporaAreWholeAndSmall() throws {
    #expect(
      try FolderListing.names(in: Self.folder) == FuzzReaders.all.map(\.name).sorted())
    let bytes = try FuzzReaders.all.flatMap { try Self.inputs($0.name) }.reduce(0) {
      $0 + $1.bytes.count
    }
    #expect(bytes <= 200_000)
  }

  @Test func bundlesAreTakenApart() {
    let files = InputBundle.files(Array("@@ a\none\n@@ b\n\n@@ c".utf8))
    #expect(files.map(\.name) == ["a", "b"])
    #expect(files.map { String(decoding: $0.content, as: UTF8.self) } == ["one", ""])
  }

  private static func changed(_ bytes: [UInt8], _ random: inout SeededGenerator) -> [UInt8] {
    var bytes = bytes
    for _ in 0..<Int.random(in: 1...4, using: &random) where !bytes.isEmpty {
      let place = Int.random(in: 0..<bytes.count, using: &random)
      switch Int.random(in: 0..<5, using: &random) {
      case 0: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
      case 1:
        bytes[place] =
          [0, 0xFF, 0x7F, 0x80, 0x22, 0x5B, 0x7B, 0x2E].randomElement(using: &random) ?? 0
      case 2: bytes = Array(bytes[..<place])
      case 3: bytes.insert(contentsOf: bytes[place...].prefix(16), at: place)
      default: bytes.removeSubrange(place..<min(bytes.count, place + 8))
      }
    }
    return bytes
  }
}
