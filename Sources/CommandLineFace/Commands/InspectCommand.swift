import ArgumentParser
import Checkpoints
import Engine
import Models
import Wording

/// Architecture, tensors, bytes, KV bytes per token.
struct InspectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect",
    abstract: "Show a model's architecture, tensors, bytes, KV bytes per token.",
    discussion: """
      What the weights are stored as stands by role, with true bits a weight: a label such as Q4_K_M is a mix. Of a GGUF \
      file the header alone is read.
      """)

  @OptionGroup var model: ModelArgument
  @Flag(help: "List every tensor with its type, shape and bits.")
  var tensors = false
  @OptionGroup var runtime: RuntimeOptions
  @OptionGroup var output: OutputOptions

  /// What `--json` prints: the summary's fields, and every tensor where they are asked for.
  private struct Document: Encodable {
    var summary: ModelSummary
    var tensors: [StoredTypes.Tensor]?

    private enum Key: String, CodingKey { case tensorList }

    func encode(to encoder: any Encoder) throws {
      try summary.encode(to: encoder)
      var values = encoder.container(keyedBy: Key.self)
      try values.encodeIfPresent(tensors, forKey: .tensorList)
    }
  }

  func run() throws {
    let session = try CommandSession(runtime)
    let report = try session.perform(InspectJob(path: model.model, listsTensors: tensors))
    if output.json {
      return try Output.json(Document(summary: report.summary, tensors: report.tensors))
    }
    Self.show(report.summary)
    if let stored = report.summary.stored { Self.show(stored) }
    if let tensors = report.tensors { Self.show(tensors) }
  }

  private static func show(_ summary: ModelSummary) {
    let shape = summary.shape
    print(summary.label)
    var rows: [(String, String)] = [
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
      ("heads", "\(shape.heads) query, \(shape.kvHeads) KV, \(shape.headDimension) channels each"),
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
    ]
    if let stored = summary.stored, stored.isQuantized {
      rows.append(("reference", summary.baseline.long))
    }
    if let recipe = summary.recipe { rows.append(("recipe", recipe)) }
    let width = rows.map { ScalarWidth.of($0.0) }.max() ?? 0
    for (name, value) in rows {
      print("  " + PlainTable.padded(name, to: width + 2) + value)
    }
  }

  private static func show(_ stored: StoredTypes) {
    print(
      "Stored in \(stored.container)"
        + (stored.label.map { ", which calls itself \($0)" } ?? "") + ": "
        + "\(Quantity.fixed(stored.bits, 3)) bits a weight over \(Quantity.grouped(stored.parameters))"
    )
    Output.table(
      ["type", "tensors", "weights", "share", "bits", "bytes"],
      stored.shares.map { share in
        [
          share.type, "\(share.tensors)", Quantity.grouped(share.parameters),
          Quantity.percent(Double(share.parameters) / Double(max(1, stored.parameters)), 1),
          Quantity.fixed(share.bits, 3), Quantity.bytes(share.bytes),
        ]
      })
    Output.table(
      ["role", "tensors", "types", "bits", "bytes"],
      stored.roles.map { role in
        [
          role.name, "\(role.tensors)",
          role.shares.map { "\($0.type) x\($0.tensors)" }.joined(separator: ", "),
          Quantity.fixed(role.bits, 3), Quantity.bytes(role.bytes),
        ]
      })
  }

  private static func show(_ tensors: [StoredTypes.Tensor]) {
    Output.table(
      ["tensor", "type", "shape", "bits", "bytes"],
      tensors.map { tensor in
        [
          tensor.name, tensor.type, tensor.shape.map(String.init).joined(separator: " x "),
          Quantity.fixed(tensor.bits, 3), Quantity.bytes(tensor.bytes),
        ]
      })
  }
}
