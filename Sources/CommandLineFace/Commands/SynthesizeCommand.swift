import ArgumentParser
import Engine
import Models
import Platform
import Wording

/// A model with random weights, for measuring time and memory.
struct SynthesizeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "synthesize",
    abstract: "Write a model of a given shape with random weights, for measuring time and memory.",
    discussion: """
      A Llama in Hugging Face's layout, in BF16, with the built-in tokenizer. The same shape and seed give the same \
      bytes. Sizes that are not given are those of --shape.
      """)

  @Argument(help: "The directory to write; it must not exist.")
  var directory: String
  @Option(help: "The shape of a known model: tinyllama-1.1b or smollm2-135m.")
  var shape = SyntheticModel.Preset.tinyLlama.rawValue
  @Option(help: "Decoder blocks.")
  var blocks: Int?
  @Option(name: .customLong("hidden-size"), help: "Width of the residual stream.")
  var hiddenSize: Int?
  @Option(name: .customLong("intermediate-size"), help: "Width of the feed-forward layers.")
  var intermediateSize: Int?
  @Option(help: "Query heads.")
  var heads: Int?
  @Option(name: .customLong("kv-heads"), help: "KV heads.")
  var kvHeads: Int?
  @Option(name: .customLong("head-dimension"), help: "Channels of a head.")
  var headDimension: Int?
  @Option(help: "Tokens of the vocabulary, 2048 or more.")
  var vocabulary: Int?
  @Option(help: "Tokens of the longest sequence.")
  var context: Int?
  @Option(help: "Seed of the weights.")
  var seed: UInt64 = 0
  @OptionGroup var runtime: RuntimeOptions
  @OptionGroup var output: OutputOptions

  func validate() throws {
    guard SyntheticModel.Preset(rawValue: shape) != nil else {
      let known = SyntheticModel.Preset.allCases.map(\.rawValue).joined(separator: ", ")
      throw ValidationError("--shape: expected one of \(known), found '\(shape)'")
    }
  }

  func run() throws {
    guard var wanted = SyntheticModel.Preset(rawValue: shape)?.shape else { return }
    wanted.blocks = blocks ?? wanted.blocks
    wanted.blocksWithCache = wanted.blocks
    wanted.hiddenSize = hiddenSize ?? wanted.hiddenSize
    wanted.intermediateSize = intermediateSize ?? wanted.intermediateSize
    wanted.heads = heads ?? wanted.heads
    wanted.kvHeads = kvHeads ?? wanted.kvHeads
    wanted.headDimension = headDimension ?? wanted.headDimension
    wanted.vocabularySize = vocabulary ?? wanted.vocabularySize
    wanted.context = context ?? wanted.context
    let model = try SyntheticModel(shape: wanted, seed: seed)
    let session = try CommandSession(runtime)
    try session.show("writing \(directory)", unit: "tensors") { progress in
      try model.write(
        to: directory, pool: WorkerPool(threads: runtime.threads ?? Machine.usableCores),
        progress: progress)
    }
    let summary = try session.load(directory)
    if output.json { return try Output.json(summary) }
    print(
      "Wrote \(directory): \(Quantity.grouped(wanted.parameters)) random parameters, "
        + "\(Quantity.bytes(summary.fileBytes)).")
  }
}
