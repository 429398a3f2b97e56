import ArgumentParser
import Engine
import Evaluation
import Models
import Operators
import Planning
import Quantization
import Wording

/// Which model.
struct ModelArgument: ParsableArguments {
  @Argument(
    help:
      "A Hugging Face directory, a GGUF file, or what 'nibble quantize' wrote; the built-in model without it."
  )
  var model: String?
}

/// Which model it is held against.
struct BaseOption: ParsableArguments {
  @Option(help: "The model that MODEL is held against: a path, or 'built-in'.")
  var against: String?
}

/// How to print.
struct OutputOptions: ParsableArguments {
  @Flag(help: "Print one JSON document on standard output, and nothing else there.")
  var json = false
}

/// Whether an earlier run is gone on from.
struct ResumeOption: ParsableArguments {
  @Flag(
    help:
      "Go on from a run with the same model, text and settings that ended early: what it measured is kept in the data folder."
  )
  var resume = false
}

/// Threads, kernels and where runs are kept.
struct RuntimeOptions: ParsableArguments {
  @Option(help: "Threads that compute; the machine's cores without it.")
  var threads: Int?

  @Option(help: "Execution provider: generic, avx2 or avx512; the best one without it.")
  var provider: String?

  @Option(
    name: .customLong("disable-kernel"),
    help: "A kernel not to use, as the trace names it without provider.")
  var disabledKernels: [String] = []

  @Option(help: "Where finished runs are kept; the XDG data directory without it.")
  var workspace: String?

  @Option(help: "A TOML file of machines to plan for, besides those in the Machines folders.")
  var machines: String?

  func validate() throws {
    if let threads, !(1...256).contains(threads) {
      throw ValidationError("--threads: expected 1 to 256, found \(threads)")
    }
    if let provider, ExecutionProvider(rawValue: provider) == nil {
      let known = ExecutionProvider.allCases.map(\.rawValue).joined(separator: ", ")
      throw ValidationError("--provider: expected one of \(known), found '\(provider)'")
    }
  }

  /// The laboratory these options describe.
  func laboratory() throws -> Laboratory {
    try Laboratory(
      threads: threads, provider: provider.flatMap(ExecutionProvider.init(rawValue:)),
      disabledKernels: Set(disabledKernels), workspace: Workspace(directory: workspace),
      machineFile: machines)
  }
}

/// What to quantize, and how.
struct RecipeOptions: ParsableArguments {
  @Option(help: "Weights: METHOD[:BITS[:GROUP]] (rtn:4:128), or a scheme such as W4A16.")
  var weights: String?

  @Flag(help: "Zero points for weights.")
  var asymmetric = false

  @Option(
    help:
      "Activations: METHOD (int8, llm.int8, smoothquant, fp8), or a scheme such as W8A8 or FP8_DYNAMIC."
  )
  var activations: String?

  @Option(
    help:
      "KV cache, keys and values: METHOD[:BITS[:GROUP]] (int8, int4, fp8, kivi:2, turboquant:3.5)."
  )
  var kv: String?

  @Option(name: [.customLong("kv-key"), .customLong("ctk")], help: "Keys of the KV cache apart.")
  var kvKey: String?

  @Option(
    name: [.customLong("kv-value"), .customLong("ctv")], help: "Values of the KV cache apart.")
  var kvValue: String?

  @Option(help: "One option of a method: TARGET.KEY=VALUE (weights.mse=true).")
  var set: [String] = []

  @Option(
    help:
      "Other bits for some layers: BLOCK.PROJECTION=BITS (5.down=fp, *.v=8, 0-1.*=4); the last that covers a layer counts."
  )
  var layer: [String] = []

  @Option(
    help:
      "Embedding table and head too, rounded to nearest: BITS[:GROUP] (4:128, 8); FP without it."
  )
  var head: String?

  @Option(help: "A recipe in a TOML file.")
  var recipe: String?

  @OptionGroup var transforms: TransformOptions

  /// The recipe these options describe.
  func parsed() throws -> Recipe {
    var made = try recipe.map(RecipeFile.read) ?? Recipe()
    try transforms.put(into: &made)
    for (key, text) in [
      (Slot.weights.key, weights), (Slot.activations.key, activations), (Slot.cacheKey, kv),
      (Slot.keys.key, kvKey), (Slot.values.key, kvValue),
    ] {
      if let text { try RecipeText.put(text, for: key, into: &made) }
    }
    if asymmetric { try RecipeText.set("weights.symmetric=false", in: &made) }
    for text in set { try RecipeText.set(text, in: &made) }
    made.exceptions += try layer.map { try LayerException($0) }
    if let head { made.head = try RecipeText.head(head) }
    try made.validate()
    return made
  }
}

/// The text weights and activations are calibrated on.
struct CalibrationGroup: ParsableArguments {
  @Option(help: "Text file to calibrate on; the built-in one without it.")
  var calibration: String?

  @Option(help: "Windows of calibration text.")
  var samples = 32

  @Option(name: .customLong("sample-length"), help: "Tokens of a calibration window.")
  var sampleLength = 256

  @Option(help: "Seed for choosing windows.")
  var seed: UInt64 = 0

  func validate() throws {
    guard (1...100_000).contains(samples) else {
      throw ValidationError("--samples: expected 1 to 100000, found \(samples)")
    }
    guard (8...65536).contains(sampleLength) else {
      throw ValidationError("--sample-length: expected 8 to 65536, found \(sampleLength)")
    }
  }

  var options: CalibrationOptions {
    CalibrationOptions(text: calibration, samples: samples, length: sampleLength, seed: seed)
  }
}

/// How the texts that are given are read.
struct ChatTextOption: ParsableArguments {
  @Flag(
    help:
      "The texts that are given are JSONL, a conversation a line: messages with role and content, for the model's chat template."
  )
  var chat = false

  /// - Parameter texts: those that the command was given.
  func check(_ texts: String?...) throws {
    guard chat, texts.allSatisfy({ $0 == nil }) else { return }
    throw ValidationError("--chat: expected a text of conversations next to it, found none")
  }
}

extension CalibrationGroup {
  /// The options with what is said of texts.
  func options(_ text: ChatTextOption) -> CalibrationOptions {
    var options = options
    if text.chat, calibration != nil { options.chat = true }
    return options
  }
}

/// What the model is to be used for.
struct WorkloadGroup: ParsableArguments {
  @Option(help: "Tokens one request may hold; the model's context without it.")
  var context: Int?

  @Option(help: "Requests in flight at a time.")
  var requests = 1

  @Option(
    name: .customLong("prefix-share"),
    help: "Share of the context all requests have in common, 0 to 1.")
  var prefixShare = 0.0

  @Option(help: "Tokens of a prompt.")
  var prompt = 512

  @Option(help: "Tokens generated for a request.")
  var generate = 128

  @Option(help: "Sequences decoded in one step.")
  var batch = 1

  @Option(help: "Memory that may be used: 24GB, 512MB, or bytes; what the machine has without it.")
  var memory: String?

  @Option(help: "The machine: 'this' (measured), or one of the described ones.")
  var machine: String?

  @Option(
    name: .customLong("kv-widths"),
    help: "Widths of the cache to map, in bits of a value with its scales: 16,8.5,3.5.")
  var kvWidths: String?

  func validate() throws {
    for (name, value) in [
      ("--requests", requests), ("--prompt", prompt), ("--generate", generate), ("--batch", batch),
      ("--context", context ?? 1),
    ] where !(1...100_000_000).contains(value) {
      throw ValidationError("\(name): expected 1 to 100000000, found \(value)")
    }
    guard (0...1).contains(prefixShare) else {
      throw ValidationError("--prefix-share: expected 0 to 1, found \(prefixShare)")
    }
    if let kvWidths, Self.widths(kvWidths) == nil {
      throw ValidationError(
        "--kv-widths: expected up to 12 numbers from 0.5 to 32 such as 16,8.5,3.5, found '\(kvWidths)'"
      )
    }
    if let memory, ByteText.parse(memory) == nil {
      throw ValidationError("--memory: expected a size such as 24GB or 512MB, found '\(memory)'")
    }
  }

  /// The workload for a model with this context.
  func workload(context own: Int) -> Workload {
    Workload(
      context: context ?? own, requests: requests, sharedPrefix: prefixShare,
      promptTokens: prompt, generatedTokens: generate, batch: batch,
      memoryBudget: memory.flatMap(ByteText.parse), kvWidths: kvWidths.flatMap(Self.widths))
  }

  static func widths(_ text: String) -> [Double]? {
    let parts = text.split(separator: ",", omittingEmptySubsequences: false)
    let numbers = parts.compactMap { Double($0.filter { $0 != " " }) }
    guard !parts.isEmpty, parts.count <= 12, numbers.count == parts.count,
      numbers.allSatisfy({ (0.5...32).contains($0) })
    else { return nil }
    return numbers
  }
}
