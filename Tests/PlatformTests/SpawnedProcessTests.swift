import Glibc
import Platform
import TestSupport
import Testing

@Suite struct SpawnedProcessTests {
  private func shell(
    _ script: String, _ folder: TemporaryFolder, environment: [String: String] = [:]
  ) throws -> SpawnedProcess {
    try SpawnedProcess(
      "/bin/sh", ["-c", script], log: folder.path("log"), environment: environment)
  }

  @Test func saysHowItEnded() throws {
    let folder = try TemporaryFolder()
    #expect(try shell("exit 7", folder).wait() == .exited(7))
    let killed = try shell("kill -9 $$", folder).wait()
    #expect(killed == .signalled(SIGKILL))
    #expect(killed.code == 137)
  }

  @Test func whatItSaysGoesToTheEndOfTheLog() throws {
    let folder = try TemporaryFolder()
    try folder.file("log", "before\n")
    _ = try shell("echo out; echo error >&2; cat", folder).wait()
    #expect(try folder.text("log") == "before\nout\nerror\n")
  }

  @Test func variablesAreSetBesideThoseThatAreThere() throws {
    let folder = try TemporaryFolder()
    _ = try shell(
      "echo $NIBBLE_SPAWNED; test -n \"$PATH\"", folder,
      environment: [
        "NIBBLE_SPAWNED": "yes"
      ]
    ).wait()
    #expect(try folder.text("log") == "yes\n")
  }

  @Test func isStoppedBySignal() throws {
    let folder = try TemporaryFolder()
    let process = try shell("exec sleep 60", folder)
    #expect(process.poll() == nil)
    process.send(SIGTERM)
    #expect(process.wait() == .signalled(SIGTERM))
    // Its number may be another's by now.
    process.send(SIGTERM)
  }

  /// Whoever starts it may have signals blocked; it has not.
  @Test func itCanBeStoppedWhateverItsStarterBlocks() throws {
    let folder = try TemporaryFolder()
    var (all, before) = (sigset_t(), sigset_t())
    sigfillset(&all)
    pthread_sigmask(SIG_BLOCK, &all, &before)
    let started = Result { try shell("exec sleep 60", folder) }
    pthread_sigmask(SIG_SETMASK, &before, nil)
    let process = try started.get()
    process.send(SIGUSR1)
    #expect(process.wait() == .signalled(SIGUSR1))
  }

  @Test func whatCannotBeStartedIsNamed() throws {
    let folder = try TemporaryFolder()
    #expect(throws: PlatformError.system(operation: "start", path: "/no/such", code: ENOENT)) {
      try SpawnedProcess("/no/such", [], log: folder.path("log"))
    }
    #expect(throws: PlatformError.self) {
      try SpawnedProcess("/bin/true", [], log: folder.path("no/log"))
    }
  }
}
