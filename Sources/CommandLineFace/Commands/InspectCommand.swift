import ArgumentParser
import Engine
import Models
import Wording

/// Architecture, tensors, bytes, KV bytes per token.
struct InspectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect",
    abstract: "Show a model's architecture, tensors, bytes, KV bytes per token.")

  @OptionGroup var model: ModelArgument
  @OptionGroup var runtime: RuntimeOptions
  @OptionGroup var output: OutputOptions

  func run() throws {
    let summary = try CommandSession(runtime).load(model.model)
    if output.json { return try Output.json(summary) }
    let shape = summary.shape
    print(summary.label)
    let rows: [(String, String)] =
      [
        ("path", summary.path),
        ("architecture", shape.architecture),
        ("parameters", Quantity.grouped(shape.parameters)),
        (
          "types",
          summary.parametersByType.sorted { $0.key < $1.key }
            .map { "\($0.key) \(Quantity.grouped($0.value))" }.joined(separator: ", ")
        ),
        ("tensors", "\(summary.tensors), \(Quantity.bytes(summary.fileBytes))"),
        (
          "blocks",
          "\(shape.blocks) of width \(shape.hiddenSize), feed-forward \(shape.intermediateSize)"
        ),
        (
          "heads", "\(shape.heads) query, \(shape.kvHeads) KV, \(shape.headDimension) channels each"
        ),
        (
          "vocabulary",
          "\(shape.vocabularySize)\(shape.tiedEmbeddings ? ", head tied to the embedding" : "")"
        ),
        (
          "context",
          "\(shape.context) tokens\(shape.slidingWindow > 0 ? ", window \(shape.slidingWindow)" : "")"
        ),
        ("KV cache", "\(summary.kvBytesPerToken) bytes a token in FP16"),
        ("tokenizer", summary.tokenizer),
      ] + (summary.recipe.map { [("recipe", $0)] } ?? [])
    let width = rows.map { ScalarWidth.of($0.0) }.max() ?? 0
    for (name, value) in rows {
      print("  " + PlainTable.padded(name, to: width + 2) + value)
    }
  }
}
