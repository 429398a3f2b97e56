import ArgumentParser
import Engine
import Evaluation
import Wording

/// Another program that is asked to measure the same file.
struct WitnessOption: ParsableArguments {
  @Option(
    name: .customLong("with"),
    help: ArgumentHelp(
      "Have another program measure the same file on the same windows: \(Self.names), in a Python that has it (NIBBLE_PYTHON, else python3).",
      valueName: "program"))
  var program: String?

  private static var names: String {
    Witness.evaluators.map(\.rawValue).joined(separator: " or ")
  }

  func validate() throws {
    guard let program, !Witness.evaluators.contains(where: { $0.rawValue == program }) else {
      return
    }
    throw ValidationError("--with: expected \(Self.names), found '\(program)'")
  }

  /// Whether the other program could read what is asked of it.
  ///
  /// - Throws: `ValidationError`.
  func check(_ model: String?, _ evaluation: EvaluationGroup) throws {
    guard program != nil else { return }
    guard model != nil, evaluation.text != nil, evaluation.protocolName == "llama.cpp" else {
      throw ValidationError(
        "--with: expected a MODEL and --text, which the other program can read, and the protocol llama.cpp"
      )
    }
  }

  /// What it found; nil where nobody is asked.
  ///
  /// - Throws: `EngineError.noWitness`.
  func testimony(
    _ model: String?, _ text: String?, _ report: EvaluationReport
  ) throws -> Witness.Testimony? {
    guard let witness = program.flatMap(Witness.init), let model, let text else { return nil }
    return try witness.evaluate(
      model, text: text, window: report.window, windows: report.windows)
  }

  /// Both figures, one under the other.
  static func show(_ testimony: Witness.Testimony, next report: EvaluationReport) {
    Output.table(
      ["program", "version", "perplexity", "tokens"],
      [
        [
          "nibble", ProgramVersion.current, Quantity.fixed(report.perplexity, 4),
          "\(report.tokens)",
        ],
        [
          testimony.program, testimony.version, Quantity.fixed(testimony.perplexity, 4),
          "\(testimony.tokens)",
        ],
      ])
    let apart = report.perplexity / testimony.perplexity - 1
    print("  ours differs by \(Quantity.percent(apart, significant: 2))")
    if let system = testimony.system { print("  \(testimony.program): \(system)") }
  }
}
