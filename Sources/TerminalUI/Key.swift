/// A key on the keyboard, without modifiers.
package enum Key: Hashable, Sendable {
  /// A printable character, exactly as typed (so `J` already means Shift).
  case character(Character)
  case enter, escape, tab, backspace, delete, insert
  case up, down, left, right, home, end, pageUp, pageDown
  case function(Int)

  /// The keys that have a name of their own.
  static let named: [(name: String, key: Key)] = [
    ("enter", .enter), ("esc", .escape), ("tab", .tab), ("backspace", .backspace),
    ("delete", .delete), ("insert", .insert), ("up", .up), ("down", .down), ("left", .left),
    ("right", .right), ("home", .home), ("end", .end), ("pageup", .pageUp),
    ("pagedown", .pageDown), ("space", .character(" ")), ("plus", .character("+")),
    ("comma", .character(",")),
  ]
}

/// A key with its modifiers.
///
/// It is written as one word, such as `j`, `enter`, `ctrl+s` or `shift+tab`, in session logs and in
/// binding tables.
package struct KeyPress: Hashable, Sendable {
  package var key: Key
  package var modifiers: Modifiers

  package init(_ key: Key, modifiers: Modifiers = []) {
    self.key = key
    self.modifiers = modifiers
  }

  /// Modifiers held down with a key or a mouse button.
  package struct Modifiers: OptionSet, Hashable, Sendable {
    package let rawValue: UInt8

    package init(rawValue: UInt8) { self.rawValue = rawValue }

    package static let control = Modifiers(rawValue: 1)
    package static let alt = Modifiers(rawValue: 2)
    package static let shift = Modifiers(rawValue: 4)

    static let named: [(name: String, modifier: Modifiers)] = [
      ("ctrl", .control), ("alt", .alt), ("shift", .shift),
    ]
  }

  package static func character(_ character: Character) -> KeyPress {
    KeyPress(.character(character))
  }
  package static func control(_ character: Character) -> KeyPress {
    KeyPress(.character(character), modifiers: .control)
  }
  package static let enter = KeyPress(.enter)
  package static let escape = KeyPress(.escape)
  package static let tab = KeyPress(.tab)
  package static let backspace = KeyPress(.backspace)
  package static let delete = KeyPress(.delete)
  package static let up = KeyPress(.up)
  package static let down = KeyPress(.down)
  package static let left = KeyPress(.left)
  package static let right = KeyPress(.right)
  package static let home = KeyPress(.home)
  package static let end = KeyPress(.end)
  package static let pageUp = KeyPress(.pageUp)
  package static let pageDown = KeyPress(.pageDown)
  package static let space = KeyPress.character(" ")

  /// What the key types into a text field, or nil for commands.
  package var text: String? {
    guard case .character(let character) = key, modifiers.isDisjoint(with: [.control, .alt]) else {
      return nil
    }
    return String(character)
  }

  /// The word for it: modifiers in the order ctrl, alt, shift, then the key.
  package var name: String {
    var words = Modifiers.named.filter { modifiers.contains($0.modifier) }.map(\.name)
    switch key {
    case .function(let number): words.append("f\(number)")
    case .character(let character):
      words.append(Key.named.first { $0.key == key }?.name ?? String(character))
    default: words.append(Key.named.first { $0.key == key }?.name ?? "")
    }
    return words.joined(separator: "+")
  }

  /// Reads what `name` writes; nil for anything else.
  package init?(name: String) {
    var words = name.split(separator: "+", omittingEmptySubsequences: false)
    guard let last = words.popLast(), !last.isEmpty else { return nil }
    var modifiers: Modifiers = []
    for word in words {
      guard let found = Modifiers.named.first(where: { $0.name == word }),
        !modifiers.contains(found.modifier)
      else { return nil }
      modifiers.insert(found.modifier)
    }
    guard let key = Self.key(named: last) else { return nil }
    self.init(key, modifiers: modifiers)
  }

  private static func key(named word: Substring) -> Key? {
    if let found = Key.named.first(where: { $0.name == word }) { return found.key }
    if word.count == 1, let character = word.first { return .character(character) }
    guard word.first == "f", let number = Int(word.dropFirst()), (1...63).contains(number) else {
      return nil
    }
    return .function(number)
  }
}

extension KeyPress: Codable {
  package init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    let name = try container.decode(String.self)
    guard let press = KeyPress(name: name) else {
      throw DecodingError.dataCorruptedError(
        in: container,
        debugDescription: "expected a key such as j, enter or ctrl+s, found \"\(name)\"")
    }
    self = press
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(name)
  }
}

extension KeyPress.Modifiers: Codable {
  package init(from decoder: any Decoder) throws {
    var container = try decoder.unkeyedContainer()
    var result: KeyPress.Modifiers = []
    while !container.isAtEnd {
      let name = try container.decode(String.self)
      guard let found = Self.named.first(where: { $0.name == name }) else {
        throw DecodingError.dataCorruptedError(
          in: container, debugDescription: "expected ctrl, alt or shift, found \"\(name)\"")
      }
      result.insert(found.modifier)
    }
    self = result
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.unkeyedContainer()
    for entry in Self.named where contains(entry.modifier) { try container.encode(entry.name) }
  }
}
