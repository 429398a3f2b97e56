import Glibc

/// Where the program's data folders are looked for.
///
/// In this order:
///
/// 1. the path given on the command line, and then nowhere else;
/// 2. `$NIBBLE_HOME/<Folder>`;
/// 3. `$XDG_DATA_HOME/nibble/<Folder>`, by default under `~/.local/share`: the user's own;
/// 4. `<executable's folder>/nibble_<Target>.resources/<Folder>`: a build tree, also under `swift test`;
/// 5. `<executable's folder>/../share/nibble/<Folder>`: an installation.
///
/// The executable's folder is that of the real file, links resolved.
package struct ResourceLocator: Sendable {
  /// One place, and why it was looked at.
  package struct Place: Equatable, Sendable {
    /// The flag, variable or rule that named it: `--themes`, `NIBBLE_HOME`, `next to the executable`.
    package let origin: String
    package let path: String
    /// Whether a folder was there.
    package let exists: Bool
  }

  /// The outcome of a search.
  package struct Search: Equatable, Sendable {
    /// Every place, in order.
    package let places: [Place]

    /// The first folder that exists.
    package var found: String? { existing.first }

    /// All folders that exist, the most personal first.
    package var existing: [String] { places.filter(\.exists).map(\.path) }
  }

  private let environment: [String: String]
  private let executableFolder: String?

  /// A locator for this process.
  package init() {
    let environment = Self.currentEnvironment()
    self.init(
      environment: environment,
      executable: Self.realPath("/proc/self/exe")
        ?? CommandLine.arguments.first.flatMap {
          Self.executable(startedAs: $0, searchPath: environment["PATH"] ?? "")
        })
  }

  /// A locator for an environment and an executable of the caller's choice.
  package init(environment: [String: String], executable: String?) {
    self.environment = environment
    executableFolder = executable.flatMap(Self.folder)
  }

  /// Looks for `folder`, a resource of the target `target`.
  ///
  /// - Parameters:
  ///   - explicit: the path the user gave, which must be the folder itself.
  ///   - flag: the flag it was given with, for messages.
  package func search(
    for folder: String, of target: String, explicit: String? = nil, flag: String = "command line"
  ) -> Search {
    if let explicit { return Search(places: [place(flag, explicit)]) }
    var places: [Place] = []
    if let home = environment["NIBBLE_HOME"], !home.isEmpty {
      places.append(place("NIBBLE_HOME", home + "/" + folder))
    }
    if let data = dataFolder {
      let origin = personal("XDG_DATA_HOME") == nil ? "user data" : "XDG_DATA_HOME"
      places.append(place(origin, data + "/" + folder))
    }
    if let executableFolder {
      places.append(
        place(
          "next to the executable",
          "\(executableFolder)/nibble_\(target).resources/\(folder)"))
      places.append(place("installation", "\(executableFolder)/../share/nibble/\(folder)"))
    }
    return Search(places: places)
  }

  /// Where the user's own data goes, such as recordings: `$XDG_DATA_HOME/nibble`.
  package var dataFolder: String? {
    personal("XDG_DATA_HOME").map { $0 + "/nibble" } ?? home.map { $0 + "/.local/share/nibble" }
  }

  /// Where what can be made again goes: `$XDG_CACHE_HOME/nibble`.
  package var cacheFolder: String? {
    personal("XDG_CACHE_HOME").map { $0 + "/nibble" } ?? home.map { $0 + "/.cache/nibble" }
  }

  /// Where what a program remembers between two runs goes: `$XDG_STATE_HOME/nibble`.
  package var stateFolder: String? {
    personal("XDG_STATE_HOME").map { $0 + "/nibble" } ?? home.map { $0 + "/.local/state/nibble" }
  }

  /// A variable of the XDG base directory specification, which says to ignore relative paths.
  private func personal(_ variable: String) -> String? {
    environment[variable].flatMap { $0.hasPrefix("/") ? $0 : nil }
  }

  private var home: String? { personal("HOME") }

  private func place(_ origin: String, _ path: String) -> Place {
    var status = stat()
    let exists = stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    return Place(origin: origin, path: path, exists: exists)
  }

  /// The real path of a program by the name it was started with, for systems without `/proc`: a name without a slash lies in
  /// the first folder of the search path that has it.
  package static func executable(startedAs name: String, searchPath: String) -> String? {
    if name.contains("/") { return realPath(name) }
    for folder in searchPath.split(separator: ":") {
      let path = folder + "/" + name
      if access(String(path), X_OK) == 0 { return realPath(String(path)) }
    }
    return nil
  }

  private static func folder(of path: String) -> String? {
    guard let slash = path.lastIndex(of: "/") else { return nil }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }

  private static func realPath(_ path: String) -> String? {
    guard let real = realpath(path, nil) else { return nil }
    defer { free(real) }
    return String(cString: real)
  }

  private static func currentEnvironment() -> [String: String] {
    let names = [
      "PATH", "NIBBLE_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME", "HOME",
    ]
    return names.reduce(into: [:]) { found, name in
      if let value = getenv(name) { found[name] = String(cString: value) }
    }
  }
}
