import Evaluation
import FoundationEssentials
import Models
import Operators
import Platform
import Testing

/// Files of logits as llama-perplexity has them, made by hand; what is expected was computed apart, in NumPy, by its formulas.
@Suite struct BaseLogitsTests {
  private static let codes: [UInt16] = [65535, 53247, 59391, 0, 62463]
  private static let steps: (step: UInt32, least: UInt32) = (964_690_048, 3_246_683_281)
  private static let other: [Float] = [1.5, -0.5, 1.75, -3, 1]

  /// One window of four tokens, one of which is scored, over a vocabulary of five.
  private static func bytes(
    magic: String = "_logits_", window: Int32 = 4, vocabulary: Int32 = 5, count: Int32 = 1,
    tokens: [Int32] = [0, 1, 4, 2], step: UInt32 = steps.step
  ) -> [UInt8] {
    var bytes = Array(magic.utf8)
    func put(_ value: some FixedWidthInteger) {
      withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
    }
    for value in [window, vocabulary, count] + tokens { put(value) }
    put(step)
    put(steps.least)
    for code in codes + [0] { put(code) }
    return bytes
  }

  private static func file(_ bytes: [UInt8]) throws -> String {
    let path =
      FileManager.default.temporaryDirectory.path
      + "/nibble-logits-\(UInt64.random(in: 0 ... .max))"
    try WholeFile.write(bytes, to: path)
    return path
  }

  private static func context() throws -> ExecutionContext {
    try ExecutionContext(pool: WorkerPool(threads: 1))
  }

  @Test func aPositionIsComparedAsLlamaPerplexityDoes() throws {
    let path = try Self.file(Self.bytes())
    defer { try? FileManager.default.removeItem(atPath: path) }
    let file = try BaseLogitsFile(path: path)
    #expect(file.window == 4 && file.vocabulary == 5 && file.windows == [[0, 1, 4, 2]])
    let window = try file.read(window: 0)
    let found = try Self.other.withUnsafeBufferPointer {
      try window.divergence(row: 0, other: $0, target: 2, Self.context())
    }
    #expect(abs(found.kl - 0.23402588255947485) < 1e-6)
    #expect(abs(found.baselineNLL - 2.0569400787353516) < 1e-6)
    #expect(abs(found.otherNLL - 0.8608703033422449) < 1e-6)
    #expect(!found.sameTop && !found.baselineRight && found.otherRight)
  }

  @Test(arguments: [
    ("magic", "byte 0: expected '_logits_', found '_logitz_'"),
    ("short", "header: expected 20 bytes, found a file of 19"),
    ("truncated", "its end: expected 56 bytes for 1 windows, found 55, which hold 0 whole ones"),
    ("longer", "its end: expected 56 bytes for 1 windows, found 57"),
    ("window", "header, tokens of a window: expected 4 to"),
    ("count", "header, windows: expected 1 to"),
    ("token", "token 2 (window 0): expected an id below 5, its vocabulary, found 9"),
  ])
  func whatIsDamagedIsRefusedByPlace(kind: String, words: String) throws {
    var bytes = Self.bytes()
    switch kind {
    case "magic": bytes = Self.bytes(magic: "_logitz_")
    case "short": bytes = Array(bytes.prefix(19))
    case "truncated": bytes.removeLast()
    case "longer": bytes.append(0)
    case "window": bytes = Self.bytes(window: 3)
    case "count": bytes = Self.bytes(count: -1)
    default: bytes = Self.bytes(tokens: [0, 1, 9, 2])
    }
    let path = try Self.file(bytes)
    defer { try? FileManager.default.removeItem(atPath: path) }
    do {
      _ = try BaseLogitsFile(path: path)
      Issue.record("\(kind) was taken")
    } catch {
      #expect("\(error)".contains(words), "\(error)")
      #expect("\(error)".contains(path))
    }
  }

  @Test(arguments: [Float.nan, .infinity, -1, 1])
  func whatIsNoLogProbabilityIsRefused(step: Float) throws {
    let path = try Self.file(Self.bytes(step: step.bitPattern))
    defer { try? FileManager.default.removeItem(atPath: path) }
    let window = try BaseLogitsFile(path: path).read(window: 0)
    #expect(throws: EvaluationError.self) {
      try Self.other.withUnsafeBufferPointer {
        _ = try window.divergence(row: 0, other: $0, target: 2, Self.context())
      }
    }
  }
}
