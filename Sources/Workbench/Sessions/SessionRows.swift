import Platform

/// The rows of a session file as lines: many are read on all cores, since an hour has ten thousands.
enum SessionRows {
  /// Fewer are read where they are.
  private static let few = 512
  /// Rows that a thread takes at a time.
  private static let stretch = 64

  /// Each row as a line, or why it is none, in their order.
  static func lines(_ rows: ArraySlice<ArraySlice<UInt8>>) -> [Result<SessionLine, SessionError>] {
    guard rows.count > few else { return rows.map(line) }
    let pool = WorkerPool(threads: min(8, Machine.usableCores))
    let chunks = (rows.count + stretch - 1) / stretch
    return Array(unsafeUninitializedCapacity: rows.count) { buffer, count in
      guard let place = buffer.baseAddress else { return }
      pool.run(chunks: chunks) { chunk, _ in
        for index in chunk * stretch..<min(rows.count, (chunk + 1) * stretch) {
          (place + index).initialize(to: line(rows[rows.startIndex + index]))
        }
      }
      count = rows.count
    }
  }

  private static func line(_ row: ArraySlice<UInt8>) -> Result<SessionLine, SessionError> {
    if let tick = tick(row) { return .success(tick) }
    do throws(SessionError) {
      return .success(try SessionCodec.decode(SessionLine.self, row))
    } catch {
      return .failure(error)
    }
  }

  /// A row that is a tick as this program writes it; nil for any other.
  private static func tick(_ row: ArraySlice<UInt8>) -> SessionLine? {
    var rest = row
    guard take(#"{"at":"#, &rest), let at = number(&rest),
      take(#","message":{"tick":{"milliseconds":"#, &rest), let time = number(&rest),
      rest.elementsEqual("}}}".utf8)
    else { return nil }
    return SessionLine(at: at, item: .message(.tick(milliseconds: time)))
  }

  private static func take(_ text: StaticString, _ rest: inout ArraySlice<UInt8>) -> Bool {
    text.withUTF8Buffer { bytes in
      guard rest.starts(with: bytes) else { return false }
      rest.removeFirst(bytes.count)
      return true
    }
  }

  private static func number(_ rest: inout ArraySlice<UInt8>) -> Int? {
    let digits = rest.prefix(16).prefix { (0x30...0x39).contains($0) }
    guard (1...15).contains(digits.count), digits.count == 1 || digits.first != 0x30 else {
      return nil
    }
    rest.removeFirst(digits.count)
    return digits.reduce(0) { $0 * 10 + Int($1 - 0x30) }
  }
}
