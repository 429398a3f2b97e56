import FoundationEssentials
import Platform
import TOMLKit

/// A recipe as a TOML file: a table a slot, `method` and its options in it; a table a transform; exceptions for layers, the
/// last that covers a layer counts.
///
///     layers = ["*.v=8", "5.down=fp"]
///     head = "4:128"  # embedding table and head
///
///     [rotate]
///     seed = 0
///
///     [weights]
///     method = "rtn"
///     bits = 4
///     group = 128
///
///     [kv]            # or [kv-key] and [kv-value]
///     method = "int8"
package enum RecipeFile {
  static let layers = "layers"
  static let head = "head"
  static let method = "method"

  /// Everything that may stand at the top.
  static var places: [String] { Slot.knownKeys + ModelTransforms.names + [layers, head] }

  /// Reads a recipe.
  ///
  /// - Throws: `RecipeFileError` naming file, line, key, expected and found.
  package static func read(_ path: String) throws(RecipeFileError) -> Recipe {
    let text: String
    do throws(PlatformError) {
      text = try TextFile.read(path, atMost: TOMLBounds.bytes)
    } catch {
      throw RecipeFileError(
        path: path, expected: "a TOML file in UTF-8 that can be read", found: error.cause)
    }
    return try recipe(text, path: path)
  }

  /// Reads the text of a file.
  ///
  /// - Parameter path: what errors call it.
  /// - Throws: `RecipeFileError` naming file, line, key, expected and found.
  package static func recipe(
    _ text: String, path: String
  ) throws(RecipeFileError) -> Recipe {
    let table: TOMLTable
    do throws(TOMLText.Problem) {
      table = try TOMLText.table(text)
    } catch {
      throw RecipeFileError(
        path: path, line: error.line, expected: error.expected, found: error.found)
    }
    return try RecipeReading(path: path, lines: TOMLLines(text)).recipe(table)
  }

  /// Writes a recipe so that `read` gives it back; the file appears whole.
  package static func write(_ recipe: Recipe, to path: String) throws {
    try WholeFile.write(text(of: recipe), to: path)
  }

  /// Writes a recipe, but never in place of a file that holds something else.
  ///
  /// - Throws: `RecipeFileError` for such a file, which is left as it is; the platform's error where nothing can be written.
  package static func write(_ recipe: Recipe, overRecipesAlone path: String) throws {
    if FileManager.default.fileExists(atPath: path) {
      do {
        _ = try read(path)
      } catch {
        throw RecipeFileError(
          path: path, expected: "a new file, or one that holds a recipe, to write to",
          found: "another file (\(error.expected))")
      }
    }
    try write(recipe, to: path)
  }

  /// The text of a file.
  package static func text(of recipe: Recipe) -> String {
    var text = ""
    if !recipe.exceptions.isEmpty {
      let lines = recipe.exceptions.map { "  \"\($0)\",\n" }.joined()
      text += "\(layers) = [\n\(lines)]\n\n"
    }
    if let head = recipe.head { text += "\(Self.head) = \"\(head)\"\n\n" }
    for choice in recipe.transforms { text += "[\(choice.method)]\n" + options(of: choice) + "\n" }
    for slot in Slot.allCases {
      guard let choice = recipe[slot] else { continue }
      text += "[\(slot.key)]\n\(method) = \"\(choice.method)\"\n" + options(of: choice) + "\n"
    }
    return text
  }

  private static func options(of choice: MethodChoice) -> String {
    choice.options.sorted { $0.key < $1.key }.map { key, value in
      let text = GroupWord.text(value, of: key)
      if case .choice = value { return "\(key) = \"\(text)\"\n" }
      return "\(key) = " + (text == "\(value)" ? text : "\"\(text)\"") + "\n"
    }.joined()
  }
}

/// What is wrong with a recipe file.
package struct RecipeFileError: Error, Hashable, Sendable, CustomStringConvertible {
  package var path: String
  /// From 1; nil where it is about the whole file.
  package var line: Int?
  /// The key with its table: `weights.bits`.
  package var key: String?
  package var expected: String
  /// nil for nothing.
  package var found: String?

  init(
    path: String, line: Int? = nil, key: String? = nil, expected: String, found: String? = nil
  ) {
    self.path = path
    self.line = line
    self.key = key
    self.expected = expected
    self.found = found
  }

  package var description: String {
    path + (line.map { ", line \($0)" } ?? "") + (key.map { ": \($0)" } ?? "")
      + ": expected \(expected)" + (found.map { ", found \($0)" } ?? ", found none")
  }
}
