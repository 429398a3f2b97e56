import TerminalUI

/// The one door to the state: each message is recorded, then applied, and its effects are handed out.
package struct Store {
  package private(set) var state: State
  /// Every line since the program started, so that a recording can begin at any time and still replay from the start.
  package private(set) var journal: [[UInt8]] = []
  private var journalBytes = 0
  private var recorder: SessionRecorder?
  private var lastTime = 0

  /// The journal is dropped beyond this; a recording can then no longer begin, but one that runs goes on.
  private static let mostJournalBytes = 128 << 20
  private var journalIsWhole = true

  package init(state: State = State()) { self.state = state }

  /// Takes over where a replay was left.
  package init(state: State, journal: [[UInt8]], at milliseconds: Int) {
    self.state = state
    self.journal = journal
    journalBytes = journal.reduce(0) { $0 + $1.count }
    lastTime = max(0, milliseconds)
  }

  /// Records a message and applies it.
  ///
  /// - Parameter milliseconds: since the program started; never less than at the call before.
  /// - Returns: what is to be done outside.
  package mutating func send(_ message: Message, at milliseconds: Int) -> [Effect] {
    lastTime = max(lastTime, milliseconds)
    do throws(SessionError) {
      let canonical = try SessionCodec.canonical(message)
      for line in try SessionCodec.lines(of: canonical, at: lastTime) { try keep(line) }
      return update(&state, canonical)
    } catch {
      // The work goes on without the recording; the state says so.
      recorder = nil
      journal = []
      journalIsWhole = false
      var effects = update(&state, message)
      effects += update(&state, .recording(path: nil))
      effects += update(&state, .notice(kind: .problem, text: "\(error)"))
      return effects
    }
  }

  /// Adds a line that is no message, such as a marker or a note.
  ///
  /// - Throws: `SessionError` when the recording cannot be written.
  package mutating func annotate(_ item: SessionLine.Item) throws(SessionError) {
    try keep(try SessionCodec.encode(SessionLine(at: lastTime, item: item)))
  }

  /// Begins to record to a new file, from the start of the program on.
  ///
  /// - Throws: `SessionError` when the file cannot be written.
  package mutating func startRecording(path: String, header: SessionHeader) throws(SessionError) {
    guard journalIsWhole else {
      throw .unreadable(
        path: path, reason: "the program has run too long for a recording to begin now")
    }
    recorder = try SessionRecorder(path: path, header: header, journal: journal)
  }

  /// Ends the recording.
  ///
  /// - Throws: `SessionError` when the last lines cannot be written.
  package mutating func stopRecording() throws(SessionError) {
    let finished = recorder
    recorder = nil
    try finished?.finish()
  }

  private mutating func keep(_ line: [UInt8]) throws(SessionError) {
    if journalIsWhole {
      journal.append(line)
      journalBytes += line.count
      if journalBytes > Self.mostJournalBytes {
        journal = []
        journalIsWhole = false
      }
    }
    try recorder?.append(line)
  }
}
