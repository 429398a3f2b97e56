#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// The environment variables that say something about the terminal.
package struct TerminalEnvironment: Hashable, Sendable {
  package var term: String?
  package var colorTerm: String?
  package var noColor: String?
  /// Where compiled terminfo entries may be kept, or nil without a home.
  package var cacheFolder: String?

  package init(
    term: String?, colorTerm: String? = nil, noColor: String? = nil, cacheFolder: String? = nil
  ) {
    self.term = term
    self.colorTerm = colorTerm
    self.noColor = noColor
    self.cacheFolder = cacheFolder
  }

  /// That of this process.
  package static var current: TerminalEnvironment {
    func value(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }
    let cache = value("XDG_CACHE_HOME").flatMap { $0.hasPrefix("/") ? $0 : nil }
    return TerminalEnvironment(
      term: value("TERM"), colorTerm: value("COLORTERM"), noColor: value("NO_COLOR"),
      cacheFolder: cache ?? value("HOME").flatMap { $0.hasPrefix("/") ? $0 + "/.cache" : nil })
  }
}
