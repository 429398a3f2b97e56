/// Parts of values: attributes, items and slices.
enum TemplateMembers {
  /// `value.name`: methods go before members, as in Jinja.
  static func attribute(
    _ name: String, of value: TemplateValue, line: Int
  ) throws(ChatTemplateError) -> TemplateValue {
    switch value {
    case .undefined(let whole):
      throw .evaluation(line: line, "\(whole) is undefined, and so has no \(name)")
    case .namespace(let namespace):
      return namespace.fields[name] ?? .undefined(name)
    case .dictionary(let dictionary):
      if TemplateMethods.ofMappings.contains(name) { return .function(.method(value, name)) }
      return dictionary[name] ?? .undefined(name)
    case .string where TemplateMethods.ofStrings.contains(name),
      .list where TemplateMethods.ofLists.contains(name):
      return .function(.method(value, name))
    default:
      return .undefined(name)
    }
  }

  /// `value[place]`.
  static func item(
    _ place: TemplateValue, of value: TemplateValue, line: Int
  ) throws(ChatTemplateError) -> TemplateValue {
    switch value {
    case .undefined(let whole):
      throw .evaluation(
        line: line, "\(whole) is undefined, and so has no [\(place.representation)]")
    case .dictionary(let dictionary):
      return place.asString.flatMap { dictionary[$0] } ?? .undefined(place.text)
    case .namespace(let namespace):
      return namespace.fields[place.text] ?? .undefined(place.text)
    case .list(let items):
      guard let index = place.asInteger else {
        return try attribute(place.text, of: value, line: line)
      }
      let position = index < 0 ? index + items.count : index
      return items.indices.contains(position) ? items[position] : .undefined("[\(index)]")
    case .string(let text):
      guard let index = place.asInteger else {
        return try attribute(place.text, of: value, line: line)
      }
      let scalars = Array(text.unicodeScalars)
      let position = index < 0 ? index + scalars.count : index
      return scalars.indices.contains(position)
        ? .string(String(Character(scalars[position]))) : .undefined("[\(index)]")
    default:
      return .undefined(place.text)
    }
  }

  /// `a.b.0`, as filters name attributes.
  static func path(
    _ path: String, of value: TemplateValue, line: Int
  ) throws(ChatTemplateError) -> TemplateValue {
    var value = value
    for part in path.split(separator: ".") {
      let place = Int(part).map(TemplateValue.integer) ?? .string(String(part))
      value = try item(place, of: value, line: line)
    }
    return value
  }

  /// `value[lower:upper:step]`, of a list or a string.
  static func slice(
    _ value: TemplateValue, _ lower: TemplateValue?, _ upper: TemplateValue?,
    _ step: TemplateValue?, line: Int
  ) throws(ChatTemplateError) -> TemplateValue {
    func bound(_ value: TemplateValue?) throws(ChatTemplateError) -> Int? {
      guard let value else { return nil }
      if case .none = value { return nil }
      guard let integer = value.asInteger else {
        throw .evaluation(line: line, "expected an integer in a slice, found \(value.kind)")
      }
      // Far enough outside of everything, and far from overflow.
      return max(-(1 << 40), min(1 << 40, integer))
    }
    let (lower, upper, step) = (try bound(lower), try bound(upper), try bound(step) ?? 1)
    guard step != 0 else { throw .evaluation(line: line, "a slice by steps of zero") }
    switch value {
    case .list(let items):
      return .list(places(lower, upper, step, count: items.count).map { items[$0] })
    case .string(let text):
      let scalars = Array(text.unicodeScalars)
      let kept = places(lower, upper, step, count: scalars.count).map { scalars[$0] }
      return .string(String(String.UnicodeScalarView(kept)))
    default:
      throw .evaluation(line: line, "expected a list or a string to cut, found \(value.kind)")
    }
  }

  private static func places(_ lower: Int?, _ upper: Int?, _ step: Int, count: Int) -> [Int] {
    func placed(_ bound: Int?, _ standard: Int) -> Int {
      guard let bound else { return standard }
      let position = bound < 0 ? bound + count : bound
      return step > 0 ? max(0, min(count, position)) : max(-1, min(count - 1, position))
    }
    let start = placed(lower, step > 0 ? 0 : count - 1)
    let end = placed(upper, step > 0 ? count : -1)
    return Array(stride(from: start, to: end, by: step))
  }
}

/// Methods of strings, mappings and lists that templates call.
enum TemplateMethods {
  static let ofStrings: Set<String> = [
    "strip", "lstrip", "rstrip", "startswith", "endswith", "split", "rsplit", "splitlines", "upper",
    "lower", "title", "capitalize", "replace", "find", "rfind", "count", "join", "isdigit",
    "removeprefix", "removesuffix",
  ]
  static let ofMappings: Set<String> = ["items", "keys", "values", "get"]
  static let ofLists: Set<String> = ["index", "count"]

  static func call(
    _ name: String, on value: TemplateValue, _ arguments: TemplateInterpreter.Arguments, line: Int
  ) throws(ChatTemplateError) -> TemplateValue {
    switch value {
    case .dictionary(let dictionary): return mapping(name, dictionary, arguments)
    case .list(let items):
      let wanted = arguments.value(0, "value") ?? .none
      if name == "count" { return .integer(items.filter { $0.equals(wanted) }.count) }
      guard let place = items.firstIndex(where: { $0.equals(wanted) }) else {
        throw .evaluation(line: line, "\(wanted.representation) is not in the list")
      }
      return .integer(place)
    case .string(let text): return try string(name, text, arguments, line: line)
    default: throw .evaluation(line: line, "\(value.kind) has no \(name)")
    }
  }

  private static func mapping(
    _ name: String, _ dictionary: TemplateDictionary,
    _ arguments: TemplateInterpreter.Arguments
  ) -> TemplateValue {
    switch name {
    case "items":
      return .list(dictionary.members.map { .list([.string($0.name), $0.value]) })
    case "keys": return .list(dictionary.members.map { .string($0.name) })
    case "values": return .list(dictionary.members.map(\.value))
    default:
      let key = arguments.value(0, "key")?.asString
      return key.flatMap { dictionary[$0] } ?? arguments.value(1, "default") ?? .none
    }
  }

  private static func string(
    _ name: String, _ text: String, _ arguments: TemplateInterpreter.Arguments, line: Int
  ) throws(ChatTemplateError) -> TemplateValue {
    func argument(_ place: Int) throws(ChatTemplateError) -> String {
      guard let text = arguments.value(place, "")?.asString else {
        throw .evaluation(line: line, "\(name) takes a string")
      }
      return text
    }
    let first = arguments.value(0, "chars")?.asString
    switch name {
    case "strip": return .string(TemplateText.strip(text, first))
    case "lstrip": return .string(TemplateText.strip(text, first, right: false))
    case "rstrip": return .string(TemplateText.strip(text, first, left: false))
    case "startswith", "endswith":
      // One string or several of them.
      let options = arguments.positional.first.map { value in
        if case .list(let items) = value { return items.compactMap(\.asString) }
        return [value].compactMap(\.asString)
      }
      return .bool(
        (options ?? []).contains { option in
          name == "startswith"
            ? text.utf8.starts(with: option.utf8)
            : text.utf8.suffix(option.utf8.count).elementsEqual(option.utf8)
        })
    case "split", "rsplit": return try split(name, text, arguments, line: line)
    case "splitlines":
      var lines = TemplateText.split(text, "\n").map { line in
        line.utf8.last == 0x0d ? TemplateText.strip(line, "\r", left: false) : line
      }
      if lines.last == "" { lines.removeLast() }
      return .list(lines.map(TemplateValue.string))
    case "upper": return .string(text.uppercased())
    case "lower": return .string(text.lowercased())
    case "title": return .string(TemplateFilters.titled(text))
    case "capitalize": return .string(TemplateFilters.capitalized(text))
    case "replace":
      return .string(
        try TemplateFilters.replaced(text, try argument(0), try argument(1), line: line))
    case "find", "rfind", "count": return .integer(occurrences(name, text, try argument(0)))
    case "join":
      return try TemplateFilters.joined(
        arguments.positional.first ?? .none, separator: text, line: line)
    case "isdigit":
      return .bool(
        !text.isEmpty && text.unicodeScalars.allSatisfy { $0.properties.numericType != nil })
    case "removeprefix":
      let prefix = try argument(0)
      return .string(
        text.utf8.starts(with: prefix.utf8)
          ? String(decoding: text.utf8.dropFirst(prefix.utf8.count), as: UTF8.self) : text)
    default:
      let suffix = try argument(0)
      return .string(
        text.utf8.suffix(suffix.utf8.count).elementsEqual(suffix.utf8)
          ? String(decoding: text.utf8.dropLast(suffix.utf8.count), as: UTF8.self) : text)
    }
  }

  /// Places in characters, -1 for none.
  private static func occurrences(_ name: String, _ text: String, _ part: String) -> Int {
    if name == "count" {
      return part.isEmpty ? text.unicodeScalars.count + 1 : TemplateText.split(text, part).count - 1
    }
    var found = TemplateText.find(part, in: text)
    if name == "rfind" {
      while let place = found, let next = TemplateText.find(part, in: text, from: place + 1) {
        found = next
      }
    }
    guard let found else { return -1 }
    return String(decoding: text.utf8.prefix(found), as: UTF8.self).unicodeScalars.count
  }

  private static func split(
    _ name: String, _ text: String, _ arguments: TemplateInterpreter.Arguments, line: Int
  ) throws(ChatTemplateError) -> TemplateValue {
    let most = arguments.value(1, "maxsplit")?.asInteger ?? -1
    guard let separator = arguments.value(0, "sep")?.asString else {
      guard most < 0 else {
        throw .unsupported(line: line, construct: "\(name) at blanks a number of times")
      }
      let words = text.unicodeScalars.split(whereSeparator: TemplateText.isBlank)
      return .list(words.map { .string(String(String.UnicodeScalarView($0))) })
    }
    guard !separator.isEmpty else { throw .evaluation(line: line, "an empty separator") }
    var parts = TemplateText.split(
      text, separator, most: most < 0 || name == "rsplit" ? .max : most)
    if name == "rsplit", most >= 0, parts.count > most + 1 {
      let head = parts[...(parts.count - most - 1)].joined(separator: separator)
      parts = [head] + parts.suffix(most)
    }
    return .list(parts.map(TemplateValue.string))
  }
}
