import Engine

/// The lines that long sessions are made of, ticks, progress and keys, read without a JSON decoder.
///
/// Only the very bytes that this program writes are known; for anything else the decoder is asked, which also says what is
/// wrong. So a line means the same by either way.
struct QuickLine {
  /// Messages that came before, by their bytes: keys that are pressed again and again.
  private var known: [ArraySlice<UInt8>: Message] = [:]
  /// Words of phases and units, so that each is in memory once.
  private var words: [ArraySlice<UInt8>: String] = [:]

  /// Entries that are remembered, and bytes of one.
  private static let most = (entries: 4096, bytes: 256)

  /// The time and the bytes of the message of a line; nil where it is something else.
  private struct Parts {
    var at: Int
    var body: ArraySlice<UInt8>
  }

  /// The line, where it is one of those; nil asks the decoder.
  mutating func line(_ row: ArraySlice<UInt8>) -> SessionLine? {
    guard let parts = Self.parts(row) else { return nil }
    var message = tick(parts.body)
    if message == nil { message = progress(parts.body) }
    if message == nil { message = known[parts.body] }
    return message.map { SessionLine(at: parts.at, item: .message($0)) }
  }

  /// Remembers what the decoder made of a line.
  mutating func learn(_ line: SessionLine, from row: ArraySlice<UInt8>) {
    guard case .message(let message) = line.item, known.count < Self.most.entries,
      row.count <= Self.most.bytes, let parts = Self.parts(row)
    else { return }
    known[parts.body] = message
  }

  private static func parts(_ row: ArraySlice<UInt8>) -> Parts? {
    var cursor = Cursor(row)
    guard cursor.take("{\"at\":"), let at = cursor.integer(), cursor.take(",\"message\":"),
      row.last == UInt8(ascii: "}"), cursor.rest.count > 1
    else { return nil }
    return Parts(at: at, body: cursor.rest.dropLast())
  }

  private func tick(_ body: ArraySlice<UInt8>) -> Message? {
    var cursor = Cursor(body)
    guard cursor.take("{\"tick\":{\"milliseconds\":"), let time = cursor.integer(),
      cursor.take("}}"), cursor.rest.isEmpty
    else { return nil }
    return .tick(milliseconds: time)
  }

  private mutating func progress(_ body: ArraySlice<UInt8>) -> Message? {
    var cursor = Cursor(body)
    guard cursor.take("{\"job\":{\"event\":{\"progressed\":{\"id\":{\"number\":"),
      let id = cursor.integer(), cursor.take("},\"progress\":{")
    else { return nil }
    var fields = Fields()
    repeat {
      guard let key = cursor.string(), cursor.take(":"), read(key, &cursor, &fields) else {
        return nil
      }
    } while cursor.take(",")
    guard cursor.take("}}}}}"), cursor.rest.isEmpty, let progress = fields.progress else {
      return nil
    }
    return .job(event: .progressed(id: JobID(number: id), progress: progress))
  }

  /// What is read of a progress; a field that comes twice is for the decoder.
  private struct Fields {
    var texts: [String: String] = [:]
    var integers: [String: Int] = [:]
    var numbers: [String: Double] = [:]

    var progress: JobProgress? {
      guard let phase = texts["phase"], let done = integers["done"],
        let total = integers["total"], let unit = texts["unit"],
        let elapsed = numbers["secondsElapsed"], let rateUnit = texts["rateUnit"],
        let peak = integers["peakResidentBytes"]
      else { return nil }
      var progress = JobProgress(
        phase: phase, done: done, total: total, unit: unit, share: numbers["share"],
        secondsElapsed: elapsed, secondsLeft: numbers["secondsLeft"], rate: numbers["rate"],
        rateUnit: rateUnit, peakResidentBytes: peak)
      progress.jobBytes = integers["jobBytes"]
      return progress
    }
  }

  private mutating func read(
    _ key: ArraySlice<UInt8>, _ cursor: inout Cursor, _ fields: inout Fields
  ) -> Bool {
    let name = word(key)
    switch name {
    case "phase", "unit", "rateUnit":
      guard let text = cursor.string() else { return false }
      return fields.texts.updateValue(word(text), forKey: name) == nil
    case "done", "total", "peakResidentBytes", "jobBytes":
      guard let number = cursor.integer() else { return false }
      return fields.integers.updateValue(number, forKey: name) == nil
    case "share", "secondsElapsed", "secondsLeft", "rate":
      guard let number = cursor.number() else { return false }
      return fields.numbers.updateValue(number, forKey: name) == nil
    default: return false
    }
  }

  private mutating func word(_ bytes: ArraySlice<UInt8>) -> String {
    if let known = words[bytes] { return known }
    let text = String(decoding: bytes, as: UTF8.self)
    if words.count < Self.most.entries, bytes.count <= Self.most.bytes { words[bytes] = text }
    return text
  }

  /// A place in a line.
  private struct Cursor {
    private(set) var rest: ArraySlice<UInt8>

    init(_ bytes: ArraySlice<UInt8>) { rest = bytes }

    /// Goes over exactly these bytes.
    mutating func take(_ text: StaticString) -> Bool {
      let count = text.utf8CodeUnitCount
      guard rest.count >= count else { return false }
      let start = rest.startIndex
      for index in 0..<count where rest[start + index] != text.utf8Start[index] { return false }
      rest = rest[(start + count)...]
      return true
    }

    /// A number without sign, point or exponent, and without zeros before it.
    mutating func integer() -> Int? {
      let digits = rest.prefix { (0x30...0x39).contains($0) }
      guard (1...18).contains(digits.count), digits.count == 1 || digits.first != 0x30 else {
        return nil
      }
      rest = rest[digits.endIndex...]
      if let next = rest.first, [0x2E, 0x45, 0x65].contains(next) { return nil }
      return digits.reduce(0) { $0 * 10 + Int($1 - 0x30) }
    }

    /// A finite number as JSON writes it.
    mutating func number() -> Double? {
      let digits = rest.prefix { byte in
        (0x30...0x39).contains(byte) || [0x2B, 0x2D, 0x2E, 0x45, 0x65].contains(byte)
      }
      // What begins as no JSON number does is for the decoder.
      guard (1...40).contains(digits.count), let first = digits.first,
        (0x31...0x39).contains(first) || digits.count == 1
          || first == 0x30 && digits[digits.startIndex + 1] == 0x2E,
        (0x30...0x39).contains(digits.last ?? 0), let value = Double(Substring(decoding: digits)),
        value.isFinite
      else { return nil }
      rest = rest[digits.endIndex...]
      return value
    }

    /// The bytes of a string of printable ASCII without escapes.
    mutating func string() -> ArraySlice<UInt8>? {
      guard take("\"") else { return nil }
      let text = rest.prefix { $0 != 0x22 && $0 != 0x5C && (0x20..<0x7F).contains($0) }
      rest = rest[text.endIndex...]
      return take("\"") ? text : nil
    }
  }
}

extension Substring {
  fileprivate init(decoding bytes: ArraySlice<UInt8>) {
    self = Substring(String(decoding: bytes, as: UTF8.self))
  }
}
