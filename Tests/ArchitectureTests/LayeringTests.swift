import Testing

/// An import only ever points to a lower layer.
///
/// SwiftPM does not stop an undeclared import of a transitive
/// target, so the table stands here once more and every file is read.
@Suite struct LayeringTests {
  /// What each target may import of ours, directly.
  static let direct: [String: [String]] = [
    "CKernels": [], "CNcurses": [], "CFaults": [], "Wording": [],
    "Platform": ["Wording", "CFaults"], "TerminalUI": ["Wording"],
    "Tensors": ["Platform"], "Tokenizers": ["Platform"],
    "CursesBackend": ["TerminalUI", "CNcurses"],
    "Operators": ["Tensors", "CKernels"],
    "Checkpoints": ["Tensors", "Tokenizers"],
    "Models": ["Operators", "Checkpoints", "Tokenizers"],
    "DemoModel": ["Checkpoints"],
    "Quantization": ["Models"], "Evaluation": ["Models"], "Profiling": ["Models"],
    "Serving": ["Platform"], "Planning": ["Models", "Serving"],
    "Engine": ["Quantization", "Evaluation", "Profiling", "Planning", "Serving", "DemoModel"],
    "Workbench": ["Engine", "TerminalUI"],
    "Shell": ["Workbench", "Engine"],
    "CommandLineFace": ["Shell", "Workbench", "Engine", "CursesBackend"],
    "nibble": ["CommandLineFace"],
  ]

  /// Modules that are not ours, and who may use them.
  static let outside: [String: Set<String>] = [
    "ArgumentParser": ["CommandLineFace"],
    "TOMLKit": ["Quantization", "Engine", "Workbench", "CommandLineFace"],
  ]

  static func allowed(_ target: String) -> Set<String> {
    var found: Set<String> = []
    var pending = direct[target] ?? []
    while let next = pending.popLast() {
      guard found.insert(next).inserted else { continue }
      pending += direct[next] ?? []
    }
    return found
  }

  @Test func everyImportPointsDown() throws {
    let files = try SourceTree.files("Sources", suffix: ".swift")
    #expect(files.count > 50)
    for file in files {
      let target = String(file.split(separator: "/")[1])
      #expect(Self.direct[target] != nil, "\(file): unknown target \(target)")
      let allowed = Self.allowed(target)
      for line in try SourceTree.lines(file) {
        let words = line.split(separator: " ").map(String.init)
        guard let place = words.firstIndex(of: "import"), place <= 1, words.count > place + 1,
          place == 0 || ["package", "internal", "private", "public"].contains(words[0])
        else { continue }
        let module = words[place + 1]
        if Self.direct[module] != nil {
          #expect(allowed.contains(module), "\(file) imports \(module), which is no lower layer")
        } else if let users = Self.outside[module] {
          #expect(users.contains(target), "\(file) imports \(module), which is for \(users)")
        } else {
          #expect(
            ["Glibc", "Darwin", "Swift", "Synchronization", "FoundationEssentials"].contains(
              module),
            "\(file) imports \(module)")
        }
      }
    }
  }

  @Test func aTransitiveImportUpwardWouldBeFound() {
    #expect(!Self.allowed("Models").contains("Quantization"))
    #expect(Self.allowed("Engine").contains("Tensors"))
    #expect(!Self.allowed("TerminalUI").contains("Platform"))
  }
}
