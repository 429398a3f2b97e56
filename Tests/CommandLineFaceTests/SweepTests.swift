import FoundationEssentials
import Glibc
import Platform
import TestSupport
import Testing

/// Sweeps as they are typed, tasks in processes of the built program.
@Suite(.serialized) struct SweepTests {
  /// Waits until so many tasks of a sweep have results.
  private static func waitForResults(_ count: Int, in path: String) throws {
    for _ in 0..<6000 {
      if try FolderListing.names(in: path + "/results").count >= count { return }
      usleep(10_000)
    }
    Issue.record("no \(count) results in \(path) within a minute")
  }

  @Test func theSameBytesWhateverRanIt() throws {
    let bench = try SweepCase()
    let single = try bench.planned("one by one")
    #expect(try bench.sweep("run", single).code == 0)
    let expected = try bench.collected(single)

    let double = try bench.planned("two 'at a' time")
    #expect(try bench.sweep("run", double, "--jobs", "2").code == 0)
    #expect(try bench.collected(double) == expected)

    let killed = try bench.planned("killed")
    let process = try bench.start(["sweep", "run", killed], log: "killed.log")
    try Self.waitForResults(2, in: killed)
    process.send(SIGKILL)
    #expect(process.wait() == .signalled(SIGKILL))
    #expect(try bench.sweep("status", killed).code == 3)
    let partial = try bench.sweep("collect", killed)
    #expect(partial.code == 3, "\(partial.text)")
    #expect(partial.text.contains("of 9 tasks have finished"))
    #expect(try bench.sweep("collect", killed, "--allow-partial").code == 0)
    #expect(try bench.sweep("resume", killed, "--jobs", "2").code == 0)
    #expect(try bench.collected(killed) == expected)
    // A single task is the same too, and one that has finished is left alone.
    let alone = try bench.planned("alone")
    for index in 0..<9 {
      #expect(
        try bench.sweep("task", alone, "--index", "\(index)").code == 0)
    }
    #expect(try bench.collected(alone) == expected)
    let again = try bench.sweep("task", alone, "--index", "3")
    #expect(again.text.contains("finished before"))
  }

  @Test func isStoppedAndSaysSo() throws {
    let bench = try SweepCase()
    let folder = bench.folder
    let path = try bench.planned("stopped")
    let process = try bench.start(["sweep", "run", path], log: "stopped.log")
    try Self.waitForResults(1, in: path)
    process.send(SIGUSR1)
    #expect(process.wait() == .exited(75))
    #expect(try folder.text("stopped.log").contains("stopped by SIGUSR1"))
    #expect(try FolderListing.names(in: path + "/failed").isEmpty)
  }

  @Test func aSecondRunIsRefused() throws {
    let bench = try SweepCase()
    let path = try bench.planned("held")
    let lock = try #require(try FolderLock(folder: path))
    let ran = try withExtendedLifetime(lock) { try bench.sweep("run", path) }
    #expect(ran.code == 1)
    #expect(ran.text.contains("another process runs the sweep"))
    // Who is to be asked to end is told by a file; one that does not is no reason to say that nothing runs.
    try bench.folder.file("held/run.pid", "nobody")
    let cancelled = try withExtendedLifetime(lock) { try bench.sweep("cancel", path) }
    #expect(cancelled.code == 1)
    #expect(cancelled.text.contains("the process that runs the sweep, found 'nobody'"))
  }

  /// A task that cannot be done is told with what it said, and keeps no other from being done.
  @Test func failuresKeepTheirLastLines() throws {
    let bench = try SweepCase()
    let folder = bench.folder
    try folder.file("short.txt", "Once upon a time.")
    try folder.file(
      "plan.toml",
      """
      models = ["built-in"]
      recipes = ["fp"]
      texts = ["short.txt", "built-in"]
      [[protocol]]
      window = 32
      windows = 2
      """)
    let path = folder.path("run")
    #expect(
      try bench.sweep("plan", folder.path("plan.toml"), "-o", path).code == 0)
    let ran = try bench.sweep("run", path)
    #expect(ran.code == 1)
    #expect(ran.text.contains("short.txt"), "\(ran.text)")
    let status = try bench.sweep("status", path, "--failed")
    #expect(status.code == 1)
    #expect(status.text.contains("1 of 2 tasks have finished, 1 failed, 0 wait"))
    #expect(status.text.contains("1 attempt"))
    // Pure tasks fail again: only who asks for it has them tried again.
    #expect(try bench.sweep("run", path).text.contains("1 attempt"))
    #expect(try bench.sweep("resume", path).text.contains("2 attempts"))
  }

  /// What was planned with must be there, as it was.
  @Test func changesArePointedOut() throws {
    let bench = try SweepCase()
    let folder = bench.folder
    let story = String(repeating: "Once upon a time there was a fox. ", count: 20)
    try folder.file("story.txt", story)
    try folder.file(
      "plan.toml",
      """
      models = ["built-in"]
      recipes = ["fp"]
      texts = ["story.txt"]
      [[protocol]]
      window = 32
      windows = 2
      """)
    let path = folder.path("run")
    #expect(
      Ran(["sweep", "plan", folder.path("plan.toml"), "-o", path]).code == 0)
    // The same content at another time is the same.
    try folder.file("story.txt", story)
    #expect(Ran(["sweep", "task", path, "--index", "0"]).code == 0)
    try FileManager.default.removeItem(atPath: path + "/results")
    try FileManager.default.createDirectory(
      atPath: path + "/results", withIntermediateDirectories: true)
    try folder.file("story.txt", story.replacing("fox", with: "hen"))
    for arguments in [["task", path, "--index", "0"], ["run", path]] {
      let ran = Ran(["sweep"] + arguments)
      #expect(ran.code == 5, "\(ran.error)")
      #expect(ran.error.contains("the text 'story.txt'"))
      #expect(ran.error.contains("changed after the sweep was planned"))
    }
    try folder.file("story.txt", story)
    // Another program than the one that planned.
    let other = try bench.sweep("run", path)
    #expect(other.code == 5)
    #expect(other.text.contains("the program"))
    #expect(try FolderListing.names(in: path + "/results").isEmpty)
  }

  @Test func foldersOfOthersStayAsTheyAre() throws {
    let bench = try SweepCase()
    let folder = bench.folder
    try folder.file("plan.toml", SweepCase.plan)
    let plan = folder.path("plan.toml")
    try FileManager.default.createDirectory(
      atPath: folder.path("full"), withIntermediateDirectories: true)
    try folder.file("full/mine.txt", "mine")
    let full = Ran(["sweep", "plan", plan, "-o", folder.path("full")])
    #expect(full.code == 1)
    #expect(full.error.contains("nothing was overwritten"))
    #expect(Ran(["sweep", "run", folder.path("full")]).error.contains("is no sweep"))
    // The very same plan may be written twice, another may not.
    #expect(Ran(["sweep", "plan", plan, "-o", folder.path("run")]).code == 0)
    #expect(Ran(["sweep", "plan", plan, "-o", folder.path("run")]).code == 0)
    try folder.file("plan.toml", SweepCase.plan.replacing("KV8", with: "W8A8"))
    let other = Ran(["sweep", "plan", plan, "-o", folder.path("run")])
    #expect(other.code == 1)
    #expect(other.error.contains("a sweep of other tasks"))
  }

  @Test func damageIsTold() throws {
    let bench = try SweepCase()
    let folder = bench.folder
    try folder.file("plan.toml", SweepCase.plan)
    let path = folder.path("run")
    #expect(Ran(["sweep", "plan", folder.path("plan.toml"), "-o", path]).code == 0)
    let lines = try folder.text("run/plan.jsonl")
    try folder.file("run/plan.jsonl", lines.replacing("\"windows\":2", with: "\"windows\":4"))
    let edited = Ran(["sweep", "task", path, "--index", "0"])
    #expect(edited.code == 1)
    #expect(edited.error.contains("its id is not that of what it says"), "\(edited.error)")
    #expect(Ran(["sweep", "status", path]).error.contains("SHA-256"))
    try folder.file("run/plan.jsonl", lines)
    let beyond = Ran(["sweep", "task", path, "--index", "9"])
    #expect(beyond.code == 2)
    #expect(beyond.error.contains("an index from 0 to 8, found 9"))
    // A torn result is none, and is told by who folds it.
    let id = try #require(
      try StrictJSON.parse(Array(lines.prefix { $0 != "\n" }.utf8))[path: "id"]?.string)
    try folder.file("run/results/\(id).json", "{\"id\"")
    let torn = Ran(["sweep", "collect", path, "--allow-partial"])
    #expect(torn.code == 1)
    #expect(torn.error.contains("\(id).json is damaged"))
    let told = Ran(["sweep", "status", path])
    #expect(told.code == 3 && told.out.contains("0 of 9 tasks have finished"))
    #expect(told.out.contains("\(id).json cannot be read: 'nibble sweep resume' makes it again"))
    #expect(Ran(["sweep", "task", path, "--index", "0"]).code == 0)
    #expect(Ran(["sweep", "collect", path, "--allow-partial"]).code == 0)
    // So is how a task failed: it counts neither as failed nor as waiting.
    let next = try #require(lines.split(separator: "\n").dropFirst().first)
    let failed = try #require(try StrictJSON.parse(Array(next.utf8))[path: "id"]?.string)
    try folder.file("run/failed/\(failed).json", "{\"id\"")
    let status = Ran(["sweep", "status", path])
    #expect(status.code == 1)
    #expect(status.error.contains("\(failed).json is damaged: expected how a task failed"))
    try FileManager.default.removeItem(atPath: path + "/failed/\(failed).json")
    #expect(Ran(["sweep", "status", path]).code == 3)
  }
}
