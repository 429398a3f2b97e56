package import Tensors

/// A model that is going to be written, before its weights are there: what a format looks at to say whether it can hold it.
package struct ArtifactOutline {
  /// One linear layer in the form the recipe gives it.
  package struct Layer: Hashable, Sendable {
    /// The name in the checkpoint, without `.weight`.
    package var name: String
    package var format: WeightFormat
    package var activation: ActivationFormat
    package var rows: Int
    package var columns: Int
    package var isEmbedding: Bool
    /// Whether it chooses the experts of a mixture.
    package var isRouter: Bool

    package init(
      name: String, format: WeightFormat, activation: ActivationFormat, rows: Int, columns: Int,
      isEmbedding: Bool = false, isRouter: Bool = false
    ) {
      self.name = name
      self.format = format
      self.activation = activation
      self.rows = rows
      self.columns = columns
      self.isEmbedding = isEmbedding
      self.isRouter = isRouter
    }
  }

  /// `model_type` of its `config.json`.
  package var modelType: String
  package var layers: [Layer]

  package init(modelType: String, layers: [Layer]) {
    self.modelType = modelType
    self.layers = layers
  }

  /// The element that is there most often, the first of those that are as common; nil of none.
  static func commonest<Element: Hashable>(_ elements: [Element]) -> Element? {
    var counts: [Element: Int] = [:]
    for element in elements { counts[element, default: 0] += 1 }
    return elements.max { counts[$0, default: 0] < counts[$1, default: 0] }
  }

  /// The layers that are quantized.
  package var quantized: [Layer] { layers.filter { !$0.format.isFloat } }
}

/// Why a format cannot hold a model, and the form of its layers that it could.
package struct ExportObstacle: Hashable, Sendable {
  /// What a recipe would have to say instead; nil where that part can stay.
  package struct Nearest: Hashable, Sendable {
    package var bits: Int?
    /// Input channels that share a scale; -1 for all of a row.
    package var group: Int?
    package var isSymmetric: Bool?
    /// Whether inputs stay floating point.
    package var dropsActivations = false
    /// Whether embedding table and head stay floating point.
    package var dropsHead = false
    /// Whether weights are rounded to nearest, since the method's own grid is none of the format's.
    package var roundsToNearest = false
    /// Bits that exceptions may ask for; nil for any.
    package var exceptions: [Int]?

    package init(
      bits: Int? = nil, group: Int? = nil, isSymmetric: Bool? = nil,
      dropsActivations: Bool = false, dropsHead: Bool = false, roundsToNearest: Bool = false,
      exceptions: [Int]? = nil
    ) {
      self.bits = bits
      self.group = group
      self.isSymmetric = isSymmetric
      self.dropsActivations = dropsActivations
      self.dropsHead = dropsHead
      self.roundsToNearest = roundsToNearest
      self.exceptions = exceptions
    }
  }

  /// What was expected and what was found, with the layer.
  package var reason: String
  /// nil where no recipe helps.
  package var nearest: Nearest?

  package init(_ reason: String, nearest: Nearest? = nil) {
    self.reason = reason
    self.nearest = nearest
  }
}
