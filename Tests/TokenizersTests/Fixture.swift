import FoundationEssentials
import Platform
import TestSupport
import Testing
import Tokenizers

/// The files next to these tests, and what is read from them.
enum Fixture {
  static func path(_ name: String) -> String { folder("Tests/TokenizersTests/Fixtures/") + name }

  /// The tokenizer of the built-in model, from the tree or from the shared material.
  static var demoTokenizer: String? {
    let inTree = folder("Sources/DemoModel/tales-5M/tokenizer.json")
    return FileManager.default.fileExists(atPath: inTree)
      ? inTree : SharedMaterial.path("data/demo-model/tokenizer.json")
  }

  private static func folder(_ relative: String) -> String {
    var parts = #filePath.split(separator: "/", omittingEmptySubsequences: false)
    parts.removeLast(3)
    return parts.joined(separator: "/") + "/" + relative
  }

  static func text(_ path: String) throws -> [UInt8] {
    let file = try MappedFile(path: path)
    return try file.read(at: 0, count: file.byteCount)
  }

  static func json(_ name: String) throws -> JSONValue { try StrictJSON.parse(text(path(name))) }

  /// The short texts of samples.json.
  static func samples() throws -> [String] {
    try #require(try json("samples.json").object?["texts"]?.array).compactMap(\.string)
  }

  /// What a reference library makes of a whole text.
  struct Stream: Sendable, CustomTestStringConvertible {
    var tokenizer: String
    var text: String
    var count: Int
    var ids: String
    var decoded: String

    var testDescription: String { "\(tokenizer) on \(text)" }
  }

  static func streams() throws -> [Stream] {
    try #require(try json("reference.json").array).map { entry in
      let entry = try #require(entry.object)
      return Stream(
        tokenizer: try #require(entry["tokenizer"]?.string),
        text: try #require(entry["text"]?.string), count: try #require(entry["count"]?.integer),
        ids: try #require(entry["ids"]?.string), decoded: try #require(entry["decoded"]?.string))
    }
  }

  /// Sum of (value + 1) P^(n - 1 - i) modulo 2^64, as make_reference.py writes it.
  static func digest(_ values: [Int32]) -> String {
    hexadecimal(
      values.reduce(0) { $0 &* 0x100_0000_01b3 &+ UInt64(truncatingIfNeeded: $1) &+ 1 })
  }

  static func digest(_ values: [UInt8]) -> String {
    hexadecimal(values.reduce(0) { $0 &* 0x100_0000_01b3 &+ UInt64($1) &+ 1 })
  }

  private static func hexadecimal(_ hash: UInt64) -> String {
    let digits = String(hash, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }

  /// Parts of `text` between occurrences of `separator`.
  static func split(_ text: [UInt8], at separator: String) -> [[UInt8]] {
    let separator = Array(separator.utf8)
    var parts: [[UInt8]] = []
    var start = 0
    var position = 0
    while position + separator.count <= text.count {
      if text[position..<position + separator.count].elementsEqual(separator) {
        parts.append(Array(text[start..<position]))
        position += separator.count
        start = position
      } else {
        position += 1
      }
    }
    parts.append(Array(text[start...]))
    return parts
  }

  /// A tokenizer.json of a byte-pair model; `stages` are further members, each ending with a comma.
  static func tokenizer(
    vocab: String, merges: String = "", added: String = "", model: String = "", stages: String = ""
  ) throws -> Tokenizer {
    try Tokenizer(
      json: Array(
        """
        {"version":"1.0","added_tokens":[\(added)],\(stages)
        "model":{"type":"BPE",\(model)"vocab":{\(vocab)},"merges":[\(merges)]}}
        """.utf8), file: "test.json")
  }
}
