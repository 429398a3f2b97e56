import ArgumentParser
import Engine
import Evaluation
import Operators
import Wording

/// Every kernel and every kind of cache against plain C, end to end.
struct KernelsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "kernels",
    abstract: "Check every SIMD kernel end to end against its twin in plain C.",
    discussion: """
      The model runs in every form that some kernel is for, and with every kind of KV cache, under each SIMD provider and \
      under 'generic', on the same text: a part as a prompt, the rest token by token. KL is that of the next-token \
      distributions to generic's, in nats; the noise floor next to it is what generic itself does to them when the norms' \
      gains are off by the error that the order of a float32 sum makes. A KL above 4 times its floor ends the command with \
      exit code 3.
      """)

  @OptionGroup var model: ModelArgument
  @Option(help: "Tokens of the text.")
  var tokens = 144
  @Option(help: "Of them, tokens at the end that are decoded one by one.")
  var decoded = 32
  @Option(name: .customLong("form"), help: "A form as the table names it, as often as wanted.")
  var forms: [String] = []
  @OptionGroup var resume: ResumeOption
  @OptionGroup var runtime: RuntimeOptions
  @OptionGroup var output: OutputOptions

  func validate() throws {
    guard (8...1_000_000).contains(tokens) else {
      throw ValidationError("--tokens: expected 8 to 1000000, found \(tokens)")
    }
    guard (0..<tokens).contains(decoded) else {
      throw ValidationError("--decoded: expected 0 to \(tokens - 1), found \(decoded)")
    }
    guard runtime.provider == nil, runtime.disabledKernels.isEmpty else {
      throw ValidationError(
        "--provider and --disable-kernel: expected neither, since all kernels are run")
    }
  }

  func run() throws {
    let session = try CommandSession(runtime)
    _ = try session.load(model.model)
    let options = KernelOptions(
      tokens: tokens, decoded: decoded, forms: forms.isEmpty ? nil : forms)
    let job = KernelsJob(options: options)
    let report = try session.performLong(job, resume: resume.resume, line: Self.line) { parts in
      guard let report = job.folded(parts) else { return }
      if output.json { try Output.json(partial: report) } else { Self.show(report) }
    }
    if output.json { try Output.json(report) } else { Self.show(report) }
    guard report.passes else {
      throw CommandFailure(message: Self.complaint(report), code: 3)
    }
  }

  /// A form that is done, in a line.
  private static func line(_ part: KernelsJob.Part) -> String? {
    part.rows.first.map { row in
      let sides = part.rows.map { row in
        "\(row.provider.rawValue) KL \(Quantity.significant(row.found.kl, 2))"
          + (row.isAbove ? " ABOVE" : "")
      }
      return "\(row.form): \(sides.joined(separator: ", ")); floor "
        + Quantity.significant(row.floor.kl, 2)
    }
  }

  static func show(_ report: KernelReport) {
    print(
      "\(report.model) on \(report.text): \(report.options.tokens) tokens, the last "
        + "\(report.options.decoded) one by one; \(report.threads) threads, "
        + "\(Quantity.seconds(report.seconds))")
    Output.table(
      [
        "form", "kernel", "provider", "KL to generic", "noise floor", "ratio", "largest KL",
        "logits differ by", "floor", "",
      ],
      report.rows.map { row in
        [
          row.form, row.kernel, row.provider.rawValue, Quantity.significant(row.found.kl, 2),
          Quantity.significant(row.floor.kl, 2),
          row.floor.kl > 0 ? Quantity.fixed(row.found.kl / row.floor.kl, 2) : "-",
          Quantity.significant(row.found.klMax, 2), Quantity.significant(row.found.logits, 2),
          Quantity.significant(row.floor.logits, 2), row.isAbove ? "ABOVE" : "within",
        ]
      })
    if report.rows.isEmpty { print("This processor has no provider but generic.") }
    if !report.uncovered.isEmpty {
      print(
        "Not run, since rows of this model's layers are no whole blocks for them: "
          + "\(report.uncovered.joined(separator: ", ")). The built-in model runs all.")
    }
  }

  /// What is wrong, in words.
  private static func complaint(_ report: KernelReport) -> String {
    report.rows.filter(\.isAbove).map { row in
      "\(row.form) under \(row.provider.rawValue): expected a KL of at most "
        + "\(Quantity.significant(max(KernelAgreement.nothing, KernelAgreement.factor * row.floor.kl), 2)), found "
        + Quantity.significant(row.found.kl, 2)
    }.joined(separator: "; ")
  }
}
