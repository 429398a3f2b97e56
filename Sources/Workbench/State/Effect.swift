package import Engine

/// Something `update` wants done outside; the results come back as messages.
///
/// A replay drops them.
package enum Effect: Hashable, Sendable {
  case run(id: JobID, request: JobRequest)
  case cancel(id: JobID)
  case pause(id: JobID)
  case resume(id: JobID)
  /// Look a theme up and remember it as the user's own.
  case loadTheme(name: String)
  /// Write everything since the program started, and all that follows, to a session file under a title.
  case startRecording(title: String)
  case stopRecording
  /// Put a marker into the recording.
  case mark(title: String)
  /// Open a recorded session or a lesson in the player.
  case openSession(path: String)
  /// Read a lesson and begin it; nil for the user's language.
  case openLesson(path: String, language: String?)
  /// Write how the stops of a lesson went to the learner's file.
  case keepProgress(
    lesson: String, language: String, records: [String: LessonRecord], isFinished: Bool)
  /// Play a stretch of a recorded session, in milliseconds, and come back.
  case watch(session: String, from: Int, to: Int?)
  /// Take the reports of these jobs from a recorded session.
  case standIn(session: String, jobs: [String])
  /// Look up the words that are explained.
  case openGlossary(language: String?)
  /// Write a text file, such as the report of a run, under the workspace.
  case exportText(name: String, text: String)
  /// Remember a model as the one that was opened last.
  case rememberModel(path: String)
  /// Look what a typed path could lead to.
  case listPaths(typed: String)
  /// Put a text on the clipboard.
  case copy(text: String)
  /// Draw every cell again.
  case redraw
  /// Give the terminal back to the shell for a while.
  case suspend
  case quit
}
