import FoundationEssentials
package import Operators
package import Quantization
import Serving

/// One line of a sweep: all that its result depends on, and nothing else.
package struct SweepTask: Hashable, Sendable, Codable {
  /// A model, a text or a trace by its content.
  package struct Source: Hashable, Sendable, Codable {
    /// As the plan has it.
    package var name: String
    /// nil for the built-in one.
    package var path: String?
    package var sha256: String

    init(_ input: FrozenInput) {
      (name, path, sha256) = (input.name, input.path, input.sha256)
    }
  }

  /// Of what it computes: the same for the same, wherever models lie and whatever the plan calls them.
  package var id: String
  package var model: Source
  /// As the plan has it.
  package var recipeName: String
  package var recipe: Recipe
  package var threads: Int
  package var provider: ExecutionProvider

  /// How quality is measured, and on what; nil for a workload.
  package var protocolName: String?
  package var text: Source?
  package var evaluation: EvaluationOptions?
  /// What methods look at; nil where none does.
  package var calibrationText: Source?
  package var calibration: CalibrationOptions?

  /// What is served; nil where quality is measured.
  package var workloadName: String?
  package var trace: Source?
  package var traffic: TrafficOptions?
  /// The machine as it was described.
  package var machine: MachinePeaks?

  init(
    model: FrozenInput, recipe: SweepPlan.NamedRecipe, threads: Int, provider: ExecutionProvider
  ) {
    id = ""
    self.model = Source(model)
    recipeName = recipe.name
    self.recipe = recipe.recipe
    self.threads = threads
    self.provider = provider
  }

  /// What it is, in words.
  package var words: String {
    [model.name, recipeName, text?.name, protocolName, workloadName].compactMap(\.self)
      .joined(separator: ", ")
  }

  /// The layout of what ids are made of.
  private static let layout = "nibble sweep task 1"

  /// The name of what it computes: 64 bits of a SHA-256 of its facts, a line each.
  package func identity() throws -> String {
    var lines = [
      Self.layout, "program \(ProgramVersion.current)", "model \(model.sha256)",
      "recipe \(RecipeText.text(of: recipe))", "threads \(threads)",
      "provider \(provider.rawValue)",
    ]
    if let text { lines.append("text \(text.sha256)") }
    if var evaluation {
      evaluation.text = nil
      lines.append("protocol \(try Self.json(evaluation))")
    }
    if let calibrationText { lines.append("calibration text \(calibrationText.sha256)") }
    if var calibration {
      calibration.text = nil
      lines.append("calibration \(try Self.json(calibration))")
    }
    if var traffic {
      if case .file(_, let rate, let dropsLong, let most) = traffic.source {
        traffic.source = .file(path: "", rate: rate, dropsLong: dropsLong, most: most)
      }
      lines.append("workload \(try Self.json(traffic))")
    }
    if let trace { lines.append("trace \(trace.sha256)") }
    if let machine { lines.append("machine \(try Self.json(machine))") }
    let digest = Array(lines.joined(separator: "\n").utf8).withUnsafeBytes {
      SHA256.hexDigest($0)
    }
    return String(digest.prefix(16))
  }

  /// The line of a plan.
  package func line() throws -> String { try Self.json(self) }

  static func json(_ value: some Encodable) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(value), as: UTF8.self)
  }
}
