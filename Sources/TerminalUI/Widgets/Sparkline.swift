/// A row or a few rows of small columns, one a value: `▁▂▄▇█▅▂`.
///
/// Missing values leave a gap.
package struct Sparkline: Widget {
  package var values: [Double]
  package var role: Role
  /// The value of an empty column; the least value when nil.
  package var lowest: Double?
  /// The value of a full column; the largest value when nil.
  package var highest: Double?

  package init(
    _ values: [Double], role: Role = .accent, lowest: Double? = 0, highest: Double? = nil
  ) {
    self.values = values
    self.role = role
    self.lowest = lowest
    self.highest = highest
  }

  package func draw(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    let pooled = Pooling.byMaximum(values, to: rect.width)
    let finite = pooled.filter(\.isFinite)
    guard let least = finite.min(), let largest = finite.max() else { return }
    let low = lowest ?? least
    let span = (highest ?? largest) - low
    for (column, value) in pooled.enumerated() where value.isFinite {
      let part = span > 0 ? (value - low) / span : value > low ? 1 : 0
      Self.column(
        part, in: Rect(x: rect.x + column, y: rect.y, width: 1, height: rect.height), of: &buffer,
        look: look, role: role)
    }
  }

  /// One column filled from the bottom to `part`; anything above 0 shows at least an eighth.
  static func column(
    _ part: Double, in rect: Rect, of buffer: inout CellBuffer, look: Look, role: Role
  ) {
    guard part.isFinite, !rect.isEmpty else { return }
    let part = min(max(part, 0), 1)
    let eighths = max(part > 0 ? 1 : 0, Int((part * Double(rect.height * 8)).rounded()))
    let glyphs = look.glyphs.columnEighths
    for row in 0..<rect.height {
      let filled = min(8, eighths - row * 8)
      guard filled > 0 else { break }
      buffer.set(
        glyphs[filled - 1], x: rect.x, y: rect.maxY - 1 - row, style: look.ink(role))
    }
  }
}

/// Shortens rows of values so that peaks survive.
package enum Pooling {
  /// At most `count` values, each the largest finite one of its group; NaN where a group has none.
  package static func byMaximum(_ values: [Double], to count: Int) -> [Double] {
    guard count > 0 else { return [] }
    guard values.count > count else { return values }
    return (0..<count).map { group in
      let start = group * values.count / count
      let end = max(start + 1, (group + 1) * values.count / count)
      return values[start..<end].filter(\.isFinite).max() ?? .nan
    }
  }
}
