import Checkpoints
import Models
import Operators
import Planning
import Platform
import Quantization
import Tensors

/// A recipe tried on zeros of the widths of a model's layers: formats and refusals, without its weights.
struct RecipeTrial {
  /// Of the first layer that no exception covers.
  var format: WeightFormat
  var activation: ActivationFormat
  /// Bytes of all linear layers of the blocks, scales included.
  var linearBytes: Int
  /// Bits of a weight, scales included, over all layers.
  var bits: Double
  /// Every linear layer of the blocks in the form the recipe gives it.
  var layers: [ArtifactOutline.Layer] = []

  /// Bytes a weight for scales in float32 and zero points, as they are held in memory.
  var scaleBytes: Double {
    guard let layer = layers.first(where: { !$0.format.isFloat }) else { return 0 }
    let zero =
      switch layer.format.zeroPoint {
      case .fixed: 0.0
      case .integer: 1.0
      case .real: 4.0
      }
    return (4 + zero) / Double(layer.format.groupSize(columns: layer.columns))
  }

  /// nil when no method touches the layers.
  ///
  /// - Throws: `QuantizationError` for what the methods refuse.
  init?(_ recipe: Recipe, on model: Model, pool: WorkerPool) throws {
    guard try !recipe.methods().isEmpty else { return nil }
    func trialBlock(_ treatment: LayerException.Treatment?) throws -> BlockDraft {
      try Self.block(recipe, model, treatment: treatment, pool: pool)
    }
    let plain = try trialBlock(nil)
    var drafts: [LayerException.Treatment?: BlockDraft] = [nil: plain]
    var stored = 0
    var total = 0.0
    for id in model.linears {
      let treatment = recipe.treatment(of: id)
      let draft = try drafts[treatment] ?? trialBlock(treatment)
      drafts[treatment] = draft
      let size = model[id].weight
      let layer = draft[id.projection]
      // What no method touches stays as it is stored.
      let weight =
        layer.weight === layer.original || layer.weight is BlockWeight ? size : layer.weight
      stored += model.bytes(of: weight, rows: size.rows, columns: size.columns)
      total += Double(size.rows * size.columns)
      layers.append(
        ArtifactOutline.Layer(
          name: model[id].name, format: weight.format.written, activation: layer.activation,
          rows: size.rows, columns: size.columns, isRouter: id.projection.kind == .router))
    }
    format = plain.layers[0].weight.format
    activation = plain.layers[0].activation
    linearBytes = stored
    bits = Double(stored) * 8 / max(1, total)
  }

  /// Rows of the layers a recipe is tried on.
  private static let rows = 16

  private static func block(
    _ recipe: Recipe, _ model: Model, treatment: LayerException.Treatment?, pool: WorkerPool
  ) throws -> BlockDraft {
    var draft = BlockDraft(
      index: 0,
      layers: try model.blocks[0].plan.linears.map { linear in
        let (projection, columns) = (linear.role, linear.columns)
        // Of the type that the layer itself has, since some methods keep the weight next to its codes.
        let dense = model.blocks[0][linear.role].weight as? DenseWeight
        let type = dense?.view.dtype ?? .f32
        let zeros = try TensorView(
          dtype: type, shape: Shape(checking: [rows, columns]),
          copying: [UInt8](repeating: 0, count: rows * columns * type.bits / 8))
        var layer = BlockDraft.Layer(
          projection: projection, name: "every \(projection)", weight: try DenseWeight(zeros),
          activation: model.precision.activation, treatment: treatment, input: linear.input)
        if let blocks = model.blocks[0][linear.role].weight as? BlockWeight {
          layer.blocks = try BlockWeight(
            type: blocks.type, bytes: SharedBytes(byteCount: rows * blocks.rowBytes) { _ in },
            rows: rows, columns: columns)
        }
        return layer
      }, pool: pool)
    draft.isOutline = true
    try draft.run(recipe.methods())
    return draft
  }

  /// A refusal with what helps; for a group that does not divide, the runtimes that take the nearest one.
  static func advice(on error: QuantizationError) -> String {
    guard case .groupDoesNotDivide(_, _, _, let nearest?) = error else { return "\(error)" }
    let format = WeightFormat(code: .integer(bits: 4), granularity: .group(size: nearest))
    let takers = RuntimeRules.coverage(RuntimeDemand(weights: format))
      .filter { $0.support == .native }.map(\.runtime)
    return "\(error), which "
      + (takers.isEmpty
        ? "no other runtime we know of executes natively"
        : "\(takers.joined(separator: ", ")) execute\(takers.count == 1 ? "s" : "") natively")
  }
}

extension WeightFormat {
  /// The form it is written in: what no format keeps as it is stored becomes the numbers it stands for.
  var written: WeightFormat {
    switch code {
    case .block, .decoded: .dense(.f32)
    default: self
    }
  }
}
