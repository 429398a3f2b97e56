import FoundationEssentials
import Glibc
import TerminalUI
import Wording
import Workbench

/// Where the words of a command go: the program's own streams, or those of whoever runs it.
///
/// The one place through which text leaves: what a terminal would act on is shown instead, whatever file it comes from.
package struct OutputStreams: Sendable {
  private let out: @Sendable (String) -> Void
  private let error: @Sendable (String) -> Void
  /// The `errno` of the first write to `out` that failed.
  let failure: @Sendable () -> Int32?
  /// Whether someone sits at a terminal, so that the workbench can be opened.
  let hasTerminal: Bool
  /// Whether progress may redraw its line.
  let redrawsProgress: Bool

  /// Streams that are read by the caller; no terminal belongs to them.
  package init(
    out: @escaping @Sendable (String) -> Void, error: @escaping @Sendable (String) -> Void,
    failure: @escaping @Sendable () -> Int32? = { nil }
  ) {
    self.out = out
    self.error = error
    self.failure = failure
    hasTerminal = false
    redrawsProgress = false
  }

  private init() {
    let (output, complaints) = (StandardStream(1), StandardStream(2))
    out = output.write
    // When standard error is closed there is nobody to tell.
    error = complaints.write
    failure = { output.failure }
    hasTerminal = isatty(0) != 0 && isatty(1) != 0
    redrawsProgress = isatty(2) != 0
  }

  /// Standard output and standard error.
  package static let standard = OutputStreams()

  /// Puts text on standard output.
  func say(_ text: String) { out(PlainText.shown(text)) }

  /// Puts a picture on standard output, in its colours: cells hold no character that a terminal acts on.
  func show(_ picture: CellBuffer) {
    for line in AnsiText.lines(picture) { out(line + "\n") }
  }

  /// Empties the terminal that standard output goes to.
  func clear() { out("\u{1B}[2J\u{1B}[H") }

  /// Puts text on standard error.
  func complain(_ text: String) { error(PlainText.shown(text)) }

  /// Puts a line in the place of the one that the cursor of a terminal is on; an empty one clears it.
  func redraw(_ line: String) { error("\r\(PlainText.shown(line))\u{1B}[K") }
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
    print(PlainText.json(String(decoding: data, as: UTF8.self)))
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
  Output.streams.get().say(items.map { "\($0)" }.joined(separator: separator) + terminator)
}
