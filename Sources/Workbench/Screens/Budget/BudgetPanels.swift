package import Engine
import Models
import Quantization
import TerminalUI
import Wording

/// Who wins, and what is advised, in words.
struct BudgetAnswer: Widget {
  var report: AllocationReport?
  /// The recipe whose bits are shared out.
  var recipe: Recipe

  func draw(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    let room = buffer.box(
      "mixed or uniform?", in: rect, look: look,
      trailing: .hint(report == nil ? "" : "u takes the advice"))
    guard let report else {
      buffer.draw(
        Paragraph(
          recipe.weights == nil
            ? .hint("The recipe has no method for weights yet.")
            : .hint("Bits will be shared out for ") + StyledText("\(recipe)")
              + .hint(". It takes about as long as quantizing once at each width, and more.")),
        in: room, look: look)
      return
    }
    let mark: StyledText =
      report.mixedWins == false && !report.restWins
      ? .accent("\(look.glyphs.pointer) ") : .good("\(look.glyphs.pass) ")
    buffer.draw(Paragraph(mark + StyledText(report.words)), in: room, look: look)
  }
}

extension AllocationReport {
  /// Who wins, by how much, and what is advised.
  package var words: String {
    func figures(_ side: Side) -> String {
      Quantity.significant(side.kl) + Quantity.margin(side.klError, windows: windows)
    }
    let rest =
      "Advised: \(advised.name), \(Quantity.fixed(advised.bitsPerWeight, 2)) bits a weight."
    guard let uniform else {
      return
        "No uniform width fits into \(Quantity.fixed(budgetBits, 2)) bits a weight; mixed bits "
        + "do, with KL \(figures(mixed)). \(rest)"
    }
    let rival = mixedAtUniform ?? mixed
    guard !restWins else {
      return
        "At the size of \(uniform.name), KL \(figures(uniform)), mixed bits are no better; what the "
        + "budget leaves above it brings them to KL \(figures(mixed)). \(rest)"
    }
    guard mixedWins == true else {
      return "Uniform bits win: mixed bits of equal size have KL \(figures(rival)), uniform "
        + "\(figures(uniform)), no gain beyond chance. \(rest)"
    }
    let gain = uniform.kl > 0 ? 1 - rival.kl / uniform.kl : 0
    return "Mixed bits win: at equal size KL \(figures(rival)) against \(figures(uniform)) of "
      + "\(uniform.name), \(Quantity.percent(gain)) lower. \(rest)"
  }
}

/// Blocks by projections: the bits of every layer.
struct BitsGrid: Widget {
  var report: AllocationReport
  /// The layer under the cursor.
  var row: Int
  var column: Int
  var isFocused: Bool

  func draw(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    let room = buffer.box(
      "bits of each layer", in: rect, look: look, trailing: .hint(isFocused ? "" : "Tab to look"),
      isFocused: isFocused)
    // Every layer on a row of its own comes before a note on one of them.
    let rows = (report.choices.map(\.block).max() ?? 0).clamped(0, 4095) + 1
    let spare = room.height - rows - 3
    let (body, note) = room.splitBottom(spare >= 2 ? 2 : room.height >= 8 ? 1 : 0)
    let projections = report.roles
    var values = [Double](repeating: .nan, count: rows * projections.count)
    for choice in report.choices where (0..<rows).contains(choice.block) {
      guard let column = projections.firstIndex(of: choice.projection) else { continue }
      values[choice.block * projections.count + column] = Double(choice.bits)
    }
    let widths = report.widths.map(Double.init)
    buffer.draw(
      Heatmap(
        rows: rows, columns: projections.count, values: values,
        rowLabels: (0..<rows).map(String.init), columnLabels: projections.map(\.rawValue),
        scale: .logarithmic, domain: (widths.min() ?? 2)...max(widths.max() ?? 8, 2.5),
        numbers: .whole,
        cursor: isFocused
          ? Heatmap.Place(row: row, column: column) : nil), in: body,
      look: look)
    drawLayer(in: note, of: &buffer, look: look)
  }

  /// What the layer under the cursor would lose at each width.
  private func drawLayer(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    guard isFocused else {
      let counts = report.widths.compactMap { width -> String? in
        let count = report.choices.count { $0.bits == width }
        return count > 0 ? "\(count) × \(width)" : nil
      }
      buffer.line(
        oneOf: [
          .hint("layers: " + counts.joined(separator: ", ") + " bits"),
          .hint(counts.joined(separator: ", ") + " bits"),
        ], in: rect.row(rect.height - 1), look: look)
      return
    }
    let choice = report.choices.first {
      $0.block == row && report.roles.firstIndex(of: $0.projection) == column
    }
    guard let choice else { return }
    let name = "\(choice.block).\(choice.projection)"
    var figures = zip(report.widths, choice.aloneKL).reduce(StyledText([])) { text, pair in
      text + .dim("\(pair.0):")
        + StyledText(
          Quantity.significant(pair.1, 1) + "  ", pair.0 == choice.bits ? .strong : .text)
    }
    if rect.height >= 2 {
      buffer.line(
        oneOf: [
          .strong("\(name): \(choice.bits) bits") + .hint("; its KL alone by bits:"),
          .strong("\(name): \(choice.bits) bits") + .hint("; KL alone:"),
        ], in: rect.row(0), look: look)
    } else {
      figures = .strong("\(name) ") + figures
    }
    buffer.line(figures, in: rect.row(rect.height - 1), look: look)
  }
}

/// Mixed bits, mixed bits at the size of uniform ones, and uniform bits side by side.
struct SidesPanel: Widget {
  var report: AllocationReport

  func draw(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    let room = buffer.box(
      "side by side", in: rect, look: look,
      trailing: .hint("KL on \(report.windows) windows"))
    let isWide = room.width >= 44
    var sides: [(title: String, side: AllocationReport.Side)] = [("mixed", report.mixed)]
    if let same = report.mixedAtUniform { sides.append((isWide ? "same size" : "same", same)) }
    if let uniform = report.uniform {
      sides.append((uniform.name.replacing(" everywhere", with: ""), uniform))
    }
    func row(_ name: String, _ value: (AllocationReport.Side) -> StyledText) -> [StyledText] {
      [.dim(name)] + sides.map { value($0.side) }
    }
    let least = sides.map(\.side.kl).min()
    let rows = [
      row("bytes") { StyledText(Quantity.bytes($0.bytes)) },
      row("bits") { StyledText(Quantity.fixed($0.bitsPerWeight, 3)) },
      row("KL") {
        StyledText(Quantity.significant($0.kl), $0.kl == least ? .good : .strong)
      },
      row("±") { .dim(Quantity.significant($0.klError, 2)) },
      row(isWide ? "sum alone" : "sum") {
        .dim($0.predictedKL.map { Quantity.significant($0) } ?? "–")
      },
    ]
    let (table, below) = room.splitTop(rows.count + 1)
    buffer.draw(
      Table(
        [Table.Column("")] + sides.map { Table.Column($0.title, .right) }, rows: rows), in: table,
      look: look)
    let (bars, note) = below.inset(top: below.height >= 6 ? 1 : 0).splitTop(
      below.height >= 5 ? sides.count : 0)
    buffer.draw(
      BarChart(
        sides.map { entry in
          BarChart.Bar(
            .dim(entry.title), value: entry.side.kl,
            text: StyledText(Quantity.significant(entry.side.kl))
              + .hint(Quantity.margin(entry.side.klError, windows: report.windows)),
            role: entry.side == report.uniform ? .series2 : .series1)
        }), in: bars, look: look)
    var words = ""
    if report.mixedAtUniform != nil {
      words =
        "\(isWide ? "same size" : "same"): mixed, as large as \(sides[sides.count - 1].title). "
    }
    words +=
      isWide
      ? "sum alone: the layers' own KLs added up, which the choice was made by."
      : "sum: layers' own KLs added up."
    buffer.draw(
      Paragraph(.hint(words)), in: note.inset(top: note.height >= 4 ? 1 : 0), look: look)
  }
}
