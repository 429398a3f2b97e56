/// A canvas of dots smaller than a cell: 2 × 4 braille, 2 × 2 quadrants, or one letter a cell in
/// ASCII.
struct DotCanvas {
  private enum Dots {
    case braille, quadrants, letters
  }

  let rect: Rect
  /// Dots across and down.
  let width: Int
  let height: Int
  private let dots: Dots
  private var patterns: [UInt8]
  private var roles: [Role]
  private var marks: [Unicode.Scalar]

  init(rect: Rect, glyphs: GlyphSet) {
    self.rect = rect
    dots = glyphs.kind == .unicode ? .braille : glyphs.kind == .block ? .quadrants : .letters
    width = rect.width * (dots == .letters ? 1 : 2)
    height = rect.height * (dots == .letters ? 1 : dots == .braille ? 4 : 2)
    let count = rect.width * rect.height
    patterns = Array(repeating: 0, count: count)
    roles = Array(repeating: .text, count: count)
    marks = Array(repeating: ".", count: count)
  }

  /// Sets a dot, counted from the top left; outside of the canvas nothing happens.
  mutating func set(x: Int, y: Int, role: Role, mark: Unicode.Scalar) {
    guard x >= 0, x < width, y >= 0, y < height else { return }
    let cellWidth = dots == .letters ? 1 : 2
    let cellHeight = dots == .letters ? 1 : dots == .braille ? 4 : 2
    let index = (y / cellHeight) * rect.width + x / cellWidth
    let bit = (y % cellHeight) * cellWidth + x % cellWidth
    patterns[index] |= 1 << UInt8(bit)
    roles[index] = role
    marks[index] = mark
  }

  /// A line between two dots; ends far outside are cut first, so the work stays bounded.
  mutating func line(
    from start: (x: Double, y: Double), to end: (x: Double, y: Double), role: Role,
    mark: Unicode.Scalar
  ) {
    guard let (start, end) = clipped(start, end) else { return }
    let steps = max(1, Int(max(abs(end.x - start.x), abs(end.y - start.y)).rounded(.up)))
    for step in 0...steps {
      let part = Double(step) / Double(steps)
      set(
        x: Int((start.x + (end.x - start.x) * part).rounded()),
        y: Int((start.y + (end.y - start.y) * part).rounded()), role: role, mark: mark)
    }
  }

  func draw(on buffer: inout CellBuffer, look: Look) {
    for row in 0..<rect.height {
      for column in 0..<rect.width {
        let index = row * rect.width + column
        guard patterns[index] != 0 else { continue }
        buffer.set(
          scalar(patterns[index], mark: marks[index]), x: rect.x + column, y: rect.y + row,
          style: look.ink(roles[index]))
      }
    }
  }

  private func scalar(_ pattern: UInt8, mark: Unicode.Scalar) -> Unicode.Scalar {
    switch dots {
    case .letters: return mark
    case .quadrants:
      let quadrants: [Unicode.Scalar] = [
        " ", "▘", "▝", "▀", "▖", "▌", "▞", "▛", "▗", "▚", "▐", "▜", "▄", "▙", "▟", "█",
      ]
      return quadrants[Int(pattern & 15)]
    case .braille:
      // Our bits go row by row; braille numbers its dots down the columns, the lowest row last.
      let numbering: [UInt32] = [0x01, 0x08, 0x02, 0x10, 0x04, 0x20, 0x40, 0x80]
      var offset: UInt32 = 0
      for bit in 0..<8 where pattern & (1 << UInt8(bit)) != 0 { offset |= numbering[bit] }
      return Unicode.Scalar(0x2800 + offset) ?? "."
    }
  }

  /// The part of a line inside of the canvas (Liang and Barsky).
  private func clipped(
    _ start: (x: Double, y: Double), _ end: (x: Double, y: Double)
  ) -> ((x: Double, y: Double), (x: Double, y: Double))? {
    let dx = end.x - start.x
    let dy = end.y - start.y
    guard dx.isFinite, dy.isFinite else { return nil }
    var first = 0.0
    var last = 1.0
    let edges = [
      (-dx, start.x), (dx, Double(width - 1) - start.x), (-dy, start.y),
      (dy, Double(height - 1) - start.y),
    ]
    for (direction, distance) in edges {
      if direction == 0 {
        if distance < 0 { return nil }
      } else if direction < 0 {
        first = max(first, distance / direction)
      } else {
        last = min(last, distance / direction)
      }
    }
    guard first <= last else { return nil }
    return (
      (start.x + dx * first, start.y + dy * first), (start.x + dx * last, start.y + dy * last)
    )
  }
}
