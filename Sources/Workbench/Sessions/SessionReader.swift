import TerminalUI

/// Reads the lines of a session file, a batch at a time, so that what is kept of a long one is its lines and little else.
struct SessionReader {
  let path: String
  private let bytes: [UInt8]
  /// Where the next line begins.
  private var place = 0
  /// The number of the last line that was found, from 1.
  private var number = 0
  private var lines: [SessionLine] = []
  private var remarks: [String] = []
  private var pieces: [MessagePart] = []
  /// Whether the pieces that follow are of a message of which one was wrong.
  private var skipsPieces = false
  private var time = 0
  /// Lines that are left out, and what is wrong with the first.
  private var wrong = 0
  private var problem: SessionError?

  /// Rows that are read at a time.
  private static let batch = 32_768
  /// Remarks on lines that are made; the others are counted.
  private static let mostRemarks = 20
  /// No line that can be played is shorter: `{"at":0,"note":""}`.
  private static let shortestLine = 18

  private struct Probe: Decodable {
    var nibble: String?
    var format: Int?
    var program: String?
  }

  init(bytes: [UInt8], path: String) {
    self.path = path
    self.bytes = bytes
  }

  /// The next row that is not empty, without its line break.
  private mutating func row() -> SessionRow? {
    while place < bytes.count {
      let start = place
      let end = bytes[start...].firstIndex(of: 0x0A) ?? bytes.count
      place = end + 1
      number += 1
      if end > start { return SessionRow(number: number, range: start..<end) }
    }
    return nil
  }

  mutating func header() throws(SessionError) -> SessionHeader {
    guard let row = row() else { throw .noHeader(path: path) }
    let first = bytes[row.range]
    guard let probe = try? SessionCodec.decode(Probe.self, first) else {
      throw .noHeader(path: path)
    }
    guard probe.nibble == "session" else {
      throw .notASession(
        path: path, found: probe.nibble.map { "a nibble \($0)" } ?? "something else")
    }
    guard [SessionHeader.formerFormat, SessionHeader.currentFormat].contains(probe.format) else {
      throw .unknownFormat(
        path: path, found: probe.format ?? 0, known: SessionHeader.currentFormat,
        program: probe.program)
    }
    do {
      return try SessionCodec.decode(SessionHeader.self, first)
    } catch {
      throw .badLine(path: path, line: row.number, reason: error.cause)
    }
  }

  /// The lines that can be played, and what is to be said of the others.
  ///
  /// - Throws: what is wrong with the first bad line, where half of all are bad or more.
  mutating func read() throws(SessionError) -> ([SessionLine], [String]) {
    let breaks = bytes.count { $0 == 0x0A }
    lines.reserveCapacity(min(breaks, bytes.count / Self.shortestLine))
    var count = 0
    while true {
      var rows: [SessionRow] = []
      while rows.count < Self.batch, let row = row() { rows.append(row) }
      guard !rows.isEmpty else { break }
      count += rows.count
      for (row, read) in zip(rows, SessionRows.lines(rows, of: bytes)) {
        do throws(SessionError) {
          try take(try line(read, row), of: row)
        } catch {
          leaveOut(row, error)
        }
      }
    }
    if let problem, wrong * 2 >= count { throw problem }
    if wrong > Self.mostRemarks {
      remarks.append("\(wrong - Self.mostRemarks) more lines are wrong and left out")
    }
    if !pieces.isEmpty { remarks.append("the last message is not whole; it is left out") }
    return (lines, remarks)
  }

  /// A row that was read, or why it is none, with its place.
  private func line(
    _ read: Result<SessionLine, SessionError>, _ row: SessionRow
  ) throws(SessionError) -> SessionLine {
    do throws(SessionError) {
      return try read.get()
    } catch {
      throw .badLine(path: path, line: row.number, reason: error.cause)
    }
  }

  private mutating func leaveOut(_ row: SessionRow, _ error: SessionError) {
    guard row.range.upperBound < bytes.count else {
      remarks.append("the file was cut in the middle of line \(row.number); it plays up to there")
      return
    }
    wrong += 1
    pieces = []
    skipsPieces = true
    if problem == nil { problem = error }
    guard wrong <= Self.mostRemarks else { return }
    remarks.append("line \(row.number) is wrong and left out: \(error.cause)")
  }

  private mutating func take(_ line: SessionLine, of row: SessionRow) throws(SessionError) {
    try check(line, number: row.number)
    time = line.at
    switch line.item {
    case .part(let part):
      if part.index == 0 { skipsPieces = false }
      if !skipsPieces, let message = try joined(part, number: row.number) {
        lines.append(SessionLine(at: line.at, item: .message(message)))
      }
    case .unknown(let kind):
      remarks.append("line \(row.number): \"\(kind)\" is not known here and is left out")
    default: lines.append(line)
    }
  }

  private func check(_ line: SessionLine, number: Int) throws(SessionError) {
    guard (0...SessionLine.longest).contains(line.at) else {
      throw .impossibleTime(path: path, line: number, found: line.at)
    }
    guard line.at >= time else {
      throw .timeRunsBack(path: path, line: number, from: time, to: line.at)
    }
    if case .message(.tick(let milliseconds)) = line.item,
      !(0...SessionLine.longest).contains(milliseconds)
    {
      throw .impossibleTime(path: path, line: number, found: milliseconds)
    }
    if case .question(let question) = line.item,
      !question.choices.indices.contains(question.answer)
    {
      throw .badLine(
        path: path, line: number,
        reason: "the answer \(question.answer) is none of \(question.choices.count) choices")
    }
  }

  /// Adds a piece; the message once all of them are there.
  private mutating func joined(_ part: MessagePart, number: Int) throws(SessionError) -> Message? {
    guard part.index == pieces.count, part.count > part.index, part.count <= 65_536,
      pieces.isEmpty || pieces[0].count == part.count
    else {
      throw .badLine(path: path, line: number, reason: "a piece of a message out of order")
    }
    pieces.append(part)
    guard pieces.count == part.count else { return nil }
    let text = pieces.map(\.text).joined()
    pieces = []
    do {
      return try SessionCodec.decode(Message.self, text.utf8)
    } catch {
      throw .badLine(path: path, line: number, reason: error.cause)
    }
  }
}
