import Checkpoints
import Models
import Quantization
import Tensors

/// Whether a format can hold what a recipe makes of a model, told before anything is made.
package struct ExportOutlook: Hashable, Sendable, Codable {
  /// The name of the format.
  package var format: String
  /// Why it cannot; nil where it can.
  package var problem: String?
  /// The nearest recipe that it can hold, in words.
  package var nearest: String?

  package init(format: String, problem: String? = nil, nearest: String? = nil) {
    self.format = format
    self.problem = problem
    self.nearest = nearest
  }

  /// Problem and remedy in one line; nil where there is none.
  package var words: String? {
    problem.map { $0 + (nearest.map { "; the nearest recipe it can hold is \($0)" } ?? "") }
  }
}

extension ExportOutlook {
  /// What a format says of a model that a recipe is going to make, or has made.
  init(_ name: String, _ outline: ArtifactOutline, _ recipe: Recipe) {
    let obstacle = ExportFormats.named(name)?.obstacle(outline)
    self.init(
      format: name, problem: obstacle?.reason,
      nearest: obstacle?.nearest.map { "\"\(recipe.moved(to: $0))\"" })
  }
}

extension ArtifactOutline {
  /// The layers of a model in the forms that a recipe gives them.
  ///
  /// - Throws: `QuantizationError` for what the methods refuse.
  init(_ recipe: Recipe, _ held: Laboratory.OpenModel, in laboratory: Laboratory) throws {
    let model = held.model
    var layers =
      try laboratory.trial(recipe, model)?.layers
      ?? model.linears.map { id in
        Layer(
          name: model[id].name, format: model[id].weight.format.written,
          activation: model[id].activation, rows: model[id].weight.rows,
          columns: model[id].weight.columns, isRouter: id.projection.kind == .router)
      }
    if let head = recipe.head {
      let tables =
        [(LinearPlan.layer(of: model.frame.embedding), model.embedding, true)]
        + (model.configuration.tiedEmbeddings ? [] : [(model.head.name, model.head.weight, false)])
      for (name, weight, isEmbedding) in tables {
        layers.append(
          Layer(
            name: name, format: head.format(columns: weight.columns),
            activation: model.precision.activation, rows: weight.rows, columns: weight.columns,
            isEmbedding: isEmbedding))
      }
    }
    self.init(modelType: model.configuration.modelType, layers: layers)
  }
}

extension Recipe {
  /// The recipe with what a format asks for instead.
  func moved(to nearest: ExportObstacle.Nearest) -> Recipe {
    var recipe = self
    if nearest.dropsActivations { recipe.activations = nil }
    if nearest.roundsToNearest, let choice = recipe.weights, choice.method != "rtn" {
      let kept = choice.options.filter { ["bits", "group"].contains($0.key) }
      recipe.weights = MethodChoice(method: "rtn", options: kept)
    }
    if nearest.dropsHead { recipe.head = nil }
    if nearest.dropsActivations, recipe.weights == nil {
      // What made the weights is gone with what was done with the inputs.
      recipe.weights = MethodChoice(
        method: "rtn",
        options: [
          "bits": .integer(nearest.bits ?? 8), "group": .integer(nearest.group ?? 32),
        ])
    }
    if let bits = nearest.bits {
      var choice = recipe.weights ?? MethodChoice(method: "rtn")
      if !QuantizationMethods.hasBits(choice.method) { choice = MethodChoice(method: "rtn") }
      choice.options["bits"] = .integer(bits)
      if let group = nearest.group { choice.options["group"] = .integer(group) }
      recipe.weights = choice
    }
    if let isSymmetric = nearest.isSymmetric, recipe.weights != nil {
      recipe.weights?.options["symmetric"] = .flag(isSymmetric)
      if (try? recipe.validate()) == nil { recipe.weights?.options["symmetric"] = nil }
    }
    if let widths = nearest.exceptions {
      recipe.exceptions.removeAll { exception in
        if case .bits(let bits) = exception.treatment { !widths.contains(bits) } else { false }
      }
    }
    return recipe
  }
}
