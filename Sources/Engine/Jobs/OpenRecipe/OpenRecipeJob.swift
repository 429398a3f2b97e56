package import Quantization

/// Reads a recipe from a TOML file.
package struct OpenRecipeJob: Job {
  package var path: String

  package init(path: String) { self.path = path }

  package static let name = "open-recipe"
  package static let isHeavy = false
  package static let staleAfter: Set<Change> = []

  package var title: String { "Opening the recipe \(path)" }
  package var words: String { "open the recipe" }
  package func news(of report: RecipeOnDisk) -> String? {
    "Recipe of \(report.path): \(report.recipe)"
  }

  /// - Throws: `RecipeFileError` with file, line, key, expected and found; what `Recipe.validate` refuses.
  package func run(
    in laboratory: Laboratory, reporting reporter: JobReporter<Never>
  ) throws -> RecipeOnDisk {
    let recipe = try RecipeFile.read(path)
    try recipe.validate()
    return RecipeOnDisk(path: path, recipe: recipe)
  }
}

/// A recipe and the file it lies in.
package struct RecipeOnDisk: Hashable, Sendable, Codable {
  package var path: String
  package var recipe: Recipe

  package init(path: String, recipe: Recipe) {
    self.path = path
    self.recipe = recipe
  }
}
