/// Which part of a long list is on the screen.
package struct ScrollWindow: Hashable, Sendable {
  /// First visible row.
  package let top: Int
  /// Rows that fit.
  package let visible: Int
  /// All rows.
  package let count: Int

  /// The window nearest to `top` that shows `selected` and leaves no empty room at the end.
  package init(count: Int, visible: Int, selected: Int? = nil, top: Int = 0) {
    self.count = max(0, count)
    self.visible = max(0, visible)
    var start = max(0, top)
    if let selected, self.visible > 0 {
      let selected = min(max(0, selected), max(0, self.count - 1))
      start = min(start, selected)
      start = max(start, selected - self.visible + 1)
    }
    self.top = max(0, min(start, self.count - self.visible))
  }

  package var range: Range<Int> { top..<max(top, min(count, top + visible)) }
  package var overflows: Bool { count > visible }
}

/// A thin bar on the right of a list that does not fit.
package struct ScrollBar: Widget {
  package var window: ScrollWindow

  package init(_ window: ScrollWindow) { self.window = window }

  package func draw(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    guard window.overflows, window.count > 0, rect.height > 0 else { return }
    let thumb = max(1, rect.height * window.visible / window.count)
    let free = rect.height - thumb
    let hidden = max(1, window.count - window.visible)
    let start = min(free, (free * window.top + hidden / 2) / hidden)
    for row in 0..<rect.height {
      let isThumb = row >= start && row < start + thumb
      buffer.set(
        isThumb ? look.glyphs.barEighths[7] : look.glyphs.vertical, x: rect.maxX - 1,
        y: rect.y + row, style: look.style(isThumb ? .dim : .track))
    }
  }
}
