import Wording

/// A screen, or a part of one, as a grid of cells: everything is drawn here, and nothing else
/// reaches a terminal.
///
/// Drawing outside of the grid is cut off; a wide character that does not fit becomes a space,
/// never half a character. Text passes `DisplayText`, so no string can carry a control sequence.
package struct CellBuffer: Hashable, Sendable {
  package let width: Int
  package let height: Int
  private var cells: [Cell]
  /// What places stand for, the last drawn last; nil where nobody asks, which saves the work.
  package var hits: [Hit]?
  /// Where the pointer rests; nil where there is none.
  package var pointer: Point?
  /// What is told of the place under the pointer; nil for nothing.
  package private(set) var readOut: String?

  /// A buffer of spaces.
  ///
  /// Sizes are cut to `Size.largestWidth` by `Size.largestHeight`.
  package init(width: Int, height: Int, style: Style = .plain) {
    self.init(size: Size(width: width, height: height), style: style)
  }

  package init(size: Size, style: Style = .plain) {
    width = size.width
    height = size.height
    cells = Array(
      repeating: Cell(" ", style: style.over(.plain)), count: size.width * size.height)
  }

  package var size: Size { Size(width: width, height: height) }
  /// The whole buffer as a rectangle.
  package var bounds: Rect { Rect(x: 0, y: 0, width: width, height: height) }

  /// The cell at a place; a plain space outside of the buffer.
  package subscript(x: Int, y: Int) -> Cell {
    guard x >= 0, x < width, y >= 0, y < height else { return Cell() }
    return cells[y * width + x]
  }

  /// Draws one line of text at `x`, `y`, cut to `clip` (the whole buffer when nil) on both sides.
  ///
  /// - Returns: the column after the text, whether or not it was visible.
  @discardableResult
  package mutating func put(
    _ text: String, x: Int, y: Int, style: Style, clip: Rect? = nil
  ) -> Int {
    let clip = (clip ?? bounds).intersection(bounds)
    let x = min(max(x, -100_000), 100_000)
    guard y >= clip.y, y < clip.maxY, !clip.isEmpty else {
      return x + ScalarWidth.of(text)
    }
    var column = x
    DisplayText.forEachGlyph(in: text) { glyph in
      place(glyph, x: column, y: y, style: style, clip: clip)
      column += glyph.width
      return true
    }
    return column
  }

  /// Says what a place stands for; nothing while `hits` is nil.
  package mutating func mark(_ rect: Rect, _ target: Hit.Target) {
    // What lies over the rest has the pointer.
    if target == .modal { readOut = nil }
    guard hits != nil else { return }
    let rect = rect.intersection(bounds)
    if !rect.isEmpty { hits?.append(Hit(rect, target)) }
  }

  /// Tells what lies at a place in full, where the pointer is there.
  package mutating func tell(_ rect: Rect, _ text: @autoclosure () -> String) {
    guard let pointer, rect.contains(x: pointer.x, y: pointer.y) else { return }
    readOut = text()
  }

  /// Draws what is told of the place under the pointer beside it.
  package mutating func drawReadOut(style: Style) {
    guard let pointer, let readOut, !readOut.isEmpty else { return }
    let text = " \(readOut) "
    let width = min(width, ScalarWidth.of(text))
    // Above, so that the pointer does not hide it; below on the first line.
    let y = pointer.y > 0 ? pointer.y - 1 : 1
    let x = min(max(0, pointer.x - width / 2), max(0, self.width - width))
    put(text, x: x, y: y, style: style, clip: Rect(x: x, y: y, width: width, height: 1))
  }

  /// Draws spans one after another; each takes its style from `style`.
  @discardableResult
  package mutating func put(
    _ text: StyledText, x: Int, y: Int, clip: Rect? = nil, style: (Span) -> Style
  ) -> Int {
    var column = x
    for span in text.spans {
      column = put(span.text, x: column, y: y, style: style(span), clip: clip)
    }
    return column
  }

  /// Draws one scalar of width 1 at a place.
  ///
  /// A wide, hidden or control scalar becomes `?`.
  package mutating func set(_ scalar: Unicode.Scalar, x: Int, y: Int, style: Style) {
    guard x >= 0, x < width, y >= 0, y < height else { return }
    write(Cell(Self.drawable(scalar), style: style), x: x, y: y)
  }

  /// Fills a rectangle with one scalar of width 1.
  package mutating func fill(_ rect: Rect, with scalar: Unicode.Scalar = " ", style: Style) {
    let rect = rect.intersection(bounds)
    let cell = Cell(Self.drawable(scalar), style: style)
    for y in rect.y..<rect.maxY {
      for x in rect.x..<rect.maxX { write(cell, x: x, y: y) }
    }
  }

  /// Changes only the style of a rectangle; inherited colours stay as they are.
  package mutating func restyle(_ rect: Rect, _ change: (Style) -> Style) {
    let rect = rect.intersection(bounds)
    for y in rect.y..<rect.maxY {
      for x in rect.x..<rect.maxX {
        let old = cells[y * width + x].style
        cells[y * width + x].style = change(old).over(old)
      }
    }
  }

  /// Copies a part of another buffer here, cut at the edges of both.
  package mutating func copy(_ source: CellBuffer, from part: Rect, toX: Int, toY: Int) {
    let part = part.intersection(source.bounds)
    for y in 0..<part.height {
      for x in 0..<part.width {
        let cell = source[part.x + x, part.y + y]
        guard !cell.isContinuation || x == 0 else { continue }
        let glyph = DisplayText.Glyph(
          scalar: cell.isContinuation ? " " : cell.scalar, mark: cell.mark,
          width: source[part.x + x + 1, part.y + y].isContinuation && !cell.isContinuation ? 2 : 1)
        let room = Rect(x: toX, y: toY, width: part.width, height: part.height)
        place(glyph, x: toX + x, y: toY + y, style: cell.style, clip: room.intersection(bounds))
      }
    }
  }

  /// Calls `body` with the cells of one row.
  package func withRow<Result>(_ y: Int, _ body: (ArraySlice<Cell>) -> Result) -> Result {
    guard y >= 0, y < height else { return body([]) }
    return body(cells[(y * width)..<((y + 1) * width)])
  }

  private static func drawable(_ scalar: Unicode.Scalar) -> Unicode.Scalar {
    ScalarWidth.of(scalar) == 1 && DisplayText.escape(for: scalar) == nil ? scalar : "?"
  }

  private mutating func place(
    _ glyph: DisplayText.Glyph, x: Int, y: Int, style: Style, clip: Rect
  ) {
    guard x + glyph.width > clip.x, x < clip.maxX, y >= clip.y, y < clip.maxY else { return }
    if glyph.width == 1 {
      write(Cell(glyph.scalar, mark: glyph.mark, style: style), x: x, y: y)
    } else if x >= clip.x, x + 1 < clip.maxX {
      write(Cell(glyph.scalar, mark: glyph.mark, style: style), x: x, y: y)
      write(Cell("\0", style: style), x: x + 1, y: y, joinsLeft: true)
    } else {
      write(Cell(" ", style: style), x: max(x, clip.x), y: y)
    }
  }

  /// Writes a cell inside of the buffer and blanks the other half of a wide character it breaks.
  private mutating func write(_ cell: Cell, x: Int, y: Int, joinsLeft: Bool = false) {
    let index = y * width + x
    if cells[index].isContinuation, x > 0, !joinsLeft {
      cells[index - 1].scalar = " "
      cells[index - 1].mark = "\0"
    }
    if x + 1 < width, cells[index + 1].isContinuation {
      cells[index + 1].scalar = " "
    }
    var cell = cell
    cell.style = cell.style.over(cells[index].style)
    cells[index] = cell
  }
}

extension CellBuffer {
  /// The text of the buffer, a line a row, spaces at the ends of rows removed.
  package func snapshot() -> String {
    var text = ""
    for y in 0..<height {
      var row = String.UnicodeScalarView()
      var end = row.endIndex
      withRow(y) { cells in
        for cell in cells where !cell.isContinuation {
          row.append(cell.scalar)
          if cell.mark != "\0" { row.append(cell.mark) }
          if cell.scalar != " " { end = row.endIndex }
        }
      }
      if y > 0 { text += "\n" }
      text.unicodeScalars.append(contentsOf: row[..<end])
    }
    return text
  }

  /// The styles of the buffer, a line a row, as runs of columns: `0-4 #ffffff/#000000 bold; …`.
  package func styleSnapshot() -> String {
    var lines: [String] = []
    for y in 0..<height {
      var runs: [String] = []
      var start = 0
      while start < width {
        let style = self[start, y].style
        var end = start
        while end + 1 < width, self[end + 1, y].style == style { end += 1 }
        runs.append("\(start)-\(end) \(style)")
        start = end + 1
      }
      lines.append(runs.joined(separator: "; "))
    }
    return lines.joined(separator: "\n")
  }
}

extension Style: CustomStringConvertible {
  /// Foreground and background, then the attributes by name.
  package var description: String {
    let names = Attributes.named.filter { attributes.contains($0.attribute) }.map(\.name)
    return (["\(foreground)/\(background)"] + names).joined(separator: " ")
  }
}
