import Checkpoints
import Models
import Operators
import Platform
import Tensors
import Testing

/// A model with what transformers makes of it in float32; `Fixtures/make_reference.py` wrote both.
struct FixtureModel: CustomTestStringConvertible, Sendable {
  static let names = [
    "llama3-scaling", "llama-linear", "mistral-window", "qwen2", "qwen3", "smollm3", "gemma3",
    "llama-yarn", "olmo2", "granite", "phi3", "gpt2", "opt", "mixtral", "qwen3-moe",
    "gemma2", "gpt-oss", "gpt-oss-mxfp4",
  ]

  let name: String
  var testDescription: String { name }

  static let all = names.map { FixtureModel(name: $0) }

  var directory: String { Self.folder + "/" + name }

  static let folder: String = {
    var parts = #filePath.split(separator: "/", omittingEmptySubsequences: false)
    parts.removeLast()
    return parts.joined(separator: "/") + "/Fixtures"
  }()

  func model(_ precision: BaselinePrecision = .f32) throws -> Model {
    try Model.load(directory: directory, precision: precision)
  }

  func reference() throws -> Reference {
    try Reference(path: directory + "/reference.safetensors")
  }
}

/// Tokens and the logits after each of them, `[tokens, vocabulary]`.
struct Reference {
  let ids: [Int32]
  let logits: [Float]

  init(path: String) throws {
    let checkpoint = try Checkpoint(path: path)
    ids = try checkpoint.view("ids").elements(as: Int32.self)
    logits = try checkpoint.view("logits").floats()
  }

  func row(_ index: Int) -> ArraySlice<Float> {
    let width = logits.count / ids.count
    return logits[index * width..<(index + 1) * width]
  }
}

/// The largest difference of any element; NaN counts as infinite.
func largestDifference(_ left: some Collection<Float>, _ right: some Collection<Float>) -> Float {
  guard left.count == right.count else { return .infinity }
  return zip(left, right).reduce(0) { worst, pair in
    let difference = (pair.0 - pair.1).magnitude
    return difference.isNaN ? .infinity : max(worst, difference)
  }
}

/// All rows of some logits in one array.
func allValues(_ logits: Logits) -> [Float] { (0..<logits.rows).flatMap { logits.values(row: $0) } }

func makeContext(threads: Int = 2, provider: ExecutionProvider = .best) throws -> ExecutionContext {
  try ExecutionContext(pool: WorkerPool(threads: threads), provider: provider)
}
