import Platform

/// Writes a session as it happens: what was done before, then each line as it comes.
package final class SessionRecorder: Sendable {
  package let path: String
  private let log: GrowingLog

  /// Creates the file and writes the header and the lines so far.
  ///
  /// - Throws: `SessionError` when the file cannot be written.
  package init(path: String, header: SessionHeader, journal: [[UInt8]]) throws(SessionError) {
    self.path = path
    do throws(PlatformError) {
      log = try GrowingLog(path: path)
    } catch {
      throw .unreadable(path: path, reason: "\(error)")
    }
    try append(try SessionCodec.json(header))
    for line in journal { try append(line) }
  }

  /// Writes one line; it is on its way to the disk when this returns.
  package func append(_ line: [UInt8]) throws(SessionError) {
    do throws(PlatformError) {
      try log.append(line)
    } catch {
      throw .unreadable(path: path, reason: "\(error)")
    }
  }

  /// Syncs and closes the file.
  package func finish() throws(SessionError) {
    do throws(PlatformError) {
      try log.finish()
    } catch {
      throw .unreadable(path: path, reason: "\(error)")
    }
  }
}
