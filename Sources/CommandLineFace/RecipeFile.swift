import FoundationEssentials
import Platform
import Quantization
import TOMLKit

/// A recipe as a TOML file: a table a target, `method` and its options in it; exceptions for layers, the last that
/// covers a layer counts.
///
///     layers = ["*.v=8", "5.down=fp"]
///     head = "4:128"  # embedding table and head
///
///     [weights]
///     method = "rtn"
///     bits = 4
///     group = 128
///
///     [kv]            # or [kv-key] and [kv-value]
///     method = "int8"
enum RecipeFile {
  /// Reads a recipe.
  ///
  /// - Throws: `RecipeFileError` naming file, place, expected and found.
  static func read(_ path: String) throws -> Recipe {
    guard let data = FileManager.default.contents(atPath: path),
      let text = String(validating: data, as: UTF8.self)
    else { throw RecipeFileError.unreadable(path: path) }
    let table: TOMLTable
    do {
      table = try TOMLTable(string: text)
    } catch {
      throw RecipeFileError.malformed(path: path, reason: "\(error)")
    }
    var recipe = Recipe()
    for (name, value) in table {
      guard name != "layers" else {
        recipe.exceptions = try exceptions(value.array, path: path)
        continue
      }
      guard name != "head" else {
        recipe.head = try head(value.string, path: path)
        continue
      }
      guard let section = value.table else {
        throw RecipeFileError.malformed(
          path: path, reason: "'\(name)': expected a table, found a value")
      }
      let choice = try choice(section, name: name, path: path)
      switch name {
      case "weights": recipe.weights = choice
      case "activations": recipe.activations = choice
      case "kv": (recipe.keys, recipe.values) = (choice, choice)
      case "kv-key": recipe.keys = choice
      case "kv-value": recipe.values = choice
      default:
        throw RecipeFileError.malformed(
          path: path,
          reason: "'\(name)': expected weights, activations, kv, kv-key, kv-value, layers or head")
      }
    }
    return recipe
  }

  /// Writes a recipe so that `read` gives it back; the file appears whole.
  static func write(_ recipe: Recipe, to path: String) throws {
    var text = ""
    if !recipe.exceptions.isEmpty {
      let lines = recipe.exceptions.map { "  \"\($0)\",\n" }.joined()
      text += "layers = [\n\(lines)]\n\n"
    }
    if let head = recipe.head { text += "head = \"\(head)\"\n\n" }
    for (name, choice) in [
      ("weights", recipe.weights), ("activations", recipe.activations), ("kv-key", recipe.keys),
      ("kv-value", recipe.values),
    ] {
      guard let choice else { continue }
      text += "[\(name)]\nmethod = \"\(choice.method)\"\n"
      for (key, value) in choice.options.sorted(by: { $0.key < $1.key }) {
        if case .choice(let name) = value {
          text += "\(key) = \"\(name)\"\n"
        } else {
          text += "\(key) = \(value)\n"
        }
      }
      text += "\n"
    }
    try WholeFile.write(text, to: path)
  }

  private static func exceptions(_ list: TOMLArray?, path: String) throws -> [LayerException] {
    guard let list else {
      throw RecipeFileError.malformed(
        path: path, reason: "'layers': expected a list of texts such as \"5.down=fp\"")
    }
    return try list.enumerated().map { place, value in
      guard let text = value.string else {
        throw RecipeFileError.malformed(
          path: path, reason: "'layers[\(place)]': expected a text such as \"5.down=fp\"")
      }
      do {
        return try LayerException(text)
      } catch {
        throw RecipeFileError.malformed(path: path, reason: "'layers[\(place)]': \(error)")
      }
    }
  }

  private static func head(_ text: String?, path: String) throws -> HeadChoice {
    guard let text else {
      throw RecipeFileError.malformed(
        path: path, reason: "'head': expected a text such as \"4:128\"")
    }
    do {
      return try HeadChoice(text)
    } catch {
      throw RecipeFileError.malformed(path: path, reason: "'head': \(error)")
    }
  }

  private static func choice(
    _ section: TOMLTable, name: String, path: String
  ) throws -> MethodChoice {
    guard let method = section["method"]?.string else {
      throw RecipeFileError.malformed(
        path: path, reason: "'\(name).method': expected a string")
    }
    var options: [String: OptionValue] = [:]
    for (key, value) in section where key != "method" {
      if let flag = value.bool {
        options[key] = .flag(flag)
      } else if let number = value.int {
        options[key] = .integer(number)
      } else if let number = value.double {
        options[key] = .decimal(number)
      } else if let text = value.string {
        options[key] = .choice(text)
      } else {
        throw RecipeFileError.malformed(
          path: path, reason: "'\(name).\(key)': expected a number, true, false or a string")
      }
    }
    return MethodChoice(method: method, options: options)
  }
}

/// What can be wrong with a recipe file.
enum RecipeFileError: Error, CustomStringConvertible {
  case unreadable(path: String)
  case malformed(path: String, reason: String)

  var description: String {
    switch self {
    case .unreadable(let path): "\(path): expected a TOML file in UTF-8 that can be read"
    case .malformed(let path, let reason): "\(path): \(reason)"
    }
  }
}
