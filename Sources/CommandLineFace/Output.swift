import FoundationEssentials
import Glibc
import Wording

/// Where the words of a command go: the program's own streams, or those of whoever runs it.
package struct OutputStreams: Sendable {
  let out: @Sendable (String) -> Void
  let error: @Sendable (String) -> Void
  /// Whether someone sits at a terminal, so that the workbench can be opened.
  let hasTerminal: Bool
  /// Whether progress may redraw its line.
  let redrawsProgress: Bool

  /// Streams that are read by the caller; no terminal belongs to them.
  package init(
    out: @escaping @Sendable (String) -> Void, error: @escaping @Sendable (String) -> Void
  ) {
    self.out = out
    self.error = error
    hasTerminal = false
    redrawsProgress = false
  }

  private init() {
    out = { Swift.print($0, terminator: "") }
    error = { text in
      var text = text
      // When standard error is closed there is nobody to tell.
      text.withUTF8 { _ = write(2, $0.baseAddress, $0.count) }
    }
    hasTerminal = isatty(0) != 0 && isatty(1) != 0
    redrawsProgress = isatty(2) != 0
  }

  /// Standard output and standard error.
  package static let standard = OutputStreams()
}

/// What commands print.
enum Output {
  /// The streams of the command that runs; `Program.run` sets them.
  static let streams = TaskLocal<OutputStreams>(wrappedValue: .standard)

  /// Prints one JSON document, keys sorted.
  static func json(_ value: some Encodable) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    let data = try encoder.encode(value)
    print(String(decoding: data, as: UTF8.self))
  }

  /// Prints what there is of a report whose job ended early, with `"isWhole": false` in it.
  static func json(partial report: some Encodable) throws {
    try json(PartialDocument(report: report))
  }

  /// Prints rows as a table, columns aligned; numbers to the right.
  static func table(_ header: [String], _ rows: [[String]]) {
    for line in PlainTable.lines(header, rows) { print(line) }
  }
}

/// What there is of a report.
private struct PartialDocument<Report: Encodable>: Encodable {
  let report: Report

  private enum Key: String, CodingKey {
    case isWhole
  }

  func encode(to encoder: any Encoder) throws {
    try report.encode(to: encoder)
    var container = encoder.container(keyedBy: Key.self)
    try container.encode(false, forKey: .isWhole)
  }
}

/// Prints to the running command's output; it takes the place of the standard library's in this module, and so has its
/// signature.
func print(_ items: Any..., separator: String = " ", terminator: String = "\n") {
  Output.streams.get().out(items.map { "\($0)" }.joined(separator: separator) + terminator)
}
