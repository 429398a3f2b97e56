import TerminalUI

/// Titled pieces of a picture, one below the other: those that fit are shown, the first first, and share what room is left.
struct SectionStack {
  struct Section {
    /// Wordings, the fullest first.
    var title: [StyledText]
    /// Rows below the title that it needs, and that it can use.
    var rows: ClosedRange<Int>
    var body: (_ rect: Rect, _ buffer: inout CellBuffer, _ look: Look) -> Void
  }

  var sections: [Section]

  func draw(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    var heights: [Int] = []
    var free = rect.height
    for section in sections {
      guard free >= section.rows.lowerBound + 1 else { break }
      heights.append(section.rows.lowerBound)
      free -= section.rows.lowerBound + 1
    }
    // An empty row between pieces reads better than a taller bar.
    let gaps = min(free / 2, max(0, heights.count - 1))
    free -= gaps
    while free > 0 {
      let growing = heights.indices.filter { heights[$0] < sections[$0].rows.upperBound }
      guard !growing.isEmpty else { break }
      for index in growing where free > 0 {
        heights[index] += 1
        free -= 1
      }
    }
    var top = rect.y
    for (index, height) in heights.enumerated() {
      let section = sections[index]
      buffer.line(
        oneOf: section.title, in: Rect(x: rect.x, y: top, width: rect.width, height: 1), look: look)
      section.body(
        Rect(x: rect.x, y: top + 1, width: rect.width, height: height), &buffer, look)
      top += height + 1 + (index < gaps ? 1 : 0)
    }
  }
}
