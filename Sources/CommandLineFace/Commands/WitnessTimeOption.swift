import ArgumentParser
import Engine
import Profiling
import Wording

/// Another program that is timed on the same model.
struct WitnessTimeOption: ParsableArguments {
  @Option(
    name: .customLong("with"),
    help: ArgumentHelp(
      "Time the same model in another program, too: \(Self.names), in a Python that has it "
        + "(NIBBLE_PYTHON, else python3). What a recipe makes is written for it; onnxruntime runs the linear layers alone.",
      valueName: "program"))
  var program: String?

  private static var names: String { Witness.timed.map(\.rawValue).joined(separator: " or ") }

  func validate() throws {
    guard let program, !Witness.timed.contains(where: { $0.rawValue == program }) else { return }
    throw ValidationError("--with: expected \(Self.names), found '\(program)'")
  }

  /// The program; nil where nobody is asked.
  ///
  /// - Throws: `EngineError.noWitness` where it is not there.
  func asked() throws -> Witness? {
    guard let witness = program.flatMap(Witness.init) else { return nil }
    try witness.check()
    return witness
  }

  /// Both figures, one under the other, and what the other program says of its kernels.
  static func show(_ speed: WitnessSpeed) {
    print("\(speed.partWords), \(speed.threads) threads, ours first, then the other:")
    Output.table(
      ["program", "version", "prefill tok/s", "decode tok/s", "of"],
      [
        [
          "nibble", ProgramVersion.current,
          "\(speed.ourPrefill.words), \(Quantity.times(speed.prefillRatio))",
          "\(speed.ourDecode.words), \(Quantity.times(speed.decodeRatio))", speed.partWords,
        ],
        [
          speed.program, speed.version, speed.prefill.words, speed.decode.words, speed.artifact,
        ],
      ])
    for line in speed.kernels { print("  \(speed.program): \(line)") }
  }
}
