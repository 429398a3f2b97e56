import Models
import TOMLKit

/// Makes a recipe of a parsed TOML file; what is wrong is told with its line.
struct RecipeReading {
  let path: String
  let lines: TOMLLines

  func recipe(_ table: TOMLTable) throws(RecipeFileError) -> Recipe {
    var recipe = Recipe()
    // In the order of the text, so that the first fault in it is told.
    let names = table.keys.sorted { (lines.line(of: $0) ?? 0, $0) < (lines.line(of: $1) ?? 0, $1) }
    for name in names {
      guard let value = table[name] else { continue }
      switch name {
      case RecipeFile.layers: recipe.exceptions = try exceptions(value)
      case RecipeFile.head: recipe.head = try head(value)
      default: try read(value, name: name, into: &recipe)
      }
    }
    return recipe
  }

  private func error(
    _ key: String, in table: String? = nil, expected: String, found: String?
  ) -> RecipeFileError {
    RecipeFileError(
      path: path, line: lines.line(of: key, in: table),
      key: table.map { "\($0).\(key)" } ?? key, expected: expected, found: found)
  }

  private func read(
    _ value: any TOMLValueConvertible, name: String, into recipe: inout Recipe
  ) throws(RecipeFileError) {
    let transform = ModelTransforms.named(name)
    let slots = Slot.named(name)
    guard transform != nil || !slots.isEmpty else {
      throw error(
        name, expected: "one of " + RecipeFile.places.joined(separator: ", "), found: "'\(name)'")
    }
    guard let section = value.table else {
      throw error(name, expected: "a table [\(name)]", found: Self.words(value))
    }
    if let transform {
      let specs = transform.describes.options
      let choice = MethodChoice(
        method: name, options: try options(section, name, specs, of: name))
      do {
        _ = try ModelTransforms.make(choice)
      } catch {
        throw RecipeFileError(
          path: path, line: lines.line(of: name), key: name,
          expected: "what \(transform.describes.usage) allows", found: "\(error)")
      }
      return recipe.set(transform: name, choice)
    }
    for slot in slots { recipe[slot] = try choice(section, slot, name: name) }
  }

  private func choice(
    _ section: TOMLTable, _ slot: Slot, name: String
  ) throws(RecipeFileError) -> MethodChoice {
    let known = QuantizationMethods.descriptions(for: slot.target).map(\.name)
    let expected = "one of " + known.joined(separator: ", ")
    guard let value = section[RecipeFile.method] else {
      throw RecipeFileError(
        path: path, line: lines.line(of: name), key: "\(name).\(RecipeFile.method)",
        expected: expected, found: nil)
    }
    guard let method = value.string,
      let description = try? QuantizationMethods.description(of: method, target: slot.target)
    else {
      throw error(RecipeFile.method, in: name, expected: expected, found: Self.words(value))
    }
    return MethodChoice(
      method: description.name,
      options: try options(section, name, description.options, of: description.name))
  }

  /// The options of a table, checked one by one, under their own keys.
  private func options(
    _ section: TOMLTable, _ name: String, _ specs: [OptionSpec], of method: String
  ) throws(RecipeFileError) -> [String: OptionValue] {
    var options: [String: OptionValue] = [:]
    let keys = section.keys.sorted {
      (lines.line(of: $0, in: name) ?? 0, $0) < (lines.line(of: $1, in: name) ?? 0, $1)
    }
    for key in keys where key != RecipeFile.method {
      guard let value = section[key] else { continue }
      guard let spec = specs.first(where: { $0.key == key || $0.aliases.contains(key) }) else {
        throw error(
          key, in: name,
          expected: "an option of \(method), one of " + specs.map(\.key).joined(separator: ", "),
          found: "'\(key)'")
      }
      guard let given = Self.option(value) else {
        throw error(key, in: name, expected: spec.accepted, found: Self.words(value))
      }
      do {
        options[spec.key] = try spec.check(given, method: method)
      } catch {
        throw self.error(key, in: name, expected: spec.accepted, found: Self.words(value))
      }
    }
    return options
  }

  private func exceptions(
    _ value: any TOMLValueConvertible
  ) throws(RecipeFileError) -> [LayerException] {
    let expected = "a list of texts such as \"5.down=fp\""
    guard let list = value.array else {
      throw error(RecipeFile.layers, expected: expected, found: Self.words(value))
    }
    var found: [LayerException] = []
    for item in list {
      guard let text = item.string else {
        throw error(RecipeFile.layers, expected: expected, found: Self.words(item))
      }
      do {
        found.append(try LayerException(text))
      } catch {
        throw RecipeFileError(
          path: path, line: lines.line(holding: text) ?? lines.line(of: RecipeFile.layers),
          key: RecipeFile.layers, expected: Self.expected(error), found: "'\(text)'")
      }
    }
    return found
  }

  private func head(_ value: any TOMLValueConvertible) throws(RecipeFileError) -> HeadChoice {
    guard let text = value.string else {
      throw error(
        RecipeFile.head, expected: "a text such as \"4:128\"", found: Self.words(value))
    }
    do {
      return try HeadChoice(text)
    } catch {
      throw self.error(RecipeFile.head, expected: Self.expected(error), found: "'\(text)'")
    }
  }

  private static func expected(_ error: QuantizationError) -> String {
    if case .malformedChoice(_, let expected) = error { expected } else { "\(error)" }
  }

  private static func option(_ value: any TOMLValueConvertible) -> OptionValue? {
    if let flag = value.bool { return .flag(flag) }
    if let number = value.int { return .integer(number) }
    if let number = value.double { return .decimal(number) }
    return value.string.map { .choice($0) }
  }

  /// A value as errors show it.
  private static func words(_ value: any TOMLValueConvertible) -> String {
    if let text = value.string { return "'\(text)'" }
    if value.table != nil { return "a table" }
    if value.array != nil { return "a list" }
    return option(value).map { "\($0)" } ?? "a date"
  }
}

extension OptionSpec {
  /// What the option takes, in words.
  package var accepted: String {
    switch kind {
    case .integer(_, _, let listed) where !listed.isEmpty:
      "one of " + listing(listed)
    case .integer(let lowest, let highest, _): "a whole number from \(lowest) to \(highest)"
    case .decimal(let lowest, let highest): "a number from \(lowest) to \(highest)"
    case .flag: "true or false"
    case .choice(let names): "one of " + names.joined(separator: ", ")
    }
  }
}

/// Where things stand in the text of a TOML file, since the parser tells lines of syntax errors only.
package struct TOMLLines {
  private let lines: [Substring]

  package init(_ text: String) {
    lines = text.split(separator: "\n", omittingEmptySubsequences: false)
  }

  /// The line, from 1, that sets `key` in `table`, or at the top; for a table's own name the line of its header.
  package func line(of key: String, in table: String? = nil) -> Int? {
    var current: String?
    for (index, line) in lines.enumerated() {
      let bare = line.filter { !$0.isWhitespace && $0 != "\"" && $0 != "'" }
      if bare.hasPrefix("[") {
        let name = String(bare.dropFirst().prefix { $0 != "]" })
        if table == nil, name == key || name.hasPrefix(key + ".") { return index + 1 }
        current = name
      } else if bare.contains("=") {
        let name = bare.prefix { $0 != "=" }
        if current == table, name == key { return index + 1 }
        if current == nil, let table, name == "\(table).\(key)" || name == table {
          return index + 1
        }
      }
    }
    return table.flatMap { line(of: $0) }
  }

  /// The first line that holds a text.
  func line(holding text: String) -> Int? {
    lines.firstIndex { $0.contains(text) }.map { $0 + 1 }
  }
}
