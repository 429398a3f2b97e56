import Models
import Operators
import Profiling
import TerminalUI
import Wording

/// What the table teaches, in a sentence or two.
struct ProviderAnswer: Widget {
  var report: ProviderReport

  func draw(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    let room = buffer.box(
      "why is it not faster?", in: rect, look: look,
      trailing: .hint("m measures again"))
    var text = StyledText([])
    // What a newcomer must read comes first, the rest where there is room.
    for sentence in report.lessons {
      let isFirst = text.spans.isEmpty
      let more = isFirst ? StyledText.strong(sentence) : text + "\n" + StyledText(sentence)
      guard isFirst || TextLayout.wrap(more, to: max(1, room.width)).count <= room.height else {
        continue
      }
      text = more
    }
    buffer.draw(Paragraph(text), in: room, look: look)
  }
}

/// Ways to run the model, one a row.
struct ProviderTable: Widget {
  var report: ProviderReport
  var selected: Int

  func draw(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    let words = report.baselineWords
    let ratio = "x \(words.short)"
    let what = words.storedAs == nil ? words.besides : words.phrase
    let room = buffer.box(
      "ways to run it", in: rect, look: look,
      trailing: .hint("\(ratio): against \(what) under the same provider"), isFocused: true)
    let columns: [Table.Column] = [
      Table.Column("provider"), Table.Column("without", widest: 22),
      Table.Column("decode/s", .right), Table.Column(ratio, .right),
      Table.Column("prefill/s", .right), Table.Column(ratio, .right),
      Table.Column("packed", .right), Table.Column("native", .right, isOptional: true),
      Table.Column("KL", .right, isOptional: true),
      Table.Column("kernel that ran", isOptional: true, widest: 30),
      Table.Column("why not its own", isOptional: true, widest: 60),
    ]
    let rows = report.rows.map { row -> [StyledText] in
      [
        StyledText(row.provider.rawValue),
        row.disabled.isEmpty ? .hint("–") : .warn(Self.without(row)),
        StyledText(Quantity.significant(row.decode.tokensPerSecond)),
        Self.ratio(row.decodeRatio),
        .dim(Quantity.significant(row.prefill.tokensPerSecond)), Self.ratio(row.prefillRatio),
        StyledText(Quantity.bytes(Double(row.packedBytes))),
        row.nativeShare > 0.995
          ? .good("\(look.glyphs.pass) all") : .warn(Quantity.percent(row.nativeShare)),
        row.kl.map { .dim(Quantity.significant($0, 2)) } ?? .hint("–"),
        .dim(row.mainKernel?.name ?? ""),
        row.mainKernel?.reason.map { .warn($0) } ?? .hint("–"),
      ]
    }
    buffer.draw(Table(columns, rows: rows, selected: selected), in: room, look: look)
  }

  /// The kernels a row does without, as short as they can be told.
  static func without(_ row: ProviderReport.Row) -> String {
    row.disabled.map { $0.hasPrefix("linear_") ? String($0.dropFirst(7)) : $0 }
      .joined(separator: " ")
  }

  /// A ratio to BF16 in the colour of what it means.
  static func ratio(_ ratio: Double?) -> StyledText {
    guard let ratio else { return .hint("–") }
    let text = ProviderReport.times(ratio)
    return ratio >= 1.03 ? .good(text) : ratio > 0.97 ? StyledText(text) : .bad(text)
  }
}

/// Rates against BF16 under the same provider; the mark is where quantizing gains nothing.
struct ProviderBars: Widget {
  var report: ProviderReport
  var showsPrefill: Bool

  func draw(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    let phase = showsPrefill ? "prefill" : "decode"
    let base = report.baselineWords.besides
    let room = buffer.box(
      StyledText("\(phase) against \(base)"), in: rect, look: look,
      footer: .hint("the mark: as fast as \(base)"))
    let bars = report.rows.compactMap { row -> BarChart.Bar? in
      guard let ratio = showsPrefill ? row.prefillRatio : row.decodeRatio else { return nil }
      let name =
        row.disabled.isEmpty
        ? StyledText(row.provider.rawValue)
        : .warn("\(look.glyphs.fail) \(ProviderTable.without(row))")
      return BarChart.Bar(
        name, value: ratio, text: ProviderTable.ratio(ratio),
        role: ratio >= 1.03 ? .good : ratio > 0.97 ? .accent : .bad)
    }
    guard !bars.isEmpty else {
      buffer.draw(
        Paragraph(.hint("Nothing is quantized: there is no \(base) to hold it against.")), in: room,
        look: look)
      return
    }
    buffer.draw(
      BarChart(bars, highest: max(1.25, bars.map(\.value).max() ?? 1), limit: 1), in: room,
      look: look)
  }
}

/// The row under the cursor in full.
struct ProviderDetail: Widget {
  var report: ProviderReport
  var row: ProviderReport.Row

  func draw(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    let name = row.provider.rawValue
    let room = buffer.box(
      StyledText(row.disabled.isEmpty ? name : "\(name) without \(ProviderTable.without(row))"),
      in: rect, look: look, trailing: .hint("decode"))
    var lines: [StyledText] = row.kernels.prefix(4).map { kernel in
      .strong(Quantity.percent(kernel.share)) + " " + StyledText(kernel.name)
        + (kernel.reason.map { .warn(" \(look.glyphs.warn) \($0)") } ?? "")
    }
    var facts =
      "packed \(Quantity.bytes(row.packedBytes))"
    if let base = report.baseline(of: row) {
      facts += ", \(report.baselineWords.besides) \(Quantity.bytes(base.packedBytes))"
    }
    lines.append(.dim(facts))
    if let kl = row.kl {
      lines.append(
        .dim("KL to plain C \(Quantity.significant(kl, 2)) over \(row.klTokens) tokens"))
    }
    if let base = report.baseline(of: row) {
      lines.append(
        .dim(
          "\(report.baselineWords.besides) here: decode \(Quantity.significant(base.decode.tokensPerSecond))/s, prefill "
            + "\(Quantity.significant(base.prefill.tokensPerSecond))/s"))
    }
    lines.append(
      .dim(
        "prompt \(row.promptTokens), \(row.generatedTokens) decoded, median of \(report.repetitions)"
      ))
    var text = StyledText([])
    for (index, line) in lines.enumerated() { text += (index == 0 ? "" : "\n") + line }
    buffer.draw(Paragraph(text), in: room, look: look)
  }
}
