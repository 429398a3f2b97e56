import Wording

/// Rows under aligned column heads, one of them selected, one column sorted, scrolled when there
/// are too many.
///
/// A narrow table first narrows its wide columns, then leaves out optional ones and says so with
/// `…` in the head.
package struct Table: Widget {
  package enum Order: Hashable, Sendable {
    case ascending, descending
  }

  package struct Column: Hashable, Sendable {
    package var title: String
    package var alignment: TextLayout.Alignment
    /// The mark of the sorted column.
    package var order: Order?
    /// Left out first when there is no room.
    package var isOptional: Bool
    /// Columns beyond which it is cut, even when there is room.
    package var widest: Int

    package init(
      _ title: String, _ alignment: TextLayout.Alignment = .left, order: Order? = nil,
      isOptional: Bool = false, widest: Int = 60
    ) {
      self.title = title
      self.alignment = alignment
      self.order = order
      self.isOptional = isOptional
      self.widest = widest
    }
  }

  package var columns: [Column]
  package var rows: [[StyledText]]
  package var selected: Int?
  /// First visible row, if the selection allows it.
  package var top: Int
  /// Shown in place of the rows when there are none.
  package var placeholder: StyledText

  package init(
    _ columns: [Column], rows: [[StyledText]], selected: Int? = nil, top: Int = 0,
    placeholder: StyledText = ""
  ) {
    self.columns = columns
    self.rows = rows
    self.selected = selected
    self.top = top
    self.placeholder = placeholder
  }

  /// The rows that are visible in a rectangle.
  package func window(in rect: Rect) -> ScrollWindow {
    ScrollWindow(count: rows.count, visible: rect.height - 1, selected: selected, top: top)
  }

  package func draw(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    let window = window(in: rect)
    let gutter = selected == nil ? 0 : 2
    let room = rect.inset(left: gutter, right: window.overflows ? 2 : 0)
    let (shown, widths) = fitting(room.width)
    drawRow(
      shown.map { head(columns[$0], look) }, shown, widths, in: room.row(0), of: &buffer, look: look
    )
    if shown.count < columns.count {
      buffer.line(
        StyledText(String(look.glyphs.ellipsis), .hint), in: room.row(0), look: look, .right)
    }
    if rows.isEmpty { buffer.line(placeholder, in: room.row(1), look: look) }
    for (line, row) in window.range.enumerated() {
      let place = rect.row(line + 1)
      buffer.mark(place, .row(row, chosen: selected))
      if row == selected {
        buffer.fill(
          place.inset(right: window.overflows ? 1 : 0), style: look.style(.selection))
        buffer.put(
          String(look.glyphs.pointer), x: place.x, y: place.y,
          style: look.style(.selection).adding(.bold), clip: place)
      }
      let cells = shown.map { column in
        rows[row].indices.contains(column) ? rows[row][column] : StyledText([])
      }
      drawRow(
        row == selected ? cells.map(\.onSelection) : cells, shown, widths, in: room.row(line + 1),
        of: &buffer, look: look)
    }
    buffer.draw(ScrollBar(window), in: rect.splitTop(1).rest, look: look)
  }

  private func head(_ column: Column, _ look: Look) -> StyledText {
    switch column.order {
    case nil: StyledText(column.title, .header)
    case .ascending:
      StyledText(column.title, .strong) + .accent(String(look.glyphs.sortUp))
    case .descending:
      StyledText(column.title, .strong) + .accent(String(look.glyphs.sortDown))
    }
  }

  private func drawRow(
    _ cells: [StyledText], _ shown: [Int], _ widths: [Int], in rect: Rect,
    of buffer: inout CellBuffer, look: Look
  ) {
    guard !rect.isEmpty else { return }
    var x = rect.x
    for (cell, (column, width)) in zip(cells, zip(shown, widths)) {
      let place = Rect(x: x, y: rect.y, width: width, height: 1).intersection(rect)
      buffer.line(cell, in: place, look: look, columns[column].alignment)
      x += width + 2
    }
  }

  /// The columns that are shown in `room` and their widths.
  private func fitting(_ room: Int) -> (shown: [Int], widths: [Int]) {
    var shown = Array(columns.indices)
    let natural = columns.enumerated().map { index, column in
      let content = rows.lazy.map { $0.indices.contains(index) ? $0[index].width : 0 }.max() ?? 0
      let title = ScalarWidth.of(column.title) + (column.order == nil ? 0 : 1)
      return min(max(content, title), max(1, column.widest))
    }
    func least(_ index: Int) -> Int { min(natural[index], 8) }
    func needed(_ indices: [Int]) -> Int {
      indices.reduce(0) { $0 + least($1) } + 2 * max(0, indices.count - 1)
    }
    while needed(shown) > room, let index = shown.last(where: { columns[$0].isOptional }) {
      shown.removeAll { $0 == index }
    }
    // The mark of what was left out has its own place at the end of the head.
    let room = shown.count < columns.count ? room - 2 : room
    var widths = shown.map { natural[$0] }
    var excess = widths.reduce(0, +) + 2 * max(0, shown.count - 1) - room
    while excess > 0, let widest = widths.indices.max(by: { widths[$0] < widths[$1] }),
      widths[widest] > 1
    {
      widths[widest] -= 1
      excess -= 1
    }
    return (shown, widths)
  }
}

extension StyledText {
  /// The text for a selected row: ordinary and quiet roles take the selection's own colour, states
  /// keep theirs.
  var onSelection: StyledText {
    StyledText(
      spans.map { span in
        var span = span
        if [.text, .dim, .hint].contains(span.role) { span.role = .selection }
        return span
      })
  }
}
