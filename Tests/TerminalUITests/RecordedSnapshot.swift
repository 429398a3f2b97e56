import FoundationEssentials
import Testing

/// Writes what is drawn now over a snapshot that stands as a multi-line literal in a test's source.
enum RecordedSnapshot {
  static let isRecording = ProcessInfo.processInfo.environment["NIBBLE_RECORD_SNAPSHOTS"] != nil

  /// Replaces the first literal with these lines; tells where none is found.
  static func replace(_ old: String, with new: String, in path: String) {
    do {
      let source = try String(contentsOfFile: path, encoding: .utf8)
      guard let changed = replacing(old, with: new, in: source) else {
        Issue.record("\(path): the snapshot to replace was not found")
        return
      }
      try changed.write(toFile: path, atomically: true, encoding: .utf8)
    } catch {
      Issue.record("\(path): \(error)")
    }
  }

  /// The source with the literal of `old` replaced, indentation kept; nil where it is not in there.
  static func replacing(_ old: String, with new: String, in source: String) -> String? {
    var lines = source.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    let wanted = old.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    for first in lines.indices where lines[first].hasSuffix("#\"\"\"") {
      let end = first + 1 + wanted.count
      guard end < lines.count, let indent = lines[end].firstIndex(of: "\"") else { continue }
      let margin = String(lines[end][..<indent])
      guard margin.allSatisfy({ $0 == " " }),
        lines[end].dropFirst(margin.count).hasPrefix("\"\"\"#"),
        zip(lines[(first + 1)..<end], wanted).allSatisfy({ $0 == ($1.isEmpty ? "" : margin + $1) })
      else { continue }
      lines.replaceSubrange(
        (first + 1)..<end,
        with: new.split(separator: "\n", omittingEmptySubsequences: false).map {
          $0.isEmpty ? "" : margin + $0
        })
      return lines.joined(separator: "\n")
    }
    return nil
  }
}

@Suite struct RecordedSnapshotTests {
  private let source = """
      expect(
        "a",
        #\"\"\"
        one
        \"\"\"#)
      expect(
        "b",
        #\"\"\"
        two

         three
        \"\"\"#)
    """

  @Test func aLiteralIsReplacedInPlace() throws {
    let changed = try #require(
      RecordedSnapshot.replacing("two\n\n three", with: "x\n  y", in: source))
    #expect(changed.contains("    #\"\"\"\n    x\n      y\n    \"\"\"#)"))
    #expect(changed.contains("    one\n"))
    #expect(!changed.contains("two"))
  }

  @Test func whatIsNotThereIsTold() {
    #expect(RecordedSnapshot.replacing("four", with: "x", in: source) == nil)
    #expect(RecordedSnapshot.replacing("two", with: "x", in: source) == nil)
  }
}
