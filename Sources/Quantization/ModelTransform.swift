package import Models
package import Platform

/// A change of the whole model that leaves what it computes as it is, made before any method works: outliers that are planted,
/// a rotation.
///
/// To add one: a file in `Transforms/`, a line in `ModelTransforms.all`. Recipes in every form, help and forms are made from
/// `describes`. What moves scale inside one block by what calibration sees, as SmoothQuant does, is part of its method.
package protocol ModelTransform: Hashable, Sendable, CustomStringConvertible {
  static var describes: TransformDescription { get }

  /// Reads what people type after the transform's name: `8:32`.
  ///
  /// - Throws: an error that says what was expected.
  init(text: String) throws

  /// What `init(text:)` reads back.
  var text: String { get }

  /// Takes options that were checked against `describes.options`.
  ///
  /// - Throws: an error that says what was expected.
  init(options: OptionValues) throws

  /// The options that are not as they usually are, and those without a usual value.
  var settings: [OptionSetting] { get }

  /// Whether the model stays as it is.
  var isIdentity: Bool { get }

  /// The changed model; what is not touched is shared with `model`.
  ///
  /// - Throws: an error that names the layer that does not allow it.
  func applied(
    to model: Model, pool: WorkerPool?, pause: () throws -> Void
  ) throws -> Model
}

extension ModelTransform {
  package var isIdentity: Bool { false }

  /// The transform as recipes hold it.
  package var choice: MethodChoice {
    MethodChoice(
      method: Self.describes.name,
      options: Dictionary(settings.map { ($0.key, $0.value) }, uniquingKeysWith: { $1 }))
  }
}

/// What a transform says of itself.
package struct TransformDescription: Hashable, Sendable {
  /// The name in recipes and as an option: `plant`.
  package var name: String
  /// One sentence.
  package var summary: String
  /// What is typed after the name: `CHANNELS:FACTOR[:SEED[:EVERY]]`.
  package var usage: String
  /// Such a text.
  package var example: String
  package var options: [OptionSpec]

  package init(
    name: String, summary: String, usage: String, example: String, options: [OptionSpec]
  ) {
    self.name = name
    self.summary = summary
    self.usage = usage
    self.example = example
    self.options = options
  }
}
