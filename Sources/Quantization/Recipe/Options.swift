/// The value of one option of a method.
///
/// A whole number is the same whether it was written with a fraction or not: JSON does not tell them apart.
package enum OptionValue: Sendable {
  case integer(Int)
  case decimal(Double)
  case flag(Bool)
  case choice(String)
}

extension OptionValue: Hashable {
  package static func == (left: OptionValue, right: OptionValue) -> Bool {
    switch (left, right) {
    case (.integer(let first), .integer(let second)): first == second
    case (.decimal(let first), .decimal(let second)): first == second
    case (.integer(let whole), .decimal(let number)), (.decimal(let number), .integer(let whole)):
      Double(whole) == number
    case (.flag(let first), .flag(let second)): first == second
    case (.choice(let first), .choice(let second)): first == second
    default: false
    }
  }

  package func hash(into hasher: inout Hasher) {
    switch self {
    case .integer(let value): hasher.combine(Double(value))
    case .decimal(let value): hasher.combine(value)
    case .flag(let value): hasher.combine(value)
    case .choice(let value): hasher.combine(value)
    }
  }
}

/// Written as the bare JSON or TOML value.
extension OptionValue: Codable {
  package init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if let value = try? container.decode(Bool.self) {
      self = .flag(value)
    } else if let value = try? container.decode(Int.self) {
      self = .integer(value)
    } else if let value = try? container.decode(Double.self) {
      self = .decimal(value)
    } else {
      self = .choice(try container.decode(String.self))
    }
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    switch self {
    case .integer(let value): try container.encode(value)
    case .decimal(let value): try container.encode(value)
    case .flag(let value): try container.encode(value)
    case .choice(let value): try container.encode(value)
    }
  }
}

extension OptionValue: CustomStringConvertible {
  package var description: String {
    switch self {
    case .integer(let value): "\(value)"
    case .decimal(let value): "\(value)"
    case .flag(let value): value ? "true" : "false"
    case .choice(let value): value
    }
  }
}

/// One option of a method: from it forms, help, recipes and documentation are made.
package struct OptionSpec: Hashable, Sendable, Codable {
  /// What an option accepts.
  package enum Kind: Hashable, Sendable, Codable {
    /// One of the listed numbers where a list is given, else any in the range.
    case integer(lowest: Int, highest: Int, listed: [Int])
    case decimal(lowest: Double, highest: Double)
    case flag
    case choice(names: [String])
  }

  /// The name used in recipes and by `--set`, in kebab case.
  package var key: String
  /// One line for a form.
  package var summary: String
  package var kind: Kind
  package var standard: OptionValue
  /// Other names people type for it (`desc_act`, `q_group_size`).
  package var aliases: [String]

  package init(
    key: String, summary: String, kind: Kind, standard: OptionValue, aliases: [String] = []
  ) {
    self.key = key
    self.summary = summary
    self.kind = kind
    self.standard = standard
    self.aliases = aliases
  }

  /// Checks a value against this option.
  ///
  /// - Throws: `QuantizationError.invalidOption` that says what was expected and found.
  package func check(_ given: OptionValue, method: String) throws -> OptionValue {
    let value = plain(given)
    func refuse(_ expected: String) -> QuantizationError {
      .invalidOption(method: method, key: key, expected: expected, found: text(value))
    }
    switch (kind, value) {
    case (.integer(let lowest, let highest, let listed), .integer(let number)):
      if !listed.isEmpty {
        guard listed.contains(number) else {
          throw refuse("one of " + listing(listed))
        }
      } else if number < lowest || number > highest {
        throw refuse("a whole number from \(lowest) to \(highest)")
      }
      return value
    case (.decimal(let lowest, let highest), .integer(let number)):
      guard Double(number) >= lowest, Double(number) <= highest else {
        throw refuse("a number from \(lowest) to \(highest)")
      }
      return .decimal(Double(number))
    case (.decimal(let lowest, let highest), .decimal(let number)):
      guard number >= lowest, number <= highest else {
        throw refuse("a number from \(lowest) to \(highest)")
      }
      return value
    case (.flag, .flag): return value
    case (.choice(let names), .choice(let name)):
      guard names.contains(name) else { throw refuse("one of " + names.joined(separator: ", ")) }
      return value
    case (.integer(_, _, let listed), _):
      throw refuse(listed.isEmpty ? "a whole number" : "one of " + listing(listed))
    case (.decimal, _): throw refuse("a number")
    case (.flag, _): throw refuse("true or false")
    case (.choice(let names), _): throw refuse("one of " + names.joined(separator: ", "))
    }
  }

  /// Reads a value typed by a user.
  ///
  /// - Throws: `QuantizationError.invalidOption` that says what was expected and found.
  package func parse(_ text: String, method: String) throws -> OptionValue {
    let value: OptionValue? =
      switch kind {
      case .integer: Int(text).map { .integer($0) }
      case .decimal: Double(text).map { .decimal($0) }
      case .flag:
        ["true", "yes", "on", "1"].contains(text)
          ? .flag(true) : ["false", "no", "off", "0"].contains(text) ? .flag(false) : nil
      case .choice: .choice(text)
      }
    return try check(value ?? .choice(text), method: method)
  }
}

/// The options of one method, checked against its specifications and filled up with their defaults.
package struct OptionValues: Hashable, Sendable {
  private var values: [String: OptionValue]

  /// Checks `given` against `specs`.
  ///
  /// - Throws: `QuantizationError` for an unknown key or a value out of range.
  package init(
    _ given: [String: OptionValue], specs: [OptionSpec], method: String
  ) throws {
    var values: [String: OptionValue] = [:]
    for spec in specs { values[spec.key] = spec.standard }
    for (key, value) in given {
      guard let spec = specs.first(where: { $0.key == key || $0.aliases.contains(key) }) else {
        throw QuantizationError.unknownOption(
          method: method, key: key, known: specs.map(\.key))
      }
      values[spec.key] = try spec.check(value, method: method)
    }
    self.values = values
  }

  /// The value of an option; nil for one that is not among those of the method.
  func value(of spec: OptionSpec) -> OptionValue? { values[spec.key] }
}
