import Models
import Planning
import TerminalUI
import Wording

/// Where memory goes under the workload, by kind, against the budget.
struct MemoryUse: Widget {
  var plan: PlanReport

  func draw(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    let memory = plan.memory
    let isOver = memory.total > memory.budget
    let mark = isOver ? look.glyphs.fail : look.glyphs.pass
    let sum = "\(Quantity.bytes(memory.total)) of \(Quantity.bytes(memory.budget))"
    let room = buffer.box(
      "where the memory goes", in: rect, look: look,
      trailing: isOver ? .bad("\(mark) \(sum): over") : .good("\(mark) \(sum)"))
    func bar(_ name: String, _ value: Double, _ role: Role) -> BarChart.Bar {
      BarChart.Bar(
        StyledText(name), value: value,
        text: StyledText(Quantity.bytes(value))
          + .hint(" " + Quantity.percent(memory.total > 0 ? value / memory.total : 0)),
        role: role)
    }
    let (bars, rest) = room.splitTop(3)
    buffer.draw(
      BarChart(
        [
          bar("weights", memory.weights, .series1), bar("KV cache", memory.kvCache, .series2),
          bar("activations", memory.activations, .series3),
        ], highest: max(memory.total, memory.budget)), in: bars, look: look)
    let (whole, note) = rest.splitTop(1)
    let columns = whole.columns([.fixed(11), .fill()], spacing: 1)
    buffer.line(.dim("together"), in: columns[0], look: look)
    let most = max(memory.total, memory.budget)
    let budget = most > 0 ? memory.budget / most : 0
    buffer.draw(
      Gauge(
        most > 0 ? memory.total / most : 0, role: isOver ? .bad : .accent,
        text: .hint("│ budget"), limit: budget), in: columns[1], look: look)
    if let warning = plan.warnings.first {
      buffer.line(.warn("\(look.glyphs.warn) ") + StyledText(warning), in: note, look: look)
      return
    }
    buffer.line(
      .hint("KV: \(Quantity.bytes(plan.kvBytesPerToken)) a token = \(plan.kvFormula)"), in: note,
      look: look)
  }
}

/// What binds prefill and decode, from seconds by cause.
struct PhaseBounds: Widget {
  var plan: PlanReport

  func draw(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    let peaks = plan.peaks.map { MachinePage.line($0, width: rect.width - 5) } ?? ""
    let room = buffer.box(
      "what binds", in: rect, look: look, trailing: .hint(plan.machine), footer: .hint(peaks))
    var row = 0
    func put(_ text: StyledText) {
      buffer.line(text, in: room.row(row), look: look)
      row += 1
    }
    phase("prefill", "a prompt", plan.prefill, in: room.row(0), &buffer, look)
    phase("decode", "a step", plan.decode, in: room.row(1), &buffer, look)
    row = 2
    let legend =
      StyledText("weights", .series1) + .hint(" and ") + StyledText("KV", .series2)
      + .hint(" read, ") + StyledText("compute", .series3)
    buffer.line(
      oneOf: [.dim("bars     ") + legend + .hint(": share of the time"), legend],
      in: room.row(row), look: look)
    row += 1
    let over = plan.memory.budget > 0 ? plan.memory.total / plan.memory.budget : 0
    put(
      .dim("capacity ")
        + (over > 1
          ? .bad("\(look.glyphs.fail) \(Quantity.significant(over, 2)) × the budget")
          : .good("\(look.glyphs.pass) \(Quantity.percent(over)) of the budget")))
    let context = Quantity.short(plan.crossoverContext)
    buffer.line(
      oneOf: [
        .hint("from \(context) tokens on, KV costs as much to read as weights"),
        .hint("KV reads as much as weights: \(context)"),
      ], in: room.row(row), look: look)
    row += 1
    let batch = Quantity.short(plan.crossoverBatch)
    buffer.line(
      oneOf: [
        .hint("from batch \(batch) on, decode is bound by compute"),
        .hint("bound by compute: batch \(batch)"),
      ], in: room.row(row), look: look)
  }

  private func phase(
    _ name: String, _ unit: String, _ phase: PlanReport.Phase, in row: Rect,
    _ buffer: inout CellBuffer, _ look: Look
  ) {
    let seconds = phase.weightSeconds + phase.cacheSeconds
    let longest = max(phase.computeSeconds, seconds)
    var verdict =
      StyledText(phase.bound.rawValue, .strong)
      + .hint(" \(Quantity.seconds(longest))")
    if row.width >= 50 { verdict += .hint(" \(unit)") }
    let columns = row.columns([.fixed(8), .fill(min: 6), .fixed(verdict.width)], spacing: 1)
    buffer.line(.dim(name), in: columns[0], look: look)
    buffer.draw(
      SegmentBar([
        SegmentBar.Segment("weights", value: phase.weightSeconds, role: .series1),
        SegmentBar.Segment("KV", value: phase.cacheSeconds, role: .series2),
        SegmentBar.Segment("compute", value: phase.computeSeconds, role: .series3),
      ]), in: columns[1], look: look)
    buffer.line(verdict, in: columns[2], look: look)
  }
}

/// The seconds behind the bars of `PhaseBounds`.
struct PhaseSeconds: Widget {
  var plan: PlanReport

  func draw(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    let room = buffer.box(
      "time by cause, if it were alone", in: rect, look: look, trailing: .hint("the longest binds"))
    let columns: [Table.Column] = [
      Table.Column(""), Table.Column("a prompt", .right), Table.Column("a decode step", .right),
    ]
    func row(_ name: String, _ seconds: (PlanReport.Phase) -> Double, _ role: Role) -> [StyledText]
    {
      [StyledText(name, role)]
        + [plan.prefill, plan.decode].map {
          StyledText(Quantity.seconds(seconds($0)))
        }
    }
    buffer.draw(
      Table(
        columns,
        rows: [
          row("reading weights", \.weightSeconds, .series1),
          row("reading KV", \.cacheSeconds, .series2),
          row("computing", \.computeSeconds, .series3),
        ]), in: room, look: look)
  }
}

/// What fits into the budget: requests down, context across; a cell tells the widest KV cache in bits.
struct FitMap: Widget {
  var plan: PlanReport
  /// 0 for the widest cache that fits; from 1 on the share of the memory that a cache of one width takes.
  var layer = 0

  private var map: PlanReport.KVMap? {
    plan.maps.indices.contains(layer - 1) ? plan.maps[layer - 1] : nil
  }

  func draw(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    let room = buffer.box(
      "what fits", in: rect, look: look,
      trailing: map.map {
        StyledText("w ", .key) + .strong("KV \($0.width.name)") + .hint(", % of room")
      }
        ?? (plan.maps.isEmpty ? "" : StyledText("w ", .key)) + .hint("widest KV, in bits"))
    let contexts = plan.fits.first?.map(\.context) ?? []
    let margin = 6
    let width = max(4, min(7, (room.width - margin) / max(1, contexts.count)))
    let shown = min(contexts.count, max(0, (room.width - margin) / width))
    buffer.line(.hint("reqs"), in: room.row(0), look: look)
    for column in 0..<shown {
      let place = Rect(x: room.x + margin + column * width, y: room.y, width: width, height: 1)
      buffer.line(
        StyledText(Self.binary(contexts[column]), .header),
        in: place.intersection(room), look: look, .center)
    }
    let legend = room.height > plan.fits.count + 2 ? 2 : 0
    for (row, fits) in plan.fits.prefix(max(0, room.height - 1 - legend)).enumerated() {
      let line = room.row(row + 1)
      buffer.line(
        StyledText("\(fits.first?.requests ?? 0)", .header), in: line.splitLeft(4).left, look: look,
        .right)
      for (column, fit) in fits.prefix(shown).enumerated() {
        let place = Rect(x: line.x + margin + column * width, y: line.y, width: width, height: 1)
        let text = map.map { share($0, row, column) } ?? widest(fit)
        buffer.line(marked(fit, text), in: place.intersection(room), look: look, .center)
      }
    }
    guard legend > 0 else { return }
    if let map {
      let longest = map.longestContext.map { Quantity.short(Double($0)) } ?? "any"
      let most = Quantity.short(Double(map.mostRequests))
      let requests = plan.workload.requests
      buffer.line(
        oneOf: [
          .hint("largest: \(longest) tokens at \(requests), \(most) requests here"),
          .hint("to \(longest) tokens, \(most) requests"),
        ], in: room.row(room.height - 1), look: look)
      return
    }
    buffer.line(
      oneOf: [
        .hint("16 as it is, fewer quantized, – never; [ ] here"),
        .hint("– never fits; [ ] is here"),
      ], in: room.row(room.height - 1), look: look)
  }

  private func widest(_ fit: PlanReport.Fit) -> StyledText {
    guard let bits = fit.widestKVBits else { return .bad("–") }
    let name = KVWidth(bits: bits).name
    return bits >= 16 ? .good(name) : bits >= 8 ? .accent(name) : .warn(name)
  }

  private func share(_ map: PlanReport.KVMap, _ row: Int, _ column: Int) -> StyledText {
    guard map.shares.indices.contains(row), map.shares[row].indices.contains(column) else {
      return .bad("–")
    }
    let share = map.shares[row][column]
    guard share <= 1 else { return .bad("–") }
    let text = share < 0.01 ? "<1" : Quantity.fixed(share * 100, 0)
    return share <= 0.5 ? .good(text) : share <= 0.9 ? .accent(text) : .warn(text)
  }

  private func marked(_ fit: PlanReport.Fit, _ text: StyledText) -> StyledText {
    isHere(fit) ? .strong("[") + text + .strong("]") : text
  }

  /// `32k` for 32 768.
  static func binary(_ tokens: Int) -> String {
    if tokens >= 1 << 20, tokens % (1 << 20) == 0 { return "\(tokens >> 20)M" }
    return tokens >= 1024 && tokens % 1024 == 0 ? "\(tokens / 1024)k" : "\(tokens)"
  }

  /// Whether the workload lies in this cell: the first one that holds it.
  private func isHere(_ fit: PlanReport.Fit) -> Bool {
    let work = plan.workload
    let contexts = plan.fits.first?.map(\.context) ?? []
    let requests = plan.fits.compactMap { $0.first?.requests }
    let context = contexts.first { $0 >= work.context } ?? contexts.last
    let count = requests.first { $0 >= work.requests } ?? requests.last
    return fit.context == context && fit.requests == count
  }
}

/// The target to start with, the reason in words and numbers, and what would change it.
struct TargetAdvice: Widget {
  var plan: PlanReport
  var selected: Int

  func draw(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    guard !plan.advice.isEmpty else { return }
    let index = min(max(0, selected), plan.advice.count - 1)
    let advice = plan.advice[index]
    let room = buffer.box(
      index == 0 ? "start with" : "after that", in: rect, look: look,
      trailing: (advice.ranking.isEmpty ? "" : StyledText("v ", .key))
        + .hint("\(index + 1) of \(plan.advice.count)"))
    var text: StyledText = .accent(advice.target.words.uppercased())
    text += .hint("  \(advice.target.purpose)\n")
    text += StyledText(advice.reason + "\n")
    for words in plan.stability?.words(of: advice.target, isFirst: index == 0) ?? [] {
      text += .warn("\(look.glyphs.warn) ") + StyledText(words + "\n")
    }
    if !advice.methods.isEmpty {
      text += .dim("try ") + .strong(advice.methods.joined(separator: ", ")) + "\n"
    }
    if !advice.wouldChange.isEmpty { text += .hint("Would change: \(advice.wouldChange)") }
    buffer.draw(Paragraph(text), in: room, look: look)
  }
}
