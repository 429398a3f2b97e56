import CNcurses

/// Why there is no terminal to draw on.
package enum TerminalError: Error, Hashable, Sendable {
  case notATerminal
  case noTerm
  case unknownTerm(name: String)
  case cannotMoveCursor(term: String)
  case noResources

  /// The error of a status of `nc_open`; nil when all went well.
  init?(status: UInt32, term: String) {
    switch status {
    case NC_OK.rawValue: return nil
    case NC_NOT_A_TERMINAL.rawValue: self = .notATerminal
    case NC_CANNOT_MOVE.rawValue: self = .cannotMoveCursor(term: term)
    case NC_UNKNOWN_TERM.rawValue: self = .unknownTerm(name: term)
    default: self = .noResources
    }
  }
}

extension TerminalError: CustomStringConvertible {
  package var description: String {
    switch self {
    case .notATerminal:
      "standard input and output must be a terminal; for scripts use a command such as "
        + "\"nibble evaluate --json\""
    case .noTerm: "the environment variable TERM is not set; expected a name such as xterm-256color"
    case .unknownTerm(let name):
      "the terminal database has no entry for TERM=\(name.debugDescription); "
        + "try TERM=xterm-256color"
    case .cannotMoveCursor(let term):
      "a terminal of the type TERM=\(term.debugDescription) cannot move its cursor; "
        + "try TERM=xterm-256color if it can"
    case .noResources: "the terminal could not be opened: no file descriptor or memory left"
    }
  }
}
