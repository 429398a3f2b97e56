#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// A terminfo entry with 24-bit colours on top of the user's own, compiled by `tic` into the cache
/// folder.
///
/// Entries such as `xterm-direct` are seldom installed, and ncurses takes 24-bit colours only from
/// an entry. This one also asks for mouse reports in SGR form, which know no largest column.
package struct TerminfoOverlay {
  /// The name to open the terminal with.
  package let entry: String
  private let folder: String

  /// Finds or compiles the entry; nil when that is not possible, and then there are 256 colours.
  package init?(term: String, environment: TerminalEnvironment) {
    // The name becomes a part of a path and of a source file.
    let isPlain = term.utf8.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"),
        UInt8(ascii: "."), UInt8(ascii: "+"):
        true
      default: false
      }
    }
    guard isPlain, !term.isEmpty, term.utf8.count < 64, let cache = environment.cacheFolder else {
      return nil
    }
    folder = cache + "/nibble/terminfo"
    // The digit is the version of the source below.
    entry = "nibble1-" + term
    if isCompiled { return }
    guard Self.makeFolders(folder), compile(term: term), isCompiled else { return nil }
  }

  /// Runs `body` while ncurses looks into the cache folder too.
  package func whileFindable<Result>(_ body: () -> Result) -> Result {
    let before = getenv("TERMINFO_DIRS").map { String(cString: $0) }
    // An empty part stands for the usual places.
    setenv("TERMINFO_DIRS", folder + ":" + (before ?? ""), 1)
    defer {
      if let before { setenv("TERMINFO_DIRS", before, 1) } else { unsetenv("TERMINFO_DIRS") }
    }
    return body()
  }

  /// Entries lie in a folder of their first letter, or of its number where file names ignore case.
  private var isCompiled: Bool {
    access("\(folder)/n/\(entry)", R_OK) == 0 || access("\(folder)/6e/\(entry)", R_OK) == 0
  }

  private func compile(term: String) -> Bool {
    let source = """
      \(entry)|24-bit colours on top of \(term),
      \tRGB, ccc@, colors#0x1000000, pairs#0x10000, initc@,
      \tsetaf=\\E[%?%p1%{8}%<%t3%p1%d%e38;2;%p1%{65536}%/%d;%p1%{256}%/%{255}%&%d;%p1%{255}%&%d%;m,
      \tsetab=\\E[%?%p1%{8}%<%t4%p1%d%e48;2;%p1%{65536}%/%d;%p1%{256}%/%{255}%&%d;%p1%{255}%&%d%;m,
      \tkmous=\\E[<, XM=\\E[?1006;1002%?%p1%{1}%=%th%el%;,
      \tuse=\(term),

      """
    let path = "\(folder)/source-\(getpid())"
    guard let file = fopen(path, "wx") else { return false }
    defer { unlink(path) }
    let isWritten = fputs(source, file) >= 0
    guard fclose(file) == 0, isWritten else { return false }
    return run(["tic", "-x", "-o", folder, path])
  }

  private static func makeFolders(_ path: String) -> Bool {
    var made = ""
    for part in path.split(separator: "/") {
      made += "/" + part
      // One that is there already is fine; the last check tells.
      mkdir(made, 0o700)
    }
    return access(path, W_OK) == 0
  }

  /// Runs a program with its output thrown away; true when it ended well.
  private func run(_ arguments: [String]) -> Bool {
    var actions = posix_spawn_file_actions_t()
    guard posix_spawn_file_actions_init(&actions) == 0 else { return false }
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0)
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0)
    var words: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) }
    words.append(nil)
    defer { for word in words { free(word) } }
    var child: pid_t = 0
    guard posix_spawnp(&child, arguments[0], &actions, nil, words, environ) == 0 else {
      return false
    }
    var status: Int32 = 0
    while waitpid(child, &status, 0) < 0 {
      guard errno == EINTR else { return false }
    }
    return status == 0
  }
}
