/// What a place on the screen stands for, so that a click there means something.
///
/// Widgets mark it where they draw it (`CellBuffer.mark`), so that pictures and clicks cannot disagree.
package struct Hit: Hashable, Sendable {
  package enum Target: Hashable, Sendable {
    /// A box that may have the cursor in it.
    case pane(isFocused: Bool)
    /// A row of a list; both count the rows that can be chosen. `chosen` is nil where no cursor is drawn.
    case row(Int, chosen: Int?)
    /// A field of a form; one that is typed is changed by typing, another by the arrows.
    case field(Int, chosen: Int?, isTyped: Bool)
    /// A cell of a map.
    case cell(Heatmap.Place, cursor: Heatmap.Place?)
    /// A key that is written there.
    case key(KeyPress)
    /// What lies over everything that was drawn before.
    case modal
  }

  package var rect: Rect
  package var target: Target

  package init(_ rect: Rect, _ target: Target) {
    self.rect = rect
    self.target = target
  }
}

extension [Hit] {
  /// What a click at a place meets; nil where nothing is, or something lies over it.
  package func target(x: Int, y: Int) -> Hit.Target? {
    for hit in reversed() {
      if case .pane = hit.target { continue }
      if hit.rect.contains(x: x, y: y) { return hit.target }
      if hit.target == .modal { return key(x: x, y: y) }
    }
    return nil
  }

  /// Whether the innermost box around a place has the cursor; nil outside of all.
  package func isFocused(x: Int, y: Int) -> Bool? {
    for hit in reversed() {
      if case .pane(let isFocused) = hit.target, hit.rect.contains(x: x, y: y) { return isFocused }
      if hit.target == .modal { return nil }
    }
    return nil
  }

  /// Whether something lies over a place that does not belong to what lies there.
  package func isOutside(x: Int, y: Int) -> Bool {
    guard let modal = last(where: { $0.target == .modal }) else { return false }
    return !modal.rect.contains(x: x, y: y) && key(x: x, y: y) == nil
  }

  /// Keys of the last line are those of what lies over the screen.
  private func key(x: Int, y: Int) -> Hit.Target? {
    last { hit in
      if case .key = hit.target { hit.rect.contains(x: x, y: y) } else { false }
    }?.target
  }
}
