import ArgumentParser
import Engine
import Quantization
import Wording

/// Where the activations of a model stand out.
struct OutliersCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "outliers",
    abstract: "Survey where activations stand out, and propose a threshold for LLM.int8().",
    discussion: """
      Runs the calibration text through the model in full precision. With a recipe that moves scale out of \
      activations, such as --activations smoothquant, what it leaves is shown alongside.
      """)

  @OptionGroup var model: ModelArgument
  @Option(
    name: .customLong("threshold"), help: "Count columns at this magnitude too; may be given again."
  )
  var thresholds: [Double] = []
  @OptionGroup var recipe: RecipeOptions
  @OptionGroup var calibration: CalibrationGroup
  @OptionGroup var texts: ChatTextOption
  @OptionGroup var runtime: RuntimeOptions
  @OptionGroup var output: OutputOptions

  func validate() throws {
    for threshold in thresholds where !(threshold > 0 && threshold.isFinite) {
      throw ValidationError("--threshold: expected a number above 0, found \(threshold)")
    }
  }

  func run() throws {
    try texts.check(calibration.calibration)
    let session = try CommandSession(runtime)
    let recipe = try recipe.parsed()
    _ = try session.load(model.model, as: recipe)
    let survey = try session.perform(
      OutliersJob(recipe: recipe, calibration: calibration.options(texts), thresholds: thresholds))
    if output.json { return try Output.json(OutlierDocument(survey: survey)) }
    Self.show(survey)
  }

  static func show(_ survey: OutlierSurvey) {
    print(
      "\(survey.model) on \(survey.text): \(survey.windows) windows, "
        + "\(Quantity.grouped(survey.tokens)) tokens, in full precision")
    let proposed = survey.proposal.threshold
    Output.table(
      ["block", "inputs of", "largest", "median", "ratio", "top 1", "top 8", "kurtosis"]
        + ["from 6.0", proposed.map { "from \($0)" } ?? "-", "first tokens / others"],
      survey.inputs.map { input in
        [
          "\(input.block)", input.layers, number(input.reach.largest), number(input.reach.median),
          Quantity.fixed(input.reach.ratio, 1), Quantity.percent(input.reach.topOneShare),
          Quantity.percent(input.reach.topEightShare), Quantity.fixed(input.kurtosis, 1),
          "\(input.atSix.columns)", input.atProposed.map { "\($0.columns)" } ?? "-",
          input.first.map {
            "\(number($0.magnitude)) at \($0.position), channel \($0.channel) / \(number($0.behind))"
          } ?? "-",
        ]
      })
    if survey.inputs.contains(where: { $0.smoothed != nil }) {
      print("\nWhat \(survey.recipe) leaves:")
      Output.table(
        ["block", "inputs of", "largest", "after", "median", "after", "ratio", "after"],
        survey.inputs.compactMap { input in
          input.smoothed.map { after in
            [
              "\(input.block)", input.layers, number(input.reach.largest), number(after.largest),
              number(input.reach.median), number(after.median),
              Quantity.fixed(input.reach.ratio, 1), Quantity.fixed(after.ratio, 1),
            ]
          }
        })
    } else if !survey.recipe.staysFloat {
      print("\n\(survey.recipe) moves no scale: activations stay as they are.")
    }
    print("\nColumns that reach a threshold, of \(Quantity.grouped(survey.columns)):")
    Output.table(
      ["threshold", "in the text", "share", "in a window"],
      survey.ladder.map { rung in
        [
          "\(rung.threshold)" + (rung.threshold == proposed ? " proposed" : ""),
          "\(rung.count.columns)",
          Quantity.percent(Double(rung.count.columns) / Double(max(1, survey.columns)), 2),
          Quantity.fixed(rung.count.perWindow, 1),
        ]
      })
    print(survey.verdict)
  }

  private static func number(_ value: Double) -> String { Quantity.significant(value) }
}

/// The JSON document of `outliers`: the survey, and what it says.
private struct OutlierDocument: Encodable {
  let survey: OutlierSurvey

  private enum Key: String, CodingKey {
    case verdict
  }

  func encode(to encoder: any Encoder) throws {
    try survey.encode(to: encoder)
    var container = encoder.container(keyedBy: Key.self)
    try container.encode(survey.verdict, forKey: .verdict)
  }
}
