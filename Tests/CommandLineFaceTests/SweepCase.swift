import FoundationEssentials
import Platform
import TestSupport
import Testing

/// A folder in which sweeps are planned and run by the built program, which lies next to the tests.
struct SweepCase {
  /// What a command line came to, in a process of its own.
  struct Outcome {
    var code: Int32
    var text: String
  }

  let folder: TemporaryFolder
  let program: String

  init() throws {
    folder = try TemporaryFolder()
    let tests = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    program = tests.split(separator: "/").dropLast().map { "/" + $0 }.joined() + "/nibble"
    try #require(FileManager.default.isExecutableFile(atPath: program), "no program at \(program)")
  }

  func start(
    _ arguments: [String], log: String, environment: [String: String] = [:]
  ) throws -> SpawnedProcess {
    try SpawnedProcess(program, arguments, log: folder.path(log), environment: environment)
  }

  /// Runs `nibble sweep` to its end.
  func sweep(_ arguments: String..., environment: [String: String] = [:]) throws -> Outcome {
    try? FileManager.default.removeItem(atPath: folder.path("sweep.log"))
    let process = try start(["sweep"] + arguments, log: "sweep.log", environment: environment)
    return Outcome(code: process.wait().code, text: try folder.text("sweep.log"))
  }

  static let plan = """
    models = ["built-in"]
    recipes = ["fp", "W4A16", "KV8"]

    [[protocol]]
    name = "short"
    window = 32
    windows = 2

    [[protocol]]
    name = "paper"
    protocol = "paper"
    window = 16
    windows = 3

    [[workload]]
    name = "chat"
    machine = "H200"
    count = 40
    prompt = 60
    generate = 20
    """

  /// Plans a sweep of nine tasks into a folder of this name.
  func planned(_ name: String) throws -> String {
    try folder.file("plan.toml", Self.plan)
    let path = folder.path(name)
    let outcome = try sweep("plan", folder.path("plan.toml"), "-o", path)
    try #require(outcome.code == 0, "\(outcome.text)")
    #expect(outcome.text.contains("= 9 tasks"))
    return path
  }

  /// What `collect` makes of a sweep.
  func collected(_ path: String) throws -> [[UInt8]] {
    let outcome = try sweep("collect", path)
    #expect(outcome.code == 0, "\(outcome.text)")
    let name = path.split(separator: "/").last ?? ""
    return try ["summary.json", "summary.csv"].map { try folder.bytes("\(name)/\($0)") }
  }
}
