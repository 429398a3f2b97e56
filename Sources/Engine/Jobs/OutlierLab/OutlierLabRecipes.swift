import Models
import Quantization

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
      _ name: String, _ kind: OutlierLabReport.Row.Kind, _ method: String,
      _ options: [String: OptionValue] = [:], threshold: Double? = nil
    ) -> Entry {
      Entry(
        name: name, kind: kind,
        recipe: Recipe(activations: MethodChoice(method: method, options: options)),
        threshold: threshold)
    }
    var entries = [
      Entry(name: "FP", kind: .baseline, recipe: .baseline),
      activations("W8A8 per tensor", .int8, "int8", ["scaling": .choice("tensor")]),
      activations("W8A8 per token", .int8, "int8"),
    ]
    for threshold in [OutlierSurvey.six] + (proposed.map { [$0] } ?? []) {
      entries.append(
        activations(
          "LLM.int8() from \(threshold)", .llmInt8, "llm.int8",
          ["threshold": Self.value(threshold)],
          threshold: threshold))
    }
    for alpha in isQuick ? Self.quickAlphas : Self.alphas {
      entries.append(
        activations(
          "SmoothQuant alpha \(alpha)", .smoothQuant, "smoothquant", ["alpha": .decimal(alpha)]))
    }
    entries += [
      activations("SmoothQuant searched", .smoothQuant, "smoothquant", ["search": .flag(true)]),
      activations("FP8 per token", .fp8, "fp8"),
    ]
    let group = Self.group(dividing: configuration.shape)
    func weights(_ name: String, _ method: String, bits: Int, group: Int) -> Entry {
      Entry(
        name: name, kind: .weights,
        recipe: Recipe(
          weights: MethodChoice(
            method: method, options: ["bits": .integer(bits), "group": .integer(group)])))
    }
    // The weights of W8A8 without its activations: what is left of its error then is theirs.
    entries.append(weights(Self.int8Weights, "rtn", bits: 8, group: -1))
    for (title, method) in [("RTN", "rtn"), ("GPTQ", "gptq"), ("AWQ", "awq")] {
      entries.append(
        weights(
          "W4A16 \(title)" + (group.map { " g\($0)" } ?? ""), method, bits: 4,
          group: group ?? -1))
    }
    self.entries = entries
  }
}
