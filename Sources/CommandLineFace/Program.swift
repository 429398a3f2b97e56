import ArgumentParser
import Glibc
import Platform
import Quantization

/// Where the program begins: parses the command line, runs the command, and turns errors into exit codes.
package enum Program {
  /// The commands, as they are typed.
  package static var commandNames: [String] {
    Nibble.configuration.subcommands.compactMap { $0.configuration.commandName }
  }

  /// Runs the command line of the process and ends it.
  package static func main() -> Never {
    StandardStream.reserve()
    takeSignals()
    exit(run(Array(CommandLine.arguments.dropFirst())))
  }

  /// Takes the signals of the process: those that ask it to end, and the faults of mapped files.
  package static func takeSignals() {
    MappedFile.guardProcess()
    Interrupt.install()
  }

  /// Runs one command line, the program's name left out; yields the exit code: 0 done, 1 failed, 2 usage, 3 ran but a
  /// check failed, 75 stopped by SIGUSR1 with what can be resumed kept, 128+signal.
  package static func run(_ arguments: [String], output: OutputStreams = .standard) -> Int32 {
    Output.streams.withValue(output) {
      var code: Int32 = 0
      let losses = MappedFile.losses
      do {
        var command = try Nibble.parseAsRoot(arguments)
        try TypedCommand.$arguments.withValue(arguments) { try command.run() }
      } catch {
        code = tell(error)
      }
      if code == 0, MappedFile.losses > losses {
        complain("a file became shorter while it was read: what was printed does not count")
        code = 1
      }
      return written(code, output)
    }
  }

  /// The exit code of a command whose words may not have arrived.
  private static func written(_ code: Int32, _ output: OutputStreams) -> Int32 {
    guard let failure = output.failure() else { return code }
    // Who stops reading knows why; a program that dies of it ends with this code.
    if failure == EPIPE { return code == 0 ? 128 + SIGPIPE : code }
    complain("could not write standard output: \(PlatformError.words(failure))")
    return code == 0 ? 1 : code
  }

  /// Says what went wrong, or what was asked for, such as help; yields the exit code.
  private static func tell(_ error: any Error) -> Int32 {
    if let ended = error as? ExitCode { return ended.rawValue }
    if let failure = error as? CommandFailure {
      complain(failure.message)
      return failure.code
    }
    switch Nibble.exitCode(for: error) {
    case .success:
      print(Nibble.fullMessage(for: error))
      return 0
    case .validationFailure:
      complain(Nibble.fullMessage(for: error), prefix: "")
      return 2
    default:
      complain(ErrorWords.of(error))
      // What jobs throw comes as a failure; what is left of this kind are options that were typed.
      return error is QuantizationError ? 2 : 1
    }
  }

  private static func complain(_ text: String, prefix: String = "nibble: ") {
    Output.streams.get().complain(prefix + text + "\n")
  }
}
