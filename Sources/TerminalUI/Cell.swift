/// One place on the screen: a scalar, at most one combining mark, and a style.
///
/// A wide scalar takes two cells; the right one holds scalar 0. `CellBuffer` keeps the halves
/// together.
package struct Cell: Hashable, Sendable {
  /// The character; U+0000 in the right half of a wide one.
  package var scalar: Unicode.Scalar
  /// A combining mark on it, or U+0000.
  package var mark: Unicode.Scalar
  package var style: Style

  package init(_ scalar: Unicode.Scalar = " ", mark: Unicode.Scalar = "\0", style: Style = .plain) {
    self.scalar = scalar
    self.mark = mark
    self.style = style
  }

  /// Whether this is the right half of a wide character.
  package var isContinuation: Bool { scalar == "\0" }
}
