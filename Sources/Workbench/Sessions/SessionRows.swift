import Platform

/// Where a line of a session file lies, without its line break.
struct SessionRow {
  /// Its number in the file, from 1.
  var number: Int
  var range: Range<Int>
}

/// The rows of a session file as lines: many are read on all cores, since an hour has ten thousands.
enum SessionRows {
  /// Fewer are read where they are.
  private static let few = 512
  /// Rows that a thread takes at a time.
  private static let stretch = 256

  /// Each row as a line, or why it is none, in their order.
  static func lines(
    _ rows: [SessionRow], of bytes: [UInt8]
  ) -> [Result<SessionLine, SessionError>] {
    guard rows.count > few else {
      var reader = RowReader(bytes)
      return rows.map { reader.line($0) }
    }
    let pool = WorkerPool(threads: min(8, Machine.usableCores))
    let chunks = (rows.count + stretch - 1) / stretch
    return Array(unsafeUninitializedCapacity: rows.count) { buffer, count in
      guard let place = buffer.baseAddress else { return }
      pool.run(chunks: chunks) { chunk, _ in
        var reader = RowReader(bytes)
        for index in chunk * stretch..<min(rows.count, (chunk + 1) * stretch) {
          (place + index).initialize(to: reader.line(rows[index]))
        }
      }
      count = rows.count
    }
  }
}

/// Reads rows of one file: the usual ones by themselves, the others through one decoder.
private struct RowReader {
  private let bytes: [UInt8]
  private let decoder = SessionCodec.decoder()
  private var quick = QuickLine()

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  mutating func line(_ row: SessionRow) -> Result<SessionLine, SessionError> {
    let known = bytes.withUnsafeBufferPointer {
      quick.line(UnsafeBufferPointer(rebasing: $0[row.range]))
    }
    if let known { return .success(known) }
    do throws(SessionError) {
      return .success(
        try SessionCodec.decode(SessionLine.self, bytes[row.range], with: decoder))
    } catch {
      return .failure(error)
    }
  }
}
