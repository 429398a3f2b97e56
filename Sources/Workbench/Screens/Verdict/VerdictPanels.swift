import Engine
import Evaluation
import Operators
import Profiling
import Quantization
import TerminalUI
import Wording

/// The four checks, each with its mark, its word and its evidence.
struct VerdictPanel: Widget {
  var verdict: Verdict
  var recipe: String
  /// The check under the cursor, while the checks have the keyboard.
  var selected: Int?

  func draw(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    let room = buffer.box(
      "the four checks", in: rect, look: look, trailing: .hint(recipe),
      footer: .hint(selected == nil ? "Tab reads one in full" : ""), isFocused: selected != nil)
    var top = 0
    for (index, height) in heights(forWidth: room.width, within: room.height).enumerated() {
      let place = Rect(x: room.x, y: room.y + top, width: room.width, height: height)
      draw(
        verdict.checks[index], number: index + 1, in: place.intersection(room), &buffer, look)
      top += height
    }
  }

  /// Columns before the evidence.
  private static let margin = 14

  /// Rows it would like to have, the frame counted.
  func height(forWidth width: Int) -> Int {
    2 + heights(forWidth: width - 2, within: .max).reduce(0, +)
  }

  /// Rows of each check: its question and its evidence, the longest of which are cut first.
  private func heights(forWidth width: Int, within most: Int) -> [Int] {
    var heights = verdict.checks.map { check in
      1
        + max(
          1,
          TextLayout.wrap(StyledText(check.evidence), to: max(10, width - Self.margin)).count)
    }
    while heights.reduce(0, +) > most, let largest = heights.max(), largest > 1,
      let place = heights.lastIndex(of: largest)
    {
      heights[place] -= 1
    }
    return heights
  }

  private func draw(
    _ check: Verdict.Check, number: Int, in rect: Rect, _ buffer: inout CellBuffer, _ look: Look
  ) {
    let (mark, role, word) = check.mark.sign(look)
    let head = StyledText("\(mark) \(word)", role)
    let columns = rect.columns([.fixed(10), .fill()], spacing: 1)
    buffer.line(head, in: columns[0], look: look)
    let question = "\(number)  \(check.question)"
    buffer.line(
      selected == number - 1 ? .accent(question) : .strong(question), in: columns[1].row(0),
      look: look)
    buffer.draw(
      Paragraph(StyledText(check.evidence, check.mark == .unknown ? .hint : .text)),
      in: columns[1].splitTop(1).rest.inset(left: 3), look: look)
  }
}

/// What follows in one sentence, and what it is about.
struct DecisionPanel: Widget {
  var decision: String?
  /// Model, machine, text: what the sentence holds for.
  var about: String

  /// Rows it would like to have.
  func height(forWidth width: Int) -> Int {
    min(6, 2 + max(1, TextLayout.wrap(StyledText(decision ?? ""), to: max(1, width - 4)).count))
  }

  func draw(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    let room = buffer.box("the decision", in: rect, look: look, footer: .hint(about))
    guard let decision else {
      buffer.draw(
        Paragraph(.hint("Nothing is quantized yet, so that there is nothing to decide.")), in: room,
        look: look)
      return
    }
    buffer.draw(Paragraph(.strong(decision)), in: room, look: look)
  }
}

/// Where the errors are: a cell a layer, small.
struct HurtPanel: Widget {
  var layers: [LayerReport]

  func draw(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    let room = buffer.box("where it hurts", in: rect, look: look, trailing: .hint("5 looks closer"))
    let columns = layers.map(\.projection).reduce(into: [String]()) {
      if !$0.contains($1) { $0.append($1) }
    }
    let blocks = Set(layers.map(\.block)).sorted()
    guard !blocks.isEmpty else {
      buffer.draw(
        Paragraph(.hint("No layer was changed: the cache alone is quantized.")), in: room,
        look: look)
      return
    }
    var known: [Int: [String: Double]] = [:]
    for layer in layers { known[layer.block, default: [:]][layer.projection] = layer.relativeError }
    buffer.draw(
      Heatmap(
        rows: blocks.count, columns: columns.count,
        values: blocks.flatMap { block in columns.map { known[block]?[$0] ?? .nan } },
        rowLabels: blocks.map { "\($0)" }, columnLabels: columns, scale: .logarithmic), in: room,
      look: look)
  }
}
