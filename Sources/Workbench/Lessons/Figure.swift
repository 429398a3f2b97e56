import Wording

/// A value that a lesson speaks of: measured, chosen or guessed.
package enum Figure: Hashable, Sendable {
  case number(Double)
  case text(String)

  package var number: Double? {
    switch self {
    case .number(let value): value
    case .text(let text): Double(text)
    }
  }

  /// As a condition reads it: what is neither zero nor empty holds.
  package var holds: Bool {
    switch self {
    case .number(let value): value != 0 && !value.isNaN
    case .text(let text): !text.isEmpty
    }
  }

  /// How `{{…|FORMAT}}` writes it.
  package enum Format: String, CaseIterable, Sendable {
    case plain, bytes, percent, seconds, times, perplexity, grouped, rate, bits
  }

  /// The value in words; `plain` for three significant digits.
  package func words(_ format: Format = .plain) -> String {
    guard case .number(let value) = self else {
      if case .text(let text) = self { return text }
      return ""
    }
    switch format {
    case .plain:
      // What was counted is written whole.
      return value == value.rounded() && abs(value) < 1e9
        ? Quantity.grouped(Int(value)) : Quantity.significant(value, 3)
    case .bytes: return Quantity.bytes(value)
    case .percent: return Quantity.percent(value)
    case .seconds: return Quantity.seconds(value)
    case .times: return Quantity.times(value)
    case .perplexity: return Quantity.perplexity(value)
    case .grouped: return Quantity.grouped(Int(min(max(value, -1e15), 1e15)))
    case .rate: return Quantity.rate(value, "tok/s")
    case .bits: return Quantity.atMost(2, value)
    }
  }
}

/// A number or a text in JSON.
extension Figure: Codable {
  package init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if let number = try? container.decode(Double.self) {
      self = .number(number)
    } else {
      self = .text(try container.decode(String.self))
    }
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    switch self {
    case .number(let value): try container.encode(value)
    case .text(let text): try container.encode(text)
    }
  }
}
