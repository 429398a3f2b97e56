import Engine
import TerminalUI
import Wording

/// What the lab is for, and what it found for the models under the cursor.
struct LabAnswer: Widget {
  var isMeasured: Bool

  func draw(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    let room = buffer.box(
      "why can weights of few bits not fix activation outliers?", in: rect, look: look,
      trailing: .hint(isMeasured ? "m runs it again" : "m runs the lab"))
    buffer.draw(
      Paragraph(
        .hint(
          "In full precision all these models compute the same. W4A16 leaves the range of activations as it "
            + "is; LLM.int8() takes the far columns apart, SmoothQuant moves their range into the weights. And the "
            + "weights that read planted channels are smaller, which grids of few bits pay for.")),
      in: room, look: look)
  }
}

/// Methods by planted factor: KL to the model as it is, and the words for one factor.
struct LabPanel: Widget {
  var report: OutlierLabReport
  /// The model whose words are shown.
  var chosen: Int

  /// The names of all rows, in the order they came.
  private var names: [String] {
    var seen: Set<String> = []
    return report.sides.flatMap(\.rows).filter { $0.kind != .baseline }.map(Self.name).filter {
      seen.insert($0).inserted
    }
  }

  /// A row's name without the threshold found for one model.
  private static func name(_ row: OutlierLabReport.Row) -> String {
    guard row.kind == .llmInt8 else { return row.name }
    return row.name.hasSuffix(" 6.0") ? "LLM.int8() 6.0" : "LLM.int8() proposed"
  }

  func draw(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    let names = names
    let isWide = rect.width >= 96
    let parts =
      isWide
      ? rect.columns([.fixed(min(70, rect.width * 3 / 5)), .fill()])
      : rect.rows([.fixed(min(names.count + 4, max(8, rect.height * 3 / 5))), .fill()])
    drawTable(names, in: parts[0], of: &buffer, look: look)
    drawWords(in: parts[1], of: &buffer, look: look)
  }

  private func drawTable(
    _ names: [String], in rect: Rect, of buffer: inout CellBuffer, look: Look
  ) {
    let room = buffer.box(
      "KL by planted factor", in: rect, look: look, trailing: .hint("nats, lower is better"),
      isFocused: true)
    let chosen = chosen.clamped(0, max(0, report.sides.count - 1))
    let columns = report.sides.enumerated().map { column, side in
      let name = side.facts.factor == 1 ? "as is" : "x\(side.facts.factor)"
      return Table.Column(column == chosen ? name + "*" : name, .right)
    }
    let rows = names.map { name -> [StyledText] in
      [StyledText(name)]
        + report.sides.map { side in
          side.rows.first { Self.name($0) == name }.map { Self.figure($0.kl) } ?? .hint("-")
        }
    }
    buffer.draw(
      Table([Table.Column("", widest: 24)] + columns, rows: rows), in: room, look: look)
  }

  /// A divergence in the colour of what it means for the text.
  private static func figure(_ kl: Double) -> StyledText {
    let text = Quantity.significant(kl, 2)
    return kl < 0.001
      ? .good(text) : kl < 0.01 ? StyledText(text) : kl < 0.1 ? .warn(text) : .bad(text)
  }

  private func drawWords(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    let side = report.sides[chosen.clamped(0, report.sides.count - 1)]
    let room = buffer.box(
      StyledText(side.facts.name), in: rect, look: look,
      trailing: .hint("\(look.glyphs.arrow) other factors"))
    let words = report.words(of: side)
    let text = words.enumerated().reduce(StyledText([])) { text, line in
      text + StyledText((line.offset > 0 ? "\n" : "") + line.element)
    }
    buffer.draw(Paragraph(text), in: room, look: look)
  }
}
