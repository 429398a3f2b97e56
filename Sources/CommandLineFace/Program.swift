import ArgumentParser
import Glibc
import Quantization

/// Where the program begins: parses the command line, runs the command, and turns errors into exit codes.
package enum Program {
  /// The commands, as they are typed.
  package static var commandNames: [String] {
    Nibble.configuration.subcommands.compactMap { $0.configuration.commandName }
  }

  /// Runs the command line of the process and ends it.
  package static func main() -> Never {
    Interrupt.install()
    exit(run(Array(CommandLine.arguments.dropFirst())))
  }

  /// Runs one command line, the program's name left out; yields the exit code: 0 done, 1 failed, 2 usage, 3 ran but a
  /// check failed, 128+signal.
  package static func run(_ arguments: [String], output: OutputStreams = .standard) -> Int32 {
    Output.streams.withValue(output) {
      do {
        var command = try Nibble.parseAsRoot(arguments)
        try TypedCommand.$arguments.withValue(arguments) { try command.run() }
        return 0
      } catch {
        return tell(error)
      }
    }
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
      complain("\(error)")
      // What jobs throw comes as a failure; what is left of this kind are options that were typed.
      return error is QuantizationError ? 2 : 1
    }
  }

  private static func complain(_ text: String, prefix: String = "nibble: ") {
    Output.streams.get().error(prefix + text + "\n")
  }
}
