import TOMLKit

/// Values of one table of a plan, checked as they are taken.
struct SweepTableReader {
  let table: TOMLTable
  /// What errors call it: `protocol[1]`; nil for the top of the file.
  let place: String?
  let file: SweepPlanFile

  func wrong(_ key: String, _ expected: String, _ found: String?) -> SweepError {
    guard let place else { return file.wrong(key, expected, found) }
    return .badPlan(
      path: file.path, line: nil, key: "\(place).\(key)", expected: expected, found: found)
  }

  /// - Throws: `SweepError.badPlan` for a key that is none of these.
  func refuseOthers(_ known: [String]) throws(SweepError) {
    for key in table.keys.sorted() where !known.contains(key) {
      throw wrong(key, "one of " + known.joined(separator: ", "), "'\(key)'")
    }
  }

  func text(_ key: String) throws(SweepError) -> String? {
    guard let value = table[key] else { return nil }
    guard let text = value.string, !text.isEmpty, !text.contains("\n") else {
      throw wrong(key, "a text in quotes, of one line", "\(value)")
    }
    return text
  }

  func texts(_ key: String) throws(SweepError) -> [String]? {
    guard let value = table[key] else { return nil }
    guard let list = value.array else {
      throw wrong(key, "a list of texts in brackets", "\(value)")
    }
    var found: [String] = []
    for item in list {
      guard let text = item.string, !text.isEmpty, !text.contains("\n") else {
        throw wrong(key, "a list of texts, each of one line", "\(item)")
      }
      found.append(text)
    }
    return found
  }

  func choice(_ key: String, _ known: [String]) throws(SweepError) -> String? {
    guard let text = try text(key) else { return nil }
    guard known.contains(text) else {
      throw wrong(key, "one of " + known.joined(separator: ", "), "'\(text)'")
    }
    return text
  }

  func integer(_ key: String, _ range: ClosedRange<Int>) throws(SweepError) -> Int? {
    guard let value = table[key] else { return nil }
    guard let number = value.int, range.contains(number) else {
      throw wrong(
        key,
        range.upperBound == .max
          ? "an integer from \(range.lowerBound)"
          : "an integer from \(range.lowerBound) to \(range.upperBound)", "\(value)")
    }
    return number
  }

  /// A finite number.
  func number(_ key: String) throws(SweepError) -> Double? {
    guard let value = table[key] else { return nil }
    guard let number = value.double ?? value.int.map(Double.init), number.isFinite else {
      throw wrong(key, "a number", "\(value)")
    }
    return number
  }

  func flag(_ key: String) throws(SweepError) -> Bool? {
    guard let value = table[key] else { return nil }
    guard let flag = value.bool else { throw wrong(key, "true or false", "\(value)") }
    return flag
  }
}
