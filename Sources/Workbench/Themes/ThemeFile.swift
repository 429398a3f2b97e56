import Quantization
import TOMLKit
package import TerminalUI

/// A theme as a TOML file says it: its name, the theme it builds on, its roles and its heat ramp.
///
///     name = "dusk"
///     inherits = "dark"
///     [palette]
///     sea = "#5ccfb8"
///     [roles]
///     accent = "sea bold"
///     [heat]
///     stops = ["#101014", "sea", "#ffffff"]
package struct ThemeFile: Hashable, Sendable {
  package var name: String
  /// The theme whose roles hold where this one is silent; the built-in one when nil.
  package var inherits: String?
  package var roles: [String: String]
  package var heat: [String]?
  /// The file, for messages.
  package var path: String

  private static let keys = ["name", "inherits", "palette", "roles", "heat"]

  /// Reads the text of a theme file.
  ///
  /// - Throws: `ThemeFileError` naming file and key.
  package init(parsing text: String, path: String) throws(ThemeFileError) {
    self.path = path
    let table: TOMLTable
    do throws(TOMLText.Problem) {
      table = try TOMLText.table(text)
    } catch {
      throw .syntax(
        path: path, line: error.line, reason: "expected \(error.expected), found \(error.found)")
    }
    for key in table.keys where !Self.keys.contains(key) {
      throw .unknownKey(path: path, key: key, nearest: NearestName.of(key, among: Self.keys))
    }
    let stem = path.split(separator: "/").last.map(String.init) ?? path
    name =
      try Self.string("name", table, path)
      ?? (stem.hasSuffix(".toml") ? String(stem.dropLast(5)) : stem)
    inherits = try Self.string("inherits", table, path)
    let palette = try Self.strings("palette", table, path)
    roles = try Self.strings("roles", table, path).mapValues { Self.resolved($0, palette) }
    heat = try Self.stops(table, palette, path)
  }

  /// The theme, on top of `base`.
  ///
  /// - Throws: `ThemeFileError` naming the file and what is wrong with which role.
  package func theme(inheriting base: Theme) throws(ThemeFileError) -> Theme {
    do {
      return try Theme(name: name, inheriting: base, roles: roles, heat: heat)
    } catch {
      throw .theme(path: path, reason: "\(error)")
    }
  }

  /// `value` with names of the palette replaced by their colours.
  private static func resolved(_ value: String, _ palette: [String: String]) -> String {
    value.split(separator: " ").map { palette[String($0)] ?? String($0) }.joined(separator: " ")
  }

  private static func string(
    _ key: String, _ table: TOMLTable, _ path: String
  ) throws(ThemeFileError) -> String? {
    guard let value = table[key] else { return nil }
    guard let text = value.string else {
      throw .wrongType(path: path, key: key, expected: "a text in quotes")
    }
    return text
  }

  private static func strings(
    _ key: String, _ table: TOMLTable, _ path: String
  ) throws(ThemeFileError) -> [String: String] {
    guard let value = table[key] else { return [:] }
    guard let inner = value.table else {
      throw .wrongType(path: path, key: key, expected: "a table of names and texts")
    }
    var found: [String: String] = [:]
    for name in inner.keys {
      guard let text = inner[name]?.string else {
        throw .wrongType(path: path, key: "\(key).\(name)", expected: "a text in quotes")
      }
      found[name] = text
    }
    return found
  }

  private static func stops(
    _ table: TOMLTable, _ palette: [String: String], _ path: String
  ) throws(ThemeFileError) -> [String]? {
    guard let value = table["heat"] else { return nil }
    guard let heat = value.table else {
      throw .wrongType(path: path, key: "heat", expected: "a table with stops")
    }
    for key in heat.keys where key != "stops" {
      throw .unknownKey(path: path, key: "heat.\(key)", nearest: "heat.stops")
    }
    guard let list = heat["stops"] else { return nil }
    guard let array = list.array else {
      throw .wrongType(path: path, key: "heat.stops", expected: "a list of colours")
    }
    var stops: [String] = []
    for stop in array {
      guard let text = stop.string else {
        throw .wrongType(path: path, key: "heat.stops", expected: "colours such as \"#7aa2f7\"")
      }
      stops.append(resolved(text, palette))
    }
    return stops
  }
}

/// What is wrong with a theme file.
package enum ThemeFileError: Error, Hashable, Sendable {
  case unreadable(path: String, reason: String)
  case syntax(path: String, line: Int?, reason: String)
  case unknownKey(path: String, key: String, nearest: String?)
  case wrongType(path: String, key: String, expected: String)
  case unknownParent(path: String, name: String, nearest: String?)
  case inheritsItself(path: String, chain: [String])
  case theme(path: String, reason: String)
}

extension ThemeFileError: CustomStringConvertible {
  package var description: String {
    func meant(_ nearest: String?) -> String { nearest.map { "; did you mean \"\($0)\"?" } ?? "" }
    return switch self {
    case .unreadable(let path, let reason): "\(path): cannot be read: \(reason)"
    case .syntax(let path, let line, let reason):
      path + (line.map { ", line \($0)" } ?? "") + ": \(reason)"
    case .unknownKey(let path, let key, let nearest):
      "\(path): there is no key \"\(key)\"" + meant(nearest)
    case .wrongType(let path, let key, let expected): "\(path): \(key): expected \(expected)"
    case .unknownParent(let path, let name, let nearest):
      "\(path): inherits \"\(name)\", which is no theme here" + meant(nearest)
    case .inheritsItself(let path, let chain):
      "\(path): inherits itself: " + chain.joined(separator: ", then ")
    case .theme(let path, let reason): "\(path): \(reason)"
    }
  }
}
