import TerminalUI

extension CellBuffer {
  /// Draws the first of some wordings that fits, from the fullest to the shortest; the last is cut if need be.
  mutating func line(oneOf wordings: [StyledText], in rect: Rect, look: Look) {
    guard let text = wordings.first(where: { $0.width <= rect.width }) ?? wordings.last else {
      return
    }
    line(text, in: rect, look: look)
  }
}
