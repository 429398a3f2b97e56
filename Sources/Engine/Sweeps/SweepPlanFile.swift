import FoundationEssentials
import Operators
import Platform
import Quantization
import TOMLKit

/// A plan of a sweep as a TOML file.
///
///     models = ["built-in", "models/smol"]
///     recipes = ["fp", "W4A16", "weights=rtn:4:64 kv=int8", "mine.toml"]
///     texts = ["built-in", "wiki.txt"]
///
///     [[protocol]]
///     name = "short"
///     window = 128
///     windows = 8
///
/// Paths are those next to the file. What is left out has the value that commands have.
package struct SweepPlanFile {
  let path: String
  private let folder: String
  private let lines: TOMLLines

  private static let keys = [
    "models", "recipes", "texts", "threads", "provider", "calibration", "protocol", "workload",
  ]

  /// Reads a plan.
  ///
  /// - Throws: `SweepError.badPlan` with file, line, key, expected and found.
  package static func read(_ path: String) throws(SweepError) -> SweepPlan {
    try plan(try text(path), path: path)
  }

  /// The text of a plan.
  ///
  /// - Throws: `SweepError.badPlan` for a file that cannot be read, and for one that is no text.
  package static func text(_ path: String) throws(SweepError) -> String {
    do throws(PlatformError) {
      return try TextFile.read(path, atMost: TOMLBounds.bytes)
    } catch {
      throw .badPlan(
        path: path, line: nil, key: nil, expected: "a TOML file in UTF-8 that can be read",
        found: error.cause)
    }
  }

  /// Reads the text of a plan.
  ///
  /// - Parameter path: what errors call it, and where its own paths begin.
  package static func plan(_ text: String, path: String) throws(SweepError) -> SweepPlan {
    let table: TOMLTable
    do throws(TOMLText.Problem) { table = try TOMLText.table(text) } catch {
      throw .badPlan(
        path: path, line: error.line, key: nil, expected: error.expected, found: error.found)
    }
    return try SweepPlanFile(path: path, text: text).plan(table)
  }

  private init(path: String, text: String) {
    self.path = path
    lines = TOMLLines(text)
    let absolute = Self.absolute(path)
    folder = String(absolute.prefix(upTo: absolute.lastIndex(of: "/") ?? absolute.startIndex))
  }

  static func absolute(_ path: String) -> String {
    path.hasPrefix("/") ? path : FileManager.default.currentDirectoryPath + "/" + path
  }

  private func plan(_ table: TOMLTable) throws(SweepError) -> SweepPlan {
    for key in table.keys.sorted() where !Self.keys.contains(key) {
      throw wrong(key, "one of " + Self.keys.joined(separator: ", "), "'\(key)'")
    }
    let reader = SweepTableReader(table: table, place: nil, file: self)
    let workloads = try SweepWorkloadReader(file: self).workloads(table)
    // A plan that serves workloads alone need not measure quality.
    let protocols = try self.protocols(table, isNeeded: workloads.isEmpty)
    let provider = try reader.choice(
      "provider", ExecutionProvider.allCases.map(\.rawValue))
    let plan = SweepPlan(
      path: path, models: try sources(reader, "models", standard: nil),
      recipes: try recipes(reader),
      texts: try sources(reader, "texts", standard: [.builtIn]), protocols: protocols,
      workloads: workloads, calibration: try calibration(table),
      threads: try reader.integer("threads", 1...256) ?? 1,
      provider: provider.flatMap(ExecutionProvider.init(rawValue:)) ?? .best)
    return plan
  }

  func wrong(_ key: String, _ expected: String, _ found: String?) -> SweepError {
    .badPlan(
      path: path, line: lines.line(of: key), key: key, expected: expected, found: found)
  }

  /// A path of the plan, from the folder the plan lies in.
  func resolved(_ name: String) -> String { name.hasPrefix("/") ? name : folder + "/" + name }

  private func sources(
    _ reader: SweepTableReader, _ key: String, standard: [SweepPlan.Source]?
  ) throws(SweepError) -> [SweepPlan.Source] {
    let names = try reader.texts(key)
    if names == nil, let standard { return standard }
    guard let names, !names.isEmpty else {
      throw wrong(key, "one or more \(key), 'built-in' for the built-in one", nil)
    }
    try refuseTwins(names, of: key)
    return names.map {
      $0 == SweepPlan.Source.builtIn.name ? .builtIn : .init(name: $0, path: resolved($0))
    }
  }

  func refuseTwins(_ names: [String], of key: String) throws(SweepError) {
    var seen: Set<String> = []
    for name in names where !seen.insert(name).inserted {
      throw wrong(key, "each name once", "'\(name)' twice")
    }
  }

  private func recipes(_ reader: SweepTableReader) throws(SweepError) -> [SweepPlan.NamedRecipe] {
    let names = try reader.texts("recipes") ?? []
    guard !names.isEmpty else {
      throw wrong(
        "recipes",
        "one or more recipes: 'fp', a scheme such as W4A16, words such as 'weights=rtn:4:128 kv=int8', or a .toml file",
        nil)
    }
    try refuseTwins(names, of: "recipes")
    var found: [SweepPlan.NamedRecipe] = []
    for name in names { found.append(.init(name: name, recipe: try recipe(name))) }
    return found
  }

  private func recipe(_ name: String) throws(SweepError) -> Recipe {
    if RecipeText.floatNames.contains(name.lowercased()) { return .baseline }
    do {
      if name.hasSuffix(".toml") {
        let recipe = try RecipeFile.read(resolved(name))
        try recipe.validate()
        return recipe
      }
      guard !name.contains("="), let scheme = RecipeText.scheme(name) else {
        return try RecipeText.recipe(name)
      }
      return scheme
    } catch {
      throw wrong("recipes", "a recipe", "'\(name)': \(ErrorWords.of(error))")
    }
  }

  private func calibration(_ table: TOMLTable) throws(SweepError) -> CalibrationOptions {
    var options = CalibrationOptions()
    guard let value = table["calibration"] else { return options }
    guard let section = value.table else {
      throw wrong("calibration", "a table [calibration]", "a value")
    }
    let reader = SweepTableReader(table: section, place: "calibration", file: self)
    try reader.refuseOthers(["text", "samples", "length", "seed"])
    options.text = try reader.text("text").flatMap {
      $0 == SweepPlan.Source.builtIn.name ? nil : resolved($0)
    }
    options.samples = try reader.integer("samples", 1...100_000) ?? options.samples
    options.length = try reader.integer("length", 8...65536) ?? options.length
    options.seed = UInt64(try reader.integer("seed", 0...Int.max) ?? 0)
    return options
  }

  private func protocols(
    _ table: TOMLTable, isNeeded: Bool
  ) throws(SweepError) -> [SweepPlan.NamedProtocol] {
    guard let list = try sections(table, "protocol") else {
      return isNeeded ? [.init(name: "llama.cpp", options: EvaluationOptions())] : []
    }
    var found: [SweepPlan.NamedProtocol] = []
    for reader in list { found.append(try SweepProtocolReader(reader: reader).protocol()) }
    try refuseTwins(found.map(\.name), of: "protocol")
    return found
  }

  /// The tables `[[key]]`; nil for none.
  func sections(
    _ table: TOMLTable, _ key: String
  ) throws(SweepError) -> [SweepTableReader]? {
    guard let value = table[key] else { return nil }
    guard let list = value.array, !list.isEmpty else {
      throw wrong(key, "[[\(key)]], once for each", "something else")
    }
    var found: [SweepTableReader] = []
    for (index, item) in list.enumerated() {
      guard let section = item.table else { throw wrong(key, "tables [[\(key)]]", "a value") }
      found.append(SweepTableReader(table: section, place: "\(key)[\(index)]", file: self))
    }
    return found
  }
}
