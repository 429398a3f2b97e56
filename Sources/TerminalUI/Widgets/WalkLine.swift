/// The top line: the product, the steps of the walk with the current one in capitals, and a state
/// on the right.
///
/// Narrow screens shorten the other steps to their numbers; a done step carries a check mark.
package struct WalkLine: Widget {
  package struct Step: Hashable, Sendable {
    package var title: String
    package var isDone: Bool
    /// The key that a click on it stands for.
    package var press: KeyPress?

    package init(_ title: String, isDone: Bool = false, press: KeyPress? = nil) {
      self.title = title
      self.isDone = isDone
      self.press = press
    }
  }

  package var product: String
  package var steps: [Step]
  package var current: Int?
  package var trailing: StyledText

  package init(_ product: String, steps: [Step], current: Int?, trailing: StyledText = "") {
    self.product = product
    self.steps = steps
    self.current = current
    self.trailing = trailing
  }

  package func draw(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    let row = rect.row(0)
    buffer.fill(row, style: look.style(.bar))
    let trailing = self.trailing.plain.isEmpty ? StyledText([]) : " " + self.trailing + " "
    let room = row.inset(right: min(trailing.width, row.width / 2))
    let text = text(fitting: room.width, look: look)
    buffer.line(text.onBar, in: room, look: look)
    mark(fitting: room.width, in: room, of: &buffer, look: look)
    buffer.line(
      trailing.onBar, in: row.splitRight(row.width - room.width).right, look: look, .right)
  }

  /// Each step stands for its key.
  private func mark(fitting width: Int, in row: Rect, of buffer: inout CellBuffer, look: Look) {
    var x = row.x + head.width
    for (step, piece) in zip(steps, pieces(fitting: width, look: look)) {
      if let press = step.press {
        buffer.mark(Rect(x: x, y: row.y, width: piece.width, height: 1), .key(press))
      }
      x += piece.width + 3
    }
  }

  private var head: StyledText { StyledText(" \(product)  ", .accent) }

  private func text(fitting width: Int, look: Look) -> StyledText {
    var text = head
    for (index, piece) in pieces(fitting: width, look: look).enumerated() {
      if index > 0 { text += .dim(" \(look.glyphs.pointer) ") }
      text += piece
    }
    return text
  }

  /// The steps, those farthest from the current one shortened until all fit.
  private func pieces(fitting width: Int, look: Look) -> [StyledText] {
    let near = current ?? 0
    let farFirst = steps.indices.sorted { abs($0 - near) > abs($1 - near) }
    var pieces = steps.indices.map { piece($0, isShort: false, look) }
    for index in farFirst {
      let needed = head.width + pieces.reduce(0) { $0 + $1.width + 3 } - 3
      if needed <= width { break }
      pieces[index] = piece(index, isShort: true, look)
    }
    return pieces
  }

  private func piece(_ index: Int, isShort: Bool, _ look: Look) -> StyledText {
    let step = steps[index]
    let mark = step.isDone ? "\(look.glyphs.pass)" : ""
    if index == current {
      return StyledText("\(index + 1) \(step.title.uppercased())\(mark)", .strong)
    }
    return StyledText(isShort ? "\(index + 1)" : "\(index + 1) \(step.title)", .dim) + .good(mark)
  }
}

extension StyledText {
  /// Ordinary text in the colours of a bar.
  var onBar: StyledText {
    StyledText(
      spans.map { span in
        var span = span
        if span.role == .text { span.role = .bar }
        return span
      })
  }
}
