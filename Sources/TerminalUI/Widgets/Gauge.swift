import Wording

/// A bar that is filled to a part, in eighths of a cell, with a text on its right: `██████▌──────
/// 61 %`.
package struct Gauge: Widget {
  /// 0 to 1; more is shown full, NaN empty.
  package var fraction: Double
  package var role: Role
  /// On the right of the bar.
  package var text: StyledText
  /// A part at which a limit is marked.
  package var limit: Double?

  package init(
    _ fraction: Double, role: Role = .accent, text: StyledText = "", limit: Double? = nil
  ) {
    self.fraction = fraction
    self.role = role
    self.text = text
    self.limit = limit
  }

  package func draw(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    let label = text.plain.isEmpty ? 0 : min(text.width + 1, rect.width / 2)
    let (bar, rest) = rect.splitLeft(rect.width - label)
    for y in rect.y..<rect.maxY {
      Self.bar(
        fraction, in: Rect(x: bar.x, y: y, width: bar.width, height: 1), of: &buffer, look: look,
        role: role)
      if let limit, limit.isFinite, limit >= 0, limit <= 1, bar.width > 0 {
        let x = bar.x + min(bar.width - 1, Int(limit * Double(bar.width)))
        buffer.set(look.glyphs.vertical, x: x, y: y, style: look.ink(.warn))
      }
    }
    if label > 1 { buffer.line(text, in: rest.inset(left: 1), look: look, .right) }
  }

  /// One row of a bar, its empty part as a track.
  static func bar(
    _ fraction: Double, in rect: Rect, of buffer: inout CellBuffer, look: Look, role: Role,
    showsTrack: Bool = true
  ) {
    guard !rect.isEmpty else { return }
    let part = fraction.isNaN ? 0 : min(max(fraction, 0), 1)
    var eighths = Int((part * Double(rect.width * 8)).rounded())
    // Something is never shown as nothing, nor a part as the whole.
    if part > 0 { eighths = max(1, eighths) }
    if part < 1 { eighths = min(eighths, rect.width * 8 - 1) }
    let glyphs = look.glyphs.barEighths
    for column in 0..<rect.width {
      let filled = min(8, eighths - column * 8)
      if filled > 0, glyphs[filled - 1] != " " || (column == 0 && filled > 0) {
        let glyph = glyphs[filled - 1] == " " ? glyphs[3] : glyphs[filled - 1]
        buffer.set(
          glyph == " " ? glyphs[7] : glyph, x: rect.x + column, y: rect.y, style: look.ink(role))
      } else if showsTrack {
        buffer.set(look.glyphs.track, x: rect.x + column, y: rect.y, style: look.ink(.track))
      }
    }
  }
}

/// Several parts of one whole in one row, told apart by colour and by letter: `WWWWWWKKKA──`.
package struct SegmentBar: Widget {
  package struct Segment: Hashable, Sendable {
    package var value: Double
    package var role: Role
    /// Drawn in the middle of the segment, where there is room.
    package var name: String

    package init(_ name: String, value: Double, role: Role) {
      self.name = name
      self.value = value
      self.role = role
    }
  }

  package var segments: [Segment]
  /// What the full width stands for; the sum when nil.
  package var total: Double?

  package init(_ segments: [Segment], total: Double? = nil) {
    self.segments = segments
    self.total = total
  }

  package func draw(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    let values = segments.map { $0.value.isFinite ? max(0, $0.value) : 0 }
    let sum = values.reduce(0, +)
    let whole = max(total.map { $0.isFinite ? $0 : sum } ?? sum, sum)
    let row = rect.row(0)
    buffer.fill(row, with: look.glyphs.track, style: look.ink(.track))
    guard whole > 0 else { return }
    var before = 0.0
    for (segment, value) in zip(segments, values) where value > 0 {
      let start = Int((before / whole * Double(rect.width)).rounded())
      before += value
      let end = Int((before / whole * Double(rect.width)).rounded())
      let part = Rect(x: rect.x + start, y: rect.y, width: end - start, height: 1)
      let style =
        look.depth == .mono
        ? Style(attributes: .reverse)
        : Style(foreground: look.theme.background, background: look.style(segment.role).foreground)
      buffer.fill(part, style: style)
      if part.width > 1, look.depth == .mono {
        buffer.set(look.glyphs.vertical, x: part.maxX - 1, y: part.y, style: style)
      }
      let name = TextLayout.truncate(
        segment.name, to: part.width - 2, ellipsis: look.glyphs.ellipsis)
      let x = part.x + max(0, (part.width - ScalarWidth.of(name)) / 2)
      buffer.put(name, x: x, y: part.y, style: style, clip: part)
    }
  }
}
