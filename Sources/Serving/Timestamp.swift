/// Times of traces as seconds.
enum Timestamp {
  /// Seconds of a date with a time, or of a plain number; nil for anything else.
  ///
  /// A date is written as `2023-11-16 18:17:03.9799600`, with or without an offset from UTC, and counts from 1970.
  static func seconds(_ text: String) -> Double? {
    if let number = Double(text) { return number.isFinite ? number : nil }
    let halves = text.split(whereSeparator: { $0 == " " || $0 == "T" })
    guard halves.count == 2 else { return nil }
    let date = halves[0].split(separator: "-", omittingEmptySubsequences: false)
    guard date.count == 3, let year = whole(date[0], 1970...9999),
      let month = whole(date[1], 1...12), let day = whole(date[2], 1...31)
    else { return nil }
    var clock = halves[1]
    var offset = 0.0
    if clock.hasSuffix("Z") { clock = clock.dropLast() }
    if let sign = clock.lastIndex(where: { $0 == "+" || $0 == "-" }) {
      let zone = clock[clock.index(after: sign)...].split(
        separator: ":", omittingEmptySubsequences: false)
      guard zone.count <= 2, let hours = zone.first.flatMap({ whole($0, 0...14) }),
        let minutes = zone.count == 2 ? whole(zone[1], 0...59) : 0
      else { return nil }
      offset = Double(hours * 3600 + minutes * 60) * (clock[sign] == "-" ? -1 : 1)
      clock = clock[..<sign]
    }
    let parts = clock.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count == 3, let hour = whole(parts[0], 0...23),
      let minute = whole(parts[1], 0...59),
      let second = Double(parts[2]), second >= 0, second < 61
    else { return nil }
    return Double(days(year, month, day)) * 86400 + Double(hour * 3600 + minute * 60) + second
      - offset
  }

  private static func whole(_ text: Substring, _ range: ClosedRange<Int>) -> Int? {
    Int(text).flatMap { range.contains($0) ? $0 : nil }
  }

  /// Days from 1970 to a date of the Gregorian calendar.
  private static func days(_ year: Int, _ month: Int, _ day: Int) -> Int {
    // Years begin in March here, so that the leap day comes last.
    let year = month <= 2 ? year - 1 : year
    let month = (month + 9) % 12
    return 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1
      - 719_468
  }
}
