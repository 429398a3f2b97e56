import ArgumentParser
import Engine
import Platform

/// Runs reference fixtures against this build.
struct ConformanceCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "conformance",
    abstract: "Run reference fixtures (manifest.json) against this build; exit 3 if a case fails.")

  @Argument(help: "The directory with manifest.json.")
  var directory: String
  @OptionGroup var output: OutputOptions

  func run() throws {
    let report = try Conformance.run(directory: directory)
    if output.json {
      try Output.json(report)
    } else {
      for result in report.cases {
        print("\(result.status.rawValue)  \(result.id)\(result.reason.map { ": " + $0 } ?? "")")
      }
      print(
        "\(report.passed) passed, \(report.failed) failed, \(report.unsupported) unsupported")
    }
    if report.failed > 0 {
      throw CommandFailure(message: "\(report.failed) cases failed", code: 3)
    }
  }
}
