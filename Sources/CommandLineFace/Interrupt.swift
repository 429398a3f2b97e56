import Engine
import Glibc
import Platform
import Synchronization

/// Ctrl-C, and every other signal that asks a program to end, end the running job at its next checkpoint instead of the
/// program in mid-write.
///
/// SIGUSR1 is how batch systems say that the time is up: what is kept stays, and the exit code, 75, says "once more, please".
enum Interrupt {
  static let control = JobControl()
  private static let received = Atomic<Int32>(SIGINT)

  /// The exit code of a run that SIGUSR1 stopped: `EX_TEMPFAIL`.
  static let stoppedCode: Int32 = 75
  /// What ends a run.
  static let signals = [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2]

  /// How a command ends whose job was cancelled.
  static var failure: CommandFailure {
    let number = received.load(ordering: .relaxed)
    return CommandFailure(message: words(number), code: code(number))
  }

  /// Waits, in steps after each of which a signal ends it.
  ///
  /// - Throws: `JobControl.Cancelled`.
  static func wait(seconds: Double) throws {
    let end = Machine.seconds() + seconds
    while Machine.seconds() < end {
      try control.checkpoint()
      usleep(50_000)
    }
  }

  private static func code(_ number: Int32) -> Int32 {
    number == SIGUSR1 ? stoppedCode : 128 + number
  }

  private static func words(_ number: Int32) -> String {
    switch number {
    case SIGINT: "interrupted"
    case SIGUSR1: "stopped by SIGUSR1, to be run again"
    default:
      "interrupted by "
        + ([SIGTERM: "SIGTERM", SIGHUP: "SIGHUP", SIGQUIT: "SIGQUIT", SIGUSR2: "SIGUSR2"][number]
          ?? "signal \(number)")
    }
  }

  static func install() {
    for number in signals {
      let before = signal(number) { number in
        // Who asks twice does not want to wait for the checkpoint.
        if Interrupt.control.isCancelled { _exit(Interrupt.code(number)) }
        Interrupt.received.store(number, ordering: .relaxed)
        Interrupt.control.cancel()
      }
      // nohup stays nohup.
      if number == SIGHUP,
        unsafeBitCast(before, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self)
      {
        signal(number, SIG_IGN)
      }
    }
    signal(SIGPIPE, SIG_IGN)
    // A file that grows past a limit is then an error that can be told.
    signal(SIGXFSZ, SIG_IGN)
  }
}
