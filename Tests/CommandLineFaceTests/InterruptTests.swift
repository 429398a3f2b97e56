import CommandLineFace
import Glibc
import TestSupport
import Testing

/// Every signal that asks a program to end ends a job at its next checkpoint; each in a process of its own.
@Suite struct InterruptTests {
  /// To the process, not to this thread, which may have signals blocked; and waits until it has come.
  static func send(_ number: Int32) {
    kill(getpid(), number)
    usleep(300_000)
  }

  @Test func theTimeIsUp() async {
    await #expect(processExitsWith: .exitCode(75)) {
      Program.takeSignals()
      InterruptTests.send(SIGUSR1)
      let ran = Ran(["evaluate", "--windows", "2"])
      #expect(ran.error.contains("stopped by SIGUSR1"))
      exit(ran.code)
    }
  }

  @Test func askedToEnd() async {
    await #expect(processExitsWith: .exitCode(128 + 1)) {
      Program.takeSignals()
      InterruptTests.send(SIGHUP)
      exit(Ran(["evaluate", "--windows", "2"]).code)
    }
    await #expect(processExitsWith: .exitCode(128 + 3)) {
      Program.takeSignals()
      InterruptTests.send(SIGQUIT)
      exit(Ran(["evaluate", "--windows", "2"]).code)
    }
    await #expect(processExitsWith: .exitCode(128 + 12)) {
      Program.takeSignals()
      InterruptTests.send(SIGUSR2)
      exit(Ran(["evaluate", "--windows", "2"]).code)
    }
  }

  @Test func nohupStays() async {
    await #expect(processExitsWith: .exitCode(0)) {
      signal(SIGHUP, SIG_IGN)
      Program.takeSignals()
      InterruptTests.send(SIGHUP)
      exit(Ran(["glossary"]).code)
    }
  }
}
