import Wording

/// The names under which screens know `Quantity`.
package enum NumberText {
  package static func fixed(_ value: Double, _ places: Int) -> String {
    Quantity.fixed(value, places)
  }
  package static func significant(_ value: Double, _ digits: Int = 3) -> String {
    Quantity.significant(value, digits)
  }
  package static func bytes(_ count: Int) -> String { Quantity.bytes(count) }
  package static func bytes(fractional count: Double) -> String { Quantity.bytes(count) }
  package static func short(_ value: Double) -> String { Quantity.short(value) }
  package static func grouped(_ count: Int) -> String { Quantity.grouped(count) }
  package static func percent(_ part: Double) -> String { Quantity.percent(part) }
  package static func duration(seconds: Double) -> String { Quantity.seconds(seconds) }
}
