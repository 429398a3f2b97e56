import ArgumentParser
import Engine
import Quantization
import Serving
import Wording

/// A trace of requests through continuous batching, full precision next to recipes.
struct ServeSimCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "serve-sim",
    abstract: "Serve a trace of requests through continuous batching, FP next to each recipe.",
    discussion: """
      Requests arrive, wait, share what their prompts begin with, and finish: batches are continuous, caches paged, \
      prompts computed in parts, and sequences given up and computed again where the cache is full. On this machine steps \
      are timed and fitted, and --execute runs the same trace through the real engine; on a described one (--machine) they \
      follow from its limits and are called modelled. MODEL may then also be a config.json. Formulas: docs/traffic.md.
      """)

  @OptionGroup var model: ModelArgument
  @OptionGroup var traffic: TrafficGroup
  @OptionGroup var serving: ServingGroup
  @OptionGroup var recipe: RecipeOptions
  @Option(
    name: .customLong("try"),
    help:
      "Another recipe, as often as wanted: a scheme such as W4A16, or words such as 'weights=rtn:4:128 kv=int8'."
  )
  var tries: [String] = []
  @Flag(help: "Run the trace through the real engine too, and print simulated next to measured.")
  var execute = false
  @Flag(help: "Print the formula of a step with its numbers.")
  var explain = false
  @Flag(help: "Print occupancy, requests and waiting over time.")
  var timeline = false
  @OptionGroup var runtime: RuntimeOptions
  @OptionGroup var output: OutputOptions

  private func options() throws -> (options: TrafficOptions, recipe: Recipe) {
    var options = TrafficOptions(
      source: traffic.source(standard: serving.isMeasured ? 200 : 2000),
      recipes: try tries.map(Self.recipe), machine: serving.machine,
      context: traffic.context, promise: try serving.promise(),
      memory: serving.memory.flatMap(ByteText.parse), seats: serving.seats, chunk: serving.chunk,
      kvWidths: serving.widths, fleet: serving.fleet, split: serving.tensorSplit,
      router: ServingSimulator.Router(rawValue: serving.router) ?? .least, executes: execute)
    let recipe = try recipe.parsed()
    // A described machine runs nothing: the recipe is one more to compute with.
    if !options.isMeasured, !recipe.isBaseline { options.recipes.insert(recipe, at: 0) }
    if options.recipes.isEmpty, recipe.isBaseline {
      options.recipes = try ["W4A16", "W8A8", "KV8"].map(Self.recipe)
    }
    try options.check()
    return (options, recipe)
  }

  private static func recipe(_ text: String) throws -> Recipe {
    guard !text.contains("="), let scheme = RecipeText.scheme(text) else {
      return try RecipeText.recipe(text)
    }
    return scheme
  }

  func validate() throws {
    do { _ = try options() } catch let error as ValidationError { throw error } catch {
      throw ValidationError("\(error)")
    }
  }

  func run() throws {
    let (options, recipe) = try options()
    let session = try CommandSession(runtime)
    for problem in session.laboratory.machines.problems { session.note("left out: \(problem)") }
    let job = TrafficJob(options: options)
    let report: TrafficReport
    if options.isMeasured {
      try session.open(model.model, recipe: recipe, CalibrationOptions())
      report = try session.perform(job)
    } else if let shape = try PlanCommand.shapeWithoutWeights(model.model) {
      report = try job.report(for: shape, name: model.model ?? "", in: session.laboratory)
    } else {
      _ = try session.load(model.model)
      report = try session.perform(job)
    }
    if output.json { return try Output.json(TrafficDocument(report)) }
    TrafficLines.show(report, explain: explain, timeline: timeline)
  }
}
