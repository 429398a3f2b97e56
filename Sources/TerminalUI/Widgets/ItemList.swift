/// A list to choose from, each item with a text on the right, the chosen one marked by a pointer
/// and its colours.
package struct ItemList: Widget {
  package struct Item: Hashable, Sendable {
    package var text: StyledText
    package var trailing: StyledText
    /// A heading between items; it cannot be chosen, and the caller skips it.
    package var isHeading: Bool

    package init(_ text: StyledText, trailing: StyledText = "", isHeading: Bool = false) {
      self.text = text
      self.trailing = trailing
      self.isHeading = isHeading
    }
  }

  package var items: [Item]
  package var selected: Int?
  package var top: Int
  package var placeholder: StyledText

  package init(
    _ items: [Item], selected: Int? = nil, top: Int = 0, placeholder: StyledText = ""
  ) {
    self.items = items
    self.selected = selected
    self.top = top
    self.placeholder = placeholder
  }

  package func window(in rect: Rect) -> ScrollWindow {
    ScrollWindow(count: items.count, visible: rect.height, selected: selected, top: top)
  }

  package func draw(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    let window = window(in: rect)
    if items.isEmpty { buffer.line(placeholder, in: rect, look: look) }
    for (line, index) in window.range.enumerated() {
      let row = rect.row(line).inset(right: window.overflows ? 1 : 0)
      if !items[index].isHeading {
        buffer.mark(row, .row(place(of: index), chosen: selected.map(place)))
      }
      draw(items[index], isSelected: index == selected, in: row, of: &buffer, look: look)
    }
    buffer.draw(ScrollBar(window), in: rect, look: look)
  }

  /// The place of an item among those that can be chosen.
  private func place(of index: Int) -> Int {
    items.prefix(max(0, index)).count { !$0.isHeading }
  }

  private func draw(
    _ item: Item, isSelected: Bool, in row: Rect, of buffer: inout CellBuffer, look: Look
  ) {
    if item.isHeading {
      let heading = item.text.spans.map { Span($0.text, $0.role == .text ? .header : $0.role) }
      buffer.line(StyledText(heading), in: row, look: look)
      return
    }
    if isSelected {
      buffer.fill(row, style: look.style(.selection))
      buffer.put(
        String(look.glyphs.pointer), x: row.x, y: row.y,
        style: look.style(.selection).adding(.bold), clip: row)
    }
    let room = row.inset(left: 2, right: 1)
    let trailing = min(item.trailing.width, room.width / 2)
    let (left, right) = room.splitRight(trailing == 0 ? 0 : trailing + 1)
    buffer.line(isSelected ? item.text.onSelection : item.text, in: left, look: look)
    buffer.line(
      isSelected ? item.trailing.onSelection : item.trailing, in: right.inset(left: 1), look: look,
      .right)
  }
}
