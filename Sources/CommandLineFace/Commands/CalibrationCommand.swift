import ArgumentParser
import Engine
import Quantization
import Wording

/// Whether a calibration text is good enough for a recipe.
struct CalibrationCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "calibration",
    abstract: "See whether a calibration text is long enough, or write what inputs count over it.",
    discussion: """
      Quantizes the first block and the one in the middle with more and more windows of the text, and \
      measures each on windows that none of them has seen; two halves of the same windows show how \
      much depends on chance.

      With --imatrix the text runs through the model in full precision, and the mean squares of what enters \
      each layer are written as an importance matrix: 'nibble quantize --format gguf:Q4_K --imatrix FILE' \
      and llama-quantize read it.
      """)

  @OptionGroup var model: ModelArgument
  @Option(
    help: "Write an importance matrix (GGUF) to this file instead, which must not exist.")
  var imatrix: String?
  @OptionGroup var recipe: RecipeOptions
  @OptionGroup var calibration: CalibrationGroup
  @OptionGroup var texts: ChatTextOption
  @OptionGroup var runtime: RuntimeOptions
  @OptionGroup var output: OutputOptions

  func run() throws {
    try texts.check(calibration.calibration)
    let session = try CommandSession(runtime)
    let recipe = try recipe.parsed()
    if let imatrix { return try write(imatrix, recipe, session) }
    guard try recipe.calibrates() else {
      throw CommandFailure(
        message:
          "\(recipe) looks at no text: expected a method that calibrates, such as gptq or awq")
    }
    _ = try session.load(model.model, as: recipe)
    let survey = try session.perform(
      CalibrationSurveyJob(recipe: recipe, calibration: calibration.options(texts)))
    if output.json { return try Output.json(CalibrationDocument(survey: survey)) }
    let blocks = survey.blocks.map(String.init).joined(separator: " and ")
    print(
      (survey.model.map { "\($0), " } ?? "")
        + "\(recipe) on \(survey.text): blocks \(blocks), error on \(survey.heldOut) windows held out"
    )
    print("rounding to nearest, without any text: \(Quantity.significant(survey.roundedError))")
    Output.table(
      ["windows", "tokens", "relative error", "with either half", "codes halves agree on"],
      survey.points.map {
        [
          "\($0.windows)", "\($0.tokens)", Quantity.significant($0.error),
          $0.halfErrors.map { Quantity.significant($0) }.joined(separator: " / "),
          Quantity.percent($0.agreement, 1),
        ]
      })
    print("The error is \(survey.verdict).")
  }

  private func write(_ path: String, _ recipe: Recipe, _ session: CommandSession) throws {
    guard recipe.staysFloat else {
      throw ValidationError(
        "--imatrix: expected the model in full precision, found the recipe \(recipe)")
    }
    try ImportanceJob.check(path: path)
    _ = try session.load(model.model, as: recipe)
    let report = try session.perform(
      ImportanceJob(path: path, calibration: calibration.options(texts)))
    if output.json { return try Output.json(report) }
    for note in report.notes { print("Note: \(note).") }
    print(
      "Wrote \(path): \(report.tensors) tensors over \(Quantity.grouped(report.tokens)) tokens in "
        + "\(report.windows) windows of \(report.text), \(Quantity.bytes(report.bytes)).")
  }
}

/// The JSON document of `calibration`: the survey, and what it says.
private struct CalibrationDocument: Encodable {
  let survey: CalibrationSurvey

  private enum Key: String, CodingKey {
    case flatFrom, verdict
  }

  func encode(to encoder: any Encoder) throws {
    try survey.encode(to: encoder)
    var container = encoder.container(keyedBy: Key.self)
    try container.encode(survey.flatFrom, forKey: .flatFrom)
    try container.encode(survey.verdict, forKey: .verdict)
  }
}
