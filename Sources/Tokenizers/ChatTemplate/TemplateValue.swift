import Platform

/// A value of a chat template, with Python's habits where Jinja shows them.
indirect enum TemplateValue: Sendable {
  /// What a name without a value gives; using it more than being asked about it is an error.
  case undefined(String)
  case none
  case bool(Bool)
  case integer(Int)
  case float(Double)
  case string(String)
  case list([TemplateValue])
  case dictionary(TemplateDictionary)
  case namespace(TemplateNamespace)
  case function(TemplateFunction)

  /// A JSON value: messages, tools and what else a caller hands over.
  init(_ json: JSONValue) {
    switch json {
    case .null: self = .none
    case .bool(let value): self = .bool(value)
    case .number(let number):
      self = number.integer.map(TemplateValue.integer) ?? .float(number.double)
    case .string(let text): self = .string(text)
    case .array(let items): self = .list(items.map { TemplateValue($0) })
    case .object(let object):
      var dictionary = TemplateDictionary()
      for member in object.members { dictionary[member.name] = TemplateValue(member.value) }
      self = .dictionary(dictionary)
    }
  }

  var isTrue: Bool {
    switch self {
    case .undefined, .none: false
    case .bool(let value): value
    case .integer(let value): value != 0
    case .float(let value): value != 0
    case .string(let text): !text.isEmpty
    case .list(let items): !items.isEmpty
    case .dictionary(let dictionary): !dictionary.members.isEmpty
    case .namespace, .function: true
    }
  }

  /// What it is, for messages.
  var kind: String {
    switch self {
    case .undefined(let name): "\(name), which is undefined"
    case .none: "none"
    case .bool: "a truth value"
    case .integer, .float: "a number"
    case .string: "a string"
    case .list: "a list"
    case .dictionary: "a mapping"
    case .namespace: "a namespace"
    case .function: "a function"
    }
  }

  /// Truth values and integers, as Python counts them.
  var asInteger: Int? {
    switch self {
    case .bool(let value): value ? 1 : 0
    case .integer(let value): value
    default: nil
    }
  }

  var asNumber: Double? {
    if case .float(let value) = self { return value }
    return asInteger.map(Double.init)
  }

  var asString: String? { if case .string(let text) = self { text } else { nil } }

  /// What a walk through the value costs: a value 1, and 1 more for each 64 bytes of a string; nil for more than
  /// `limit`, or for values that lie too deep inside one another.
  ///
  /// Asked wherever a template makes a value of others, so that none grows without bounds.
  func weight(limit: Int) -> Int? {
    var left = limit
    return take(&left, depth: 0) ? limit - left : nil
  }

  private static let deepest = 72

  private func take(_ left: inout Int, depth: Int) -> Bool {
    left -= 1
    guard left >= 0, depth < Self.deepest else { return false }
    switch self {
    case .string(let text):
      left -= text.utf8.count / 64
      return left >= 0
    case .list(let items):
      for item in items {
        guard item.take(&left, depth: depth + 1) else { return false }
      }
    case .dictionary(let dictionary):
      for member in dictionary.members {
        guard member.value.take(&left, depth: depth + 1) else { return false }
      }
    case .namespace(let namespace):
      for member in namespace.fields.members {
        guard member.value.take(&left, depth: depth + 1) else { return false }
      }
    default: break
    }
    return true
  }

  /// Strings are equal byte for byte, numbers by their value.
  func equals(_ other: TemplateValue) -> Bool {
    switch (self, other) {
    case (.undefined, .undefined), (.none, .none): return true
    case (.string(let left), .string(let right)): return left.utf8.elementsEqual(right.utf8)
    case (.list(let left), .list(let right)):
      return left.count == right.count && zip(left, right).allSatisfy { $0.equals($1) }
    case (.dictionary(let left), .dictionary(let right)):
      return left.members.count == right.members.count
        && left.members.allSatisfy { member in
          right[member.name].map { $0.equals(member.value) } ?? false
        }
    case (.namespace(let left), .namespace(let right)): return left === right
    default:
      if let left = asInteger, let right = other.asInteger { return left == right }
      if let left = asNumber, let right = other.asNumber { return left == right }
      return false
    }
  }

  /// The text that is put out, Python's `str`.
  var text: String {
    switch self {
    case .undefined: ""
    case .string(let text): text
    default: representation
    }
  }

  /// Python's `repr`.
  var representation: String {
    switch self {
    case .undefined: "Undefined"
    case .none: "None"
    case .bool(let value): value ? "True" : "False"
    case .integer(let value): "\(value)"
    case .float(let value): "\(value)"
    case .string(let text): Self.quoted(text)
    case .list(let items): "[" + items.map(\.representation).joined(separator: ", ") + "]"
    case .dictionary(let dictionary):
      "{"
        + dictionary.members.map { "\(Self.quoted($0.name)): \($0.value.representation)" }
        .joined(separator: ", ") + "}"
    case .namespace: "<Namespace>"
    case .function: "<function>"
    }
  }

  private static func quoted(_ text: String) -> String {
    let hasSingle = text.utf8.contains(0x27)
    let quote = hasSingle && !text.utf8.contains(0x22) ? "\"" : "'"
    var result = quote
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case "\r": result += "\\r"
      case "\t": result += "\\t"
      case "'" where quote == "'": result += "\\'"
      case "\u{0}"..<" ", "\u{7f}":
        let digits = String(scalar.value, radix: 16)
        result += "\\x" + (digits.count == 1 ? "0" : "") + digits
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + quote
  }
}

/// Members in the order in which they came, found by the bytes of their names.
struct TemplateDictionary: Sendable {
  private(set) var members: [(name: String, value: TemplateValue)] = []
  private var places: [UTF8Key: Int] = [:]

  init() {}

  subscript(name: String) -> TemplateValue? {
    get { places[UTF8Key(name)].map { members[$0].value } }
    set {
      guard let newValue else { return }
      if let place = places[UTF8Key(name)] {
        members[place].value = newValue
      } else {
        places[UTF8Key(name)] = members.count
        members.append((name, newValue))
      }
    }
  }
}

/// The one kind of value that changes: `namespace(...)`, whose fields live through a loop.
final class TemplateNamespace: @unchecked Sendable {
  // Unchecked: made and used by one filling-in alone, which never hands it on.
  var fields = TemplateDictionary()
}

/// Something that can be called.
enum TemplateFunction: Sendable {
  /// One of the functions that every template has.
  case builtin(String)
  case macro(TemplateMacro)
  /// A method of a value, with the value.
  case method(TemplateValue, String)
  /// `loop.cycle`, at a place.
  case cycle(Int)
}
