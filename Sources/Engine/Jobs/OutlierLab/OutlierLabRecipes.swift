import Models
import Quantization
import Tensors

/// The recipes that the outlier lab compares, in the order of its tables.
struct OutlierLabRecipes {
  /// One recipe with what its row is called.
  struct Entry {
    var name: String
    var kind: OutlierLabReport.Row.Kind
    var recipe: Recipe
    /// Of LLM.int8().
    var threshold: Double?
  }

  /// Alphas of SmoothQuant that are tried.
  static let alphas = [0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]
  static let quickAlphas = [0.5, 0.8]
  static let int8Weights = "W8A16 RTN"
  /// The largest of the usual groups of weights that divides all layers; nil where none does.
  static func group(dividing shape: ModelShape) -> Int? {
    let widths = Set(shape.linears.map(\.columns))
    return [128, 64, 32].first { group in widths.allSatisfy { $0 % group == 0 } }
  }

  let entries: [Entry]

  /// A number as recipes are read back: whole ones without a fraction.
  private static func value(_ number: Double) -> OptionValue {
    Int(exactly: number).map { .integer($0) } ?? .decimal(number)
  }

  /// - Parameter proposed: the threshold found for the model; nil leaves that row out.
  init(_ configuration: ModelConfiguration, proposed: Double?, isQuick: Bool) {
    func activations(
      _ name: String, _ kind: OutlierLabReport.Row.Kind, _ choice: MethodChoice,
      threshold: Double? = nil
    ) -> Entry {
      Entry(name: name, kind: kind, recipe: Recipe(activations: choice), threshold: threshold)
    }
    var entries = [
      Entry(name: "FP", kind: .baseline, recipe: .baseline),
      activations(
        "W8A8 per tensor", .int8,
        MethodChoice(Int8Activations.self, Int8Activations.scaling(.tensor))),
      activations("W8A8 per token", .int8, MethodChoice(Int8Activations.self)),
    ]
    for threshold in [OutlierSurvey.six] + (proposed.map { [$0] } ?? []) {
      var choice = MethodChoice(LLMInt8Method.self)
      choice.options[LLMInt8Method.threshold.spec.key] = Self.value(threshold)
      entries.append(
        activations("LLM.int8() from \(threshold)", .llmInt8, choice, threshold: threshold))
    }
    for alpha in isQuick ? Self.quickAlphas : Self.alphas {
      entries.append(
        activations(
          "SmoothQuant alpha \(alpha)", .smoothQuant,
          MethodChoice(SmoothQuantMethod.self, SmoothQuantMethod.alpha(alpha))))
    }
    entries += [
      activations(
        "SmoothQuant searched", .smoothQuant,
        MethodChoice(SmoothQuantMethod.self, SmoothQuantMethod.search(true))),
      activations("FP8 per token", .fp8, MethodChoice(FP8Method.self)),
    ]
    // The weights of W8A8 without its activations: what is left of its error then is theirs.
    entries.append(
      Entry(
        name: Self.int8Weights, kind: .weights,
        recipe: Recipe(
          weights: MethodChoice(
            RoundToNearestMethod.self, RoundToNearestMethod.bits(8),
            RoundToNearestMethod.group(-1)))))
    entries += Self.fourBits(group: Self.group(dividing: configuration.shape))
    self.entries = entries
  }

  /// W4A16 by every method that rounds to a grid with whole zero points, so that rows differ by the method alone.
  private static func fourBits(group: Int?) -> [Entry] {
    QuantizationMethods.all.filter { method in
      method.describes.target == .weights
        && method.traits.forms.contains { $0.weights.bits == 4 && $0.weights.zeroPoint != .real }
    }.map { method in
      Entry(
        name: "W4A16 \(method.describes.title)" + (group.map { " g\($0)" } ?? ""), kind: .weights,
        recipe: Recipe(
          weights: MethodChoice(
            method: method.describes.name,
            options: ["bits": .integer(4), "group": .integer(group ?? -1)])))
    }
  }
}
