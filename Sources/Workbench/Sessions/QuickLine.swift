import Engine
import TerminalUI

/// The lines that long sessions are made of, ticks, progress and keys, read without a JSON decoder.
///
/// Only the very bytes that this program writes are known, keys in their order; for anything else the decoder is asked, which
/// also says what is wrong. So a line means the same by either way.
struct QuickLine {
  /// Words of phases and units that came before, so that each is in memory once.
  private var words: [Int: String] = [:]

  /// Words that are remembered.
  private static let mostWords = 1024

  /// The line, where it is one of those; nil asks the decoder.
  mutating func line(_ row: UnsafeBufferPointer<UInt8>) -> SessionLine? {
    var cursor = RowCursor(row)
    guard cursor.take(#"{"at":"#), let at = cursor.integer(), cursor.take(#","message":{"#) else {
      return nil
    }
    let message: Message? =
      if cursor.take(#""tick":{"milliseconds":"#) {
        cursor.integer().map { .tick(milliseconds: $0) }
      } else if cursor.take(#""job":{"event":{"progressed":{"id":{"number":"#) {
        progress(&cursor)
      } else if cursor.take(#""input":{"event":{"key":{"press":"#) {
        key(&cursor)
      } else {
        nil
      }
    guard let message, cursor.take("}}}"), cursor.isAtEnd else { return nil }
    return SessionLine(at: at, item: .message(message))
  }

  /// A key, up to the three braces that every line ends with.
  private mutating func key(_ cursor: inout RowCursor) -> Message? {
    guard let name = word(&cursor), let press = KeyPress(name: name), cursor.take("}}") else {
      return nil
    }
    return .input(event: .key(press: press))
  }

  /// What a job has done so far, up to the three braces that every line ends with.
  private mutating func progress(_ cursor: inout RowCursor) -> Message? {
    guard let id = cursor.integer(), cursor.take(#"},"progress":{"done":"#),
      let done = cursor.integer()
    else { return nil }
    var jobBytes: Int?
    if cursor.take(#","jobBytes":"#) {
      guard let bytes = cursor.integer() else { return nil }
      jobBytes = bytes
    }
    guard cursor.take(#","peakResidentBytes":"#), let peak = cursor.integer(),
      cursor.take(#","phase":"#), let phase = word(&cursor),
      let rate = cursor.number(after: #","rate":"#), cursor.take(#","rateUnit":"#),
      let rateUnit = word(&cursor), cursor.take(#","secondsElapsed":"#),
      let elapsed = cursor.number(), let left = cursor.number(after: #","secondsLeft":"#),
      let share = cursor.number(after: #","share":"#), cursor.take(#","total":"#),
      let total = cursor.integer(), cursor.take(#","unit":"#), let unit = word(&cursor),
      cursor.take("}}}")
    else { return nil }
    var progress = JobProgress(
      phase: phase, done: done, total: total, unit: unit, share: share.value,
      secondsElapsed: elapsed, secondsLeft: left.value, rate: rate.value, rateUnit: rateUnit,
      peakResidentBytes: peak)
    progress.jobBytes = jobBytes
    return .job(event: .progressed(id: JobID(number: id), progress: progress))
  }

  /// A string of printable ASCII without escapes.
  private mutating func word(_ cursor: inout RowCursor) -> String? {
    guard let bytes = cursor.string() else { return nil }
    // Up to 15 bytes lie in the value itself.
    guard bytes.count > 15 else { return String(decoding: bytes, as: UTF8.self) }
    var sum = bytes.count
    for byte in bytes { sum = sum &* 1_099_511_628_211 ^ Int(byte) }
    if let known = words[sum], known.utf8.elementsEqual(bytes) { return known }
    let text = String(decoding: bytes, as: UTF8.self)
    if words.count < Self.mostWords { words[sum] = text }
    return text
  }
}

/// A place in a row.
private struct RowCursor {
  private let row: UnsafeBufferPointer<UInt8>
  private var place = 0

  /// A number that may be left out.
  struct Maybe {
    var value: Double?
  }

  init(_ row: UnsafeBufferPointer<UInt8>) { self.row = row }

  var isAtEnd: Bool { place == row.count }

  /// Goes over exactly these bytes.
  mutating func take(_ text: StaticString) -> Bool {
    let count = text.utf8CodeUnitCount
    guard row.count - place >= count else { return false }
    for index in 0..<count where row[place + index] != text.utf8Start[index] { return false }
    place += count
    return true
  }

  private func isDigit(_ place: Int) -> Bool {
    place < row.count && (0x30...0x39).contains(row[place])
  }

  /// A number without sign, point or exponent, and without zeros before it.
  mutating func integer() -> Int? {
    var (end, value) = (place, 0)
    while end - place < 18, isDigit(end) {
      value = value * 10 + Int(row[end] - 0x30)
      end += 1
    }
    guard end > place, end - place == 1 || row[place] != 0x30, !isDigit(end) else { return nil }
    // A fraction or an exponent is for the decoder.
    if end < row.count, [0x2E, 0x45, 0x65].contains(row[end]) { return nil }
    place = end
    return value
  }

  /// A finite number of at least 0, as JSON writes it.
  mutating func number() -> Double? {
    var end = place
    while end < row.count, end - place < 40,
      isDigit(end) || [0x2B, 0x2D, 0x2E, 0x45, 0x65].contains(row[end])
    {
      if row[end] == 0x2E, !isDigit(end + 1) { return nil }
      end += 1
    }
    guard isDigit(place), isDigit(end - 1),
      row[place] != 0x30 || end - place == 1 || row[place + 1] == 0x2E,
      let value = Double(String(decoding: row[place..<end], as: UTF8.self)), value.isFinite
    else { return nil }
    place = end
    return value
  }

  /// A number after `key`; no value where another key follows, nil where what follows the key is no number.
  mutating func number(after key: StaticString) -> Maybe? {
    guard take(key) else { return Maybe(value: nil) }
    return number().map { Maybe(value: $0) }
  }

  /// The bytes of a string of printable ASCII without escapes.
  mutating func string() -> Slice<UnsafeBufferPointer<UInt8>>? {
    guard place < row.count, row[place] == 0x22 else { return nil }
    let start = place + 1
    var end = start
    while end < row.count, row[end] != 0x22 {
      guard (0x20..<0x7F).contains(row[end]), row[end] != 0x5C else { return nil }
      end += 1
    }
    guard end < row.count else { return nil }
    place = end + 1
    return row[start..<end]
  }
}
