import Glibc

/// A JSON text as a value that loses nothing: order, spelling of numbers, bytes of names.
package enum JSONValue: Equatable, Sendable {
  case null
  case bool(Bool)
  case number(JSONNumber)
  case string(String)
  case array([JSONValue])
  case object(JSONObject)

  /// What it is, in words, for messages.
  package var kind: String {
    switch self {
    case .null: "null"
    case .bool(let value): "\(value)"
    case .number(let number): "the number \(number.text)"
    case .string(let text): "the string \"\(text.prefix(40))\(text.count > 40 ? "..." : "")\""
    case .array(let items): "an array of \(items.count)"
    case .object(let object): "an object of \(object.members.count)"
    }
  }

  package var object: JSONObject? { if case .object(let object) = self { object } else { nil } }
  package var array: [JSONValue]? { if case .array(let items) = self { items } else { nil } }
  package var string: String? { if case .string(let text) = self { text } else { nil } }
  package var bool: Bool? { if case .bool(let value) = self { value } else { nil } }

  /// The number, when it is written as an integer (`1`, not `1.0` or `1e0`) and fits.
  package var integer: Int? { if case .number(let number) = self { number.integer } else { nil } }

  /// The number as the nearest finite double.
  package var double: Double? { if case .number(let number) = self { number.double } else { nil } }
}

/// A number as it is spelled.
package struct JSONNumber: Hashable, Sendable {
  package let text: String

  /// The value of something written without fraction and exponent that fits.
  package var integer: Int? { Int(text) }
  /// The nearest finite double.
  package var double: Double { Double(text) ?? .nan }

  /// Only `StrictJSON`, which has checked the spelling, and the conversions below make numbers.
  init(checked text: String) { self.text = text }

  package init(_ value: Int) { text = "\(value)" }

  /// The shortest spelling that reads back as `value`; nil for what JSON cannot say.
  package init?(_ value: Double) {
    guard value.isFinite else { return nil }
    text = "\(value)"
  }
}

/// The members of a JSON object in their order, each name once.
///
/// Names are compared by their bytes: Swift's `String` takes different spellings of one accented letter
/// for equal, and a vocabulary must not.
package struct JSONObject: Equatable, Sendable {
  package struct Member: Equatable, Sendable {
    package let name: String
    package var value: JSONValue

    package static func == (left: Member, right: Member) -> Bool {
      UTF8Key(left.name) == UTF8Key(right.name) && left.value == right.value
    }
  }

  package private(set) var members: [Member]
  /// Positions of members, kept only where a walk would be slow.
  private var positions: [UTF8Key: Int]

  private static let indexedCount = 12

  package init() {
    members = []
    positions = [:]
  }

  /// Adds a member; false, and nothing done, when the name is taken.
  @discardableResult
  package mutating func append(_ name: String, _ value: JSONValue) -> Bool {
    if members.count >= Self.indexedCount {
      if let taken = positions.updateValue(members.count, forKey: UTF8Key(name)) {
        positions[UTF8Key(name)] = taken
        return false
      }
    } else if position(of: name) != nil {
      return false
    }
    members.append(Member(name: name, value: value))
    if members.count == Self.indexedCount {
      for (position, member) in members.enumerated() {
        positions[UTF8Key(member.name)] = position
      }
    }
    return true
  }

  /// The value of `name`.
  package subscript(name: String) -> JSONValue? {
    position(of: name).map { members[$0].value }
  }

  /// Replaces the value of `name`, or adds it at the end.
  package mutating func set(_ name: String, _ value: JSONValue) {
    if let position = position(of: name) {
      members[position].value = value
    } else {
      append(name, value)
    }
  }

  /// Removes the member `name`, if there.
  package mutating func remove(_ name: String) {
    guard position(of: name) != nil else { return }
    let kept = members.filter { UTF8Key($0.name) != UTF8Key(name) }
    self = JSONObject()
    for member in kept { append(member.name, member.value) }
  }

  package static func == (left: JSONObject, right: JSONObject) -> Bool {
    left.members == right.members
  }

  private func position(of name: String) -> Int? {
    if members.count >= Self.indexedCount { return positions[UTF8Key(name)] }
    let key = UTF8Key(name)
    return members.firstIndex { UTF8Key($0.name) == key }
  }
}

/// A string that equals another only byte for byte; the key of every vocabulary.
package struct UTF8Key: Hashable, Sendable {
  package let text: String

  package init(_ text: String) { self.text = text }

  package static func == (left: UTF8Key, right: UTF8Key) -> Bool {
    var left = left.text
    var right = right.text
    return left.withUTF8 { left in
      right.withUTF8 { right in
        guard left.count == right.count else { return false }
        guard let a = left.baseAddress, let b = right.baseAddress else { return true }
        return memcmp(a, b, left.count) == 0
      }
    }
  }

  package func hash(into hasher: inout Hasher) {
    var text = text
    text.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
  }
}
