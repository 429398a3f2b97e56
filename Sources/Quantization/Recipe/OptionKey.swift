/// An option of a method, declared once: its key, what it accepts, its default, and the type its value has in code.
///
/// Methods read it as `options[Self.bits]`; strings are for the edges alone, where recipes are typed, stored and shown.
package struct OptionKey<Value: OptionType>: Hashable, Sendable {
  package let spec: OptionSpec
  package let standard: Value

  private init(_ spec: OptionSpec, _ standard: Value) {
    self.spec = spec
    self.standard = standard
  }

  /// The option set to a value, for a choice made in code: `MethodChoice(HQQMethod.self, HQQMethod.bits(4))`.
  package func callAsFunction(_ value: Value) -> OptionSetting {
    OptionSetting(key: spec.key, value: value.option)
  }
}

/// An option with a value.
package struct OptionSetting: Hashable, Sendable {
  package let key: String
  package let value: OptionValue
}

/// A type that the value of an option has in code.
package protocol OptionType: Hashable, Sendable {
  /// nil for a value of another kind.
  init?(option: OptionValue)
  var option: OptionValue { get }
}

extension Int: OptionType {
  package init?(option: OptionValue) {
    guard case .integer(let value) = option else { return nil }
    self = value
  }

  package var option: OptionValue { .integer(self) }
}

extension Double: OptionType {
  package init?(option: OptionValue) {
    switch option {
    case .decimal(let value): self = value
    case .integer(let value): self = Double(value)
    case .flag, .choice: return nil
    }
  }

  package var option: OptionValue { .decimal(self) }
}

extension Bool: OptionType {
  package init?(option: OptionValue) {
    guard case .flag(let value) = option else { return nil }
    self = value
  }

  package var option: OptionValue { .flag(self) }
}

/// One of several names, each a case: an enumeration of strings that an option chooses from.
package protocol OptionChoice: OptionType, CaseIterable, RawRepresentable<String> {}

extension OptionChoice {
  package init?(option: OptionValue) {
    guard case .choice(let name) = option else { return nil }
    self.init(rawValue: name)
  }

  package var option: OptionValue { .choice(rawValue) }
}

extension OptionKey<Int> {
  /// - Parameter listed: the only numbers accepted; any in the range without.
  package init(
    _ key: String, _ summary: String, in range: ClosedRange<Int>, listed: [Int] = [],
    standard: Int, aliases: [String] = []
  ) {
    self.init(
      OptionSpec(
        key: key, summary: summary,
        kind: .integer(lowest: range.lowerBound, highest: range.upperBound, listed: listed),
        standard: standard.option, aliases: aliases), standard)
  }
}

extension OptionKey<Double> {
  package init(
    _ key: String, _ summary: String, in range: ClosedRange<Double>, standard: Double,
    aliases: [String] = []
  ) {
    self.init(
      OptionSpec(
        key: key, summary: summary,
        kind: .decimal(lowest: range.lowerBound, highest: range.upperBound),
        standard: standard.option, aliases: aliases), standard)
  }
}

extension OptionKey<Bool> {
  package init(_ key: String, _ summary: String, standard: Bool, aliases: [String] = []) {
    self.init(
      OptionSpec(
        key: key, summary: summary, kind: .flag, standard: standard.option, aliases: aliases),
      standard)
  }
}

extension OptionKey where Value: OptionChoice {
  /// - Parameter choices: those the method takes, in the order forms list them.
  package init(
    _ key: String, _ summary: String, among choices: [Value] = Array(Value.allCases),
    standard: Value, aliases: [String] = []
  ) {
    self.init(
      OptionSpec(
        key: key, summary: summary, kind: .choice(names: choices.map(\.rawValue)),
        standard: standard.option, aliases: aliases), standard)
  }
}

extension OptionValues {
  /// The value of an option of the method.
  package subscript<Value>(key: OptionKey<Value>) -> Value {
    guard let value = value(of: key.spec) else {
      preconditionFailure(
        "option '\(key.spec.key)' is read, but not among those its method describes")
    }
    return Value(option: value) ?? key.standard
  }
}

extension MethodChoice {
  /// A method with options set in code.
  package init<Method: QuantizationMethod>(_ method: Method.Type, _ settings: OptionSetting...) {
    self.init(method: Method.describes.name, settings: settings)
  }

  /// A method for the cache with options set in code.
  package init<Method: KVCacheMethod>(cache method: Method.Type, _ settings: OptionSetting...) {
    self.init(method: Method.describes.name, settings: settings)
  }

  private init(method: String, settings: [OptionSetting]) {
    self.init(
      method: method,
      options: Dictionary(settings.map { ($0.key, $0.value) }, uniquingKeysWith: { $1 }))
  }
}
