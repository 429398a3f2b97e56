import Checkpoints
import FoundationEssentials
import Platform
import Quantization

/// What an artifact says of how it was made, under `nibble` in its `config.json`.
enum ArtifactNotes {
  /// The notes to write.
  static func make(
    _ recipe: Recipe, source: String, planted: String? = nil, rotated: String? = nil
  ) throws -> JSONObject {
    var notes = JSONObject()
    notes.set("source", .string(source))
    if let planted { notes.set("planted", .string(planted)) }
    if let rotated { notes.set("rotated", .string(rotated)) }
    let encoder = JSONEncoder()
    // The order of a dictionary changes from run to run, and the file is not to.
    encoder.outputFormatting = [.sortedKeys]
    let text = try encoder.encode(recipe)
    notes.set("recipe", try StrictJSON.parse([UInt8](text)))
    return notes
  }

  /// The recipe noted; the baseline's when there is none.
  static func recipe(_ notes: ConfigFile?, path: String) throws -> Recipe {
    guard let notes, let value = notes.root["recipe"] else { return .baseline }
    do {
      let recipe = try JSONDecoder().decode(Recipe.self, from: Data(value.text().utf8))
      try recipe.validate()
      return recipe
    } catch let error as QuantizationError {
      throw error
    } catch {
      throw EngineError.badRun(
        path: path, reason: "nibble.recipe: expected a recipe, \(ErrorWords.of(error))")
    }
  }
}
