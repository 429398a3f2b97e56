import Engine
import Evaluation
import FoundationEssentials
import Operators
import Quantization
import Serving
import TestSupport
import Testing
import Wording

/// Plans of sweeps: what they may say, what they come to, and what their tasks are called.
@Suite struct SweepPlanTests {
  private func plan(_ text: String) throws -> SweepPlan {
    try SweepPlanFile.plan(text, path: "/plans/sweep.toml")
  }

  @Test func everythingThatAPlanSays() throws {
    let plan = try plan(
      """
      models = ["built-in", "models/smol", "/elsewhere/model.gguf"]
      recipes = ["fp", "W4A16", "weights=rtn:4:64 kv=int8"]
      texts = ["wiki.txt"]
      threads = 2
      provider = "generic"

      [calibration]
      text = "calibration.txt"
      samples = 4
      length = 64
      seed = 3

      [[protocol]]
      name = "short"
      window = 128
      windows = 8
      bos = "none"
      baseline = "f32"

      [[protocol]]
      protocol = "paper"

      [[workload]]
      name = "chat"
      machine = "H200"
      rate = 5
      count = 100
      ttft = 0.5
      """)
    #expect(plan.models.map(\.path) == [nil, "/plans/models/smol", "/elsewhere/model.gguf"])
    #expect(plan.recipes[0].recipe.isBaseline)
    #expect(plan.recipes[2].recipe.weights?.options["group"] == .integer(64))
    #expect(plan.texts == [SweepPlan.Source(name: "wiki.txt", path: "/plans/wiki.txt")])
    #expect(
      plan.calibration
        == CalibrationOptions(
          text: "/plans/calibration.txt", samples: 4, length: 64, seed: 3))
    #expect(plan.protocols.map(\.name) == ["short", "paper"])
    #expect(plan.protocols[0].options.begin == .nothing)
    #expect(plan.protocols[0].options.baseline == .f32)
    #expect(plan.workloads[0].options.promise.firstToken == 0.5)
    #expect(plan.threads == 2)
    #expect(plan.provider == .generic)
    #expect(try plan.count() == 3 * 3 * (1 * 2 + 1))
    #expect(plan.product == "3 models x 3 recipes x (1 text x 2 protocols + 1 workload)")
  }

  /// A plan that is wrong, with what its refusal says.
  @Test(arguments: [
    ("recipes = [\"fp\"]", ["models", "one or more models", "found none"]),
    ("models = []\nrecipes = [\"fp\"]", ["line 1", "one or more models"]),
    ("models = [\"built-in\"]", ["recipes", "one or more recipes"]),
    ("models = [\"built-in\"]\nrecipes = []", ["line 2", "one or more recipes"]),
    ("models = [\"built-in\"]\nrecipes = [\"fp\", \"W4A17\"]", ["line 2", "'W4A17'"]),
    ("models = [\"built-in\"]\nrecipes = [\"fp\", \"fp\"]", ["each name once", "'fp' twice"]),
    ("models = [\"built-in\"]\nrecipes = \"fp\"", ["a list of texts in brackets"]),
    ("models = [\"built-in\"]\nrecipes = [4]", ["a list of texts"]),
    ("modles = [\"built-in\"]", ["line 1", "one of models", "'modles'"]),
    ("models = [\"built-in\"]\nrecipes = [\"fp\"]\ntexts = []", ["one or more texts"]),
    ("models = [\"built-in\"]\nrecipes = [\"fp\"]\nthreads = 0", ["1 to 256", "found 0"]),
    ("models = [\"built-in\"]\nrecipes = [\"fp\"]\nprovider = \"mmx\"", ["generic", "'mmx'"]),
    (
      "models = [\"built-in\"]\nrecipes = [\"fp\"]\n[[protocol]]\nwindow = \"8\"",
      ["protocol[0].window", "an integer"]
    ),
    (
      "models = [\"built-in\"]\nrecipes = [\"fp\"]\n[[protocol]]\nwidth = 8",
      ["protocol[0].width", "'width'"]
    ),
    (
      "models = [\"built-in\"]\nrecipes = [\"fp\"]\n[[protocol]]\nprefill = \"full\"\nprotocol = \"paper\"",
      ["prefill", "paper"]
    ),
    (
      "models = [\"built-in\"]\nrecipes = [\"fp\"]\n[[protocol]]\n[[protocol]]",
      ["each name once", "'llama.cpp' twice"]
    ),
    ("models = [\"built-in\"]\nrecipes = [\"fp\"]\nprotocol = 3", ["[[protocol]]"]),
    (
      "models = [\"built-in\"]\nrecipes = [\"fp\"]\n[[workload]]\nname = \"w\"\nmachine = \"this\"",
      ["workload[0].machine", "a described machine"]
    ),
    (
      "models = [\"built-in\"]\nrecipes = [\"fp\"]\n[[workload]]\nname = \"w\"\nmachine = \"H200\"\nrate = 0",
      ["requests a second above 0"]
    ),
    (
      "models = [\"built-in\"]\nrecipes = [\"fp\"]\n[calibration]\nsamples = 0",
      ["calibration.samples", "found 0"]
    ),
    ("models = [", ["TOML"]),
  ])
  func isRefused(text: String, words: [String]) {
    do {
      _ = try plan(text)
      Issue.record("nothing was refused: \(text)")
    } catch let error as SweepError {
      for word in words { #expect("\(error)".contains(word), "\(error)") }
      #expect("\(error)".hasPrefix("/plans/sweep.toml"))
      #expect(error.exitCode == 2)
    } catch {
      Issue.record("\(error)")
    }
  }

  /// A million tasks are counted, and none is made.
  @Test func tooManyAreRefusedByCount() {
    func plan(_ models: Int, _ recipes: Int) -> SweepPlan {
      SweepPlan(
        path: "p", models: (0..<models).map { .init(name: "\($0)", path: "/none/\($0)") },
        recipes: (0..<recipes).map { .init(name: "\($0)", recipe: .baseline) },
        protocols: [.init(name: "a", options: EvaluationOptions())])
    }
    let error = #expect(throws: SweepError.self) { try SweepExpansion(plan(1000, 1000)) }
    #expect(
      error.map { "\($0)" }?.hasSuffix(
        "found 1000 models x 1000 recipes x 1 text x 1 protocol = "
          + Quantity.grouped(1_000_000)) == true,
      "\(String(describing: error))")
    #expect(error?.exitCode == 2)
    #expect(throws: Never.self) { try plan(100, 1000).count() }
  }

  private func expansion(_ recipes: [String], _ more: String = "") throws -> SweepExpansion {
    let list = recipes.map { "\"\($0)\"" }.joined(separator: ", ")
    return try SweepExpansion(
      plan(
        "models = [\"built-in\"]\nrecipes = [\(list)]\nprovider = \"generic\"\n\(more)"))
  }

  @Test func idsAreThoseOfWhatIsComputed() throws {
    let tasks = try expansion(["fp", "W4A16", "KV8"]).tasks
    #expect(Set(tasks.map(\.id)).count == 3)
    #expect(tasks.allSatisfy { $0.id.count == 16 })
    // Neither the order nor the name of a recipe is part of it.
    let others = try expansion(["kv=int8", "fp"]).tasks
    #expect(others[1].id == tasks[0].id)
    let wider = try expansion(["fp"], "threads = 2").tasks
    #expect(wider[0].id != tasks[0].id)
    // A calibration text matters only to a recipe that looks at it.
    let seeded = try expansion(["fp", "weights=awq:4:64"], "[calibration]\nseed = 1").tasks
    let plain = try expansion(["fp", "weights=awq:4:64"]).tasks
    #expect(seeded[0].id == plain[0].id)
    #expect(seeded[1].id != plain[1].id)
  }

  /// Ids made by an older program of this version still name the same results.
  @Test func anIdStays() throws {
    let folder = try TemporaryFolder()
    try folder.file("a.txt", "one text\n")
    let text =
      "models = [\"built-in\"]\nrecipes = [\"W4A16\"]\ntexts = [\"a.txt\"]\nprovider = \"generic\"\n[[protocol]]\nwindow = 8"
    var task = try SweepExpansion(SweepPlanFile.plan(text, path: folder.path("p.toml"))).tasks[0]
    // The built-in model may be made anew.
    task.model.sha256 = "0"
    #expect(try task.identity() == "7f61daa60df34d68")
  }

  @Test func tasksThatComputeTheSameAreRefused() throws {
    let error = #expect(throws: SweepError.self) {
      try expansion(["W4A16", "fp", "kv=int8", "kv-key=int8 kv-value=int8"])
    }
    let words = error.map { "\($0)" } ?? ""
    #expect(words.contains("kv=int8") && words.contains("kv-key=int8"), "\(words)")
    #expect(error?.exitCode == 2)
  }

  @Test func aTextThatIsNotThereIsNamed() throws {
    let folder = try TemporaryFolder()
    let text = "models = [\"built-in\"]\nrecipes = [\"fp\"]\ntexts = [\"none.txt\"]"
    let plan = try SweepPlanFile.plan(text, path: folder.path("p.toml"))
    let error = #expect(throws: (any Error).self) { try SweepExpansion(plan) }
    #expect(error.map { "\($0)" }?.contains("none.txt") == true)
  }

  @Test func aModelWithoutWeightsServesAndIsNotMeasured() throws {
    let folder = try TemporaryFolder()
    try folder.file(
      "config.json",
      """
      {"model_type": "llama", "architectures": ["LlamaForCausalLM"], "hidden_size": 64,
       "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4,
       "num_key_value_heads": 2, "vocab_size": 256, "max_position_embeddings": 4096,
       "rms_norm_eps": 1e-5}
      """)
    let head = "models = [\"config.json\"]\nrecipes = [\"fp\", \"KV8\"]\n"
    let workload = "[[workload]]\nname = \"w\"\nmachine = \"H200\"\n"
    let served = try SweepExpansion(
      SweepPlanFile.plan(head + workload, path: folder.path("p.toml")))
    #expect(served.tasks.count == 2)
    #expect(throws: SweepError.self) {
      try SweepExpansion(SweepPlanFile.plan(head, path: folder.path("p.toml")))
    }
  }
}
