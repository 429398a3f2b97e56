package import Quantization

/// Writes a recipe to a TOML file that `OpenRecipeJob` and `--recipe` read back.
package struct WriteRecipeJob: Job {
  package var path: String
  package var recipe: Recipe

  package init(path: String, recipe: Recipe) {
    self.path = path
    self.recipe = recipe
  }

  package static let name = "write-recipe"
  package static let isHeavy = false
  package static let staleAfter: Set<Change> = []

  package var title: String { "Writing the recipe to \(path)" }
  package var words: String { "write the recipe" }
  package func news(of report: RecipeOnDisk) -> String? { "Recipe written to \(report.path)" }

  /// - Throws: `RecipeFileError` for a file of another kind, which is left as it is; the platform's error with the
  ///   path. The file appears whole or not at all.
  package func run(
    in laboratory: Laboratory, reporting reporter: JobReporter<Never>
  ) throws -> RecipeOnDisk {
    try RecipeFile.write(recipe, overRecipesAlone: path)
    return RecipeOnDisk(path: path, recipe: recipe)
  }
}
