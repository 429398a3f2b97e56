import Models
import Platform
import Quantization

extension Laboratory {
  /// The open model brought to the transforms of a recipe, and the recipe with the transforms the model has.
  ///
  /// A recipe without transforms is for the model as it is, whatever was made of it.
  ///
  /// - Throws: `EngineError.noModel`; `EngineError.cannotTransform` for an artifact; what a transform refuses.
  func openModel(
    for job: String, as recipe: Recipe, pause: () throws -> Void
  ) throws -> (held: OpenModel, recipe: Recipe) {
    var held = try openModel(for: job)
    guard !recipe.transforms.isEmpty else {
      var own = recipe
      own.transforms = held.transformed.transforms
      return (held, own)
    }
    guard recipe.transforms != held.transformed.transforms else { return (held, recipe) }
    guard held.summary.isRewritable else {
      throw EngineError.cannotTransform(
        model: held.summary.name, reason: "it is quantized; open the model it was made from")
    }
    held.become(try held.changed(by: recipe, pool: pool, pause: pause), recipe)
    hold(held)
    return (held, recipe)
  }
}

extension Laboratory.OpenModel {
  /// The model as it was read with the transforms of a recipe.
  ///
  /// - Throws: what a transform refuses.
  func changed(
    by recipe: Recipe, pool: WorkerPool, pause: () throws -> Void
  ) throws -> Model {
    let transforms = try recipe.modelTransforms()
    // What is not rewritten stays as it is stored.
    guard !transforms.isEmpty else { return reference }
    return try transforms.reduce(rewritable()) {
      try $1.applied(to: $0, pool: pool, pause: pause)
    }
  }

  /// The model as it was read, for transforms to rewrite: weights that are stored quantized as the numbers they stand for.
  ///
  /// - Throws: `TensorError` for sizes that no tensor has.
  func rewritable() throws -> Model { try reference.decoded() }

  /// What is said of weights that a transform decodes; nil where it need not.
  var decodedWords: String? {
    summary.storedAs.map {
      "Note: the weights are stored quantized (\($0)); what is rewritten is the values they stand for, as floating-point "
        + "numbers."
    }
  }

  /// Takes a model that is made by the transforms of a recipe in place of the open one; what was made of that is dropped.
  mutating func become(_ model: Model, _ recipe: Recipe) {
    plain = recipe.transforms.isEmpty ? nil : reference
    self.model = model
    transformed = Recipe(transforms: recipe.transforms)
    summary.planted = recipe.transform(OutlierPlanting.self).map { "\($0)" }
    summary.rotated = recipe.transform(ResidualRotation.self).map { "\($0)" }
    summary.transforms =
      recipe.transforms.isEmpty ? nil : recipe.modelTransformWords
    summary.shape = model.configuration.shape
    forgetResults()
  }
}
