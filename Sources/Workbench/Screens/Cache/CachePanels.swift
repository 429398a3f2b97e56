import Engine
import Evaluation
import TerminalUI
import Wording

/// What the cache under the cursor saves and costs, in words.
struct CacheAnswer: Widget {
  var report: CacheReport?
  /// The cache under the cursor.
  var row: CacheReport.Row?

  func draw(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    let room = buffer.box(
      "what does a smaller KV cache cost?", in: rect, look: look,
      trailing: .hint(report == nil ? "" : "m measures again"))
    guard let report, let row, let first = report.rows.first else {
      buffer.draw(
        Paragraph(
          .hint("Every method is measured as it stands, and the recipe's own cache alongside.")),
        in: room, look: look)
      return
    }
    buffer.draw(Paragraph(Self.words(row, beside: first, report)), in: room, look: look)
  }

  /// The chosen row held against the FP16 cache.
  private static func words(
    _ row: CacheReport.Row, beside first: CacheReport.Row, _ report: CacheReport
  ) -> StyledText {
    let facts = report.facts
    guard !row.isReference else {
      return .strong(row.name)
        + StyledText(
          " is what all others are held against: \(row.bytesPerToken) bytes a token, perplexity "
            + "\(Quantity.perplexity(row.perplexity.mean)). ")
        + .hint(
          "\(facts.windows) windows, \(facts.tokens) tokens decoded after a depth of \(facts.depth)."
        )
    }
    let share = Double(row.bytesPerToken) / Double(max(1, first.bytesPerToken))
    return .strong(row.name)
      + StyledText(" takes \(Quantity.percent(share)) of the FP16 cache; KL ")
      + CacheTable.figure(row.kl.mean)
      + StyledText(Quantity.margin(row.kl.error, windows: facts.windows) + ". ")
      + StyledText(
        [report.formRemark(on: row), row.sentence].filter { !$0.isEmpty }.joined(separator: " "))
  }
}

/// The caches, one a row.
struct CacheTable: Widget {
  var report: CacheReport
  var selected: Int

  func draw(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    let facts = report.facts
    let room = buffer.box(
      "caches", in: rect, look: look,
      trailing: .hint("depth \(facts.depth) to \(facts.depth + facts.tokens)"), isFocused: true)
    let columns: [Table.Column] = [
      Table.Column("cache", widest: 24), Table.Column("B/token", .right),
      Table.Column("KL", .right), Table.Column("ppl", .right), Table.Column("top-1", .right),
      Table.Column("recall", .right), Table.Column("parts at", .right),
      Table.Column("tokens", .right, isOptional: true),
      Table.Column("worst K", .right, isOptional: true),
      Table.Column("worst V", .right, isOptional: true),
      Table.Column("KL p99", .right, isOptional: true),
      Table.Column("bits K", .right, isOptional: true),
      Table.Column("bits V", .right, isOptional: true),
      Table.Column("resident", .right, isOptional: true),
      Table.Column("same", .right, isOptional: true),
    ]
    let rows = report.rows.map(Self.cells)
    let shown = Self.fitting(columns, rows, room.width - 2)
    buffer.draw(
      Table(
        Array(columns.prefix(shown)), rows: rows.map { Array($0.prefix(shown)) },
        selected: selected), in: room, look: look)
  }

  /// How many of the columns there is room for with whole names and figures; those that are not optional stay.
  private static func fitting(
    _ columns: [Table.Column], _ rows: [[StyledText]], _ room: Int
  ) -> Int {
    let widths = columns.indices.map { index in
      rows.reduce(StyledText(columns[index].title).width) { max($0, $1[index].width) } + 2
    }
    var shown = columns.count
    while shown > 0, columns[shown - 1].isOptional,
      widths.prefix(shown).reduce(-2, +) > room
    {
      shown -= 1
    }
    return shown
  }

  private static func cells(_ row: CacheReport.Row) -> [StyledText] {
    [
      StyledText(row.name, row.isReference ? .dim : .text), StyledText("\(row.bytesPerToken)"),
      row.isReference ? .hint("–") : figure(row.kl.mean),
      StyledText(Quantity.perplexity(row.perplexity.mean)),
      StyledText(Quantity.percent(row.topOne.mean, 1)),
      row.recall.accuracy.map { StyledText(Quantity.percent($0)) } ?? .hint("–"),
      row.isReference || row.divergence.first.isEmpty
        ? .hint("–")
        : row.divergence.median.map { StyledText(Quantity.fixed($0, 0)) }
          ?? .good("> \(row.divergence.tokens)"),
      row.recall.tokens.map { StyledText(Quantity.percent($0.quantizedShare)) } ?? .hint("–"),
      worst(row, .keys), worst(row, .values),
      row.isReference ? .hint("–") : StyledText(Quantity.significant(row.kl.p99, 2)),
      StyledText(Quantity.fixed(row.keyBits, 2)), StyledText(Quantity.fixed(row.valueBits, 2)),
      row.resident.map { StyledText(Quantity.fixed($0.bytesPerToken, 0)) } ?? .hint("–"),
      row.divergence.first.isEmpty
        ? .hint("–") : StyledText(Quantity.percent(row.divergence.sameShare)),
    ]
  }

  private static func worst(_ row: CacheReport.Row, _ side: CacheErrorMap.Side) -> StyledText {
    guard !row.isReference, let place = row.map.worst(side) else { return .hint("–") }
    return StyledText(CacheReport.percent(place.error, 2))
  }

  /// A divergence in the colour of what it means for the text.
  static func figure(_ kl: Double) -> StyledText {
    let text = Quantity.significant(kl, 2)
    return kl < 0.001
      ? .good(text) : kl < 0.01 ? StyledText(text) : kl < 0.1 ? .warn(text) : .bad(text)
  }
}

/// KL over bytes a token: what a byte saved costs.
struct CachePicture: Widget {
  var report: CacheReport
  var selected: Int

  func draw(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    let room = buffer.box(
      "KL over bytes a token", in: rect, look: look, trailing: .hint("best: bottom left"))
    let points = report.rows.enumerated().compactMap { index, row -> Plot.Point? in
      guard !row.isReference, row.kl.mean > 0 else { return nil }
      return Plot.Point(
        x: Double(row.bytesPerToken), y: row.kl.mean, label: row.name, isSelected: index == selected
      )
    }
    guard !points.isEmpty else {
      buffer.line(.hint("No cache but FP16, or none that differs from it."), in: room, look: look)
      return
    }
    buffer.draw(
      Plot(
        [Plot.Series("", points: points, form: .points, role: .series1)],
        x: Plot.Axis(
          "bytes a token", range: 0...Double(report.rows[0].bytesPerToken), numbers: .bytes),
        y: Plot.Axis("KL", .logarithmic)), in: room, look: look)
  }
}

/// Quality and recall of one cache by depth.
struct CacheDepths: Widget {
  var row: CacheReport.Row
  /// Windows of text that the figures are of.
  var windows: Int

  func draw(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    let room = buffer.box(
      "\(row.name) by depth", in: rect, look: look, trailing: .hint("tokens in the cache"))
    let (scores, rest) = room.splitTop(min(room.height, row.buckets.count + 1))
    buffer.draw(
      Table(
        [
          Table.Column("depth"), Table.Column("KL", .right), Table.Column("±", .right),
          Table.Column("ppl", .right), Table.Column("top-1", .right),
          Table.Column("tokens", .right, isOptional: true),
        ],
        rows: row.buckets.map { bucket in
          [
            StyledText("\(bucket.first)–\(bucket.end)"),
            row.isReference ? .hint("–") : CacheTable.figure(bucket.kl.mean),
            row.isReference
              ? .hint("–")
              : .dim(Quantity.error(bucket.kl.error, windows: windows, none: "–")),
            StyledText(Quantity.perplexity(bucket.perplexity.mean)),
            StyledText(Quantity.percent(bucket.topOne.mean, 1)),
            .dim("\(bucket.tokens)"),
          ]
        }), in: scores, look: look)
    guard rest.height >= 3, !row.recall.depths.isEmpty else { return }
    buffer.draw(
      Table(
        [
          Table.Column(row.recall.weakness == nil ? "recall, back" : "no power"),
          Table.Column("FP16", .right),
          Table.Column("this", .right), Table.Column("tokens FP16", .right, isOptional: true),
          Table.Column("this", .right, isOptional: true),
        ],
        rows: row.recall.depths.map { depth in
          [
            StyledText("\(depth.depth)"), .dim("\(depth.baselineCorrect)/\(depth.questions)"),
            StyledText(
              "\(depth.quantizedCorrect)/\(depth.questions)",
              depth.quantizedCorrect < depth.baselineCorrect
                ? .warn : row.recall.weakness == nil ? .good : .text),
            depth.tokens.map { .dim(Quantity.percent($0.baselineShare)) } ?? .hint("–"),
            depth.tokens.map { StyledText(Quantity.percent($0.quantizedShare)) } ?? .hint("–"),
          ]
        }), in: rest.inset(top: rest.height >= row.recall.depths.count + 2 ? 1 : 0), look: look)
  }
}

extension CacheErrorMap.Side {
  /// What is compared, in a few words.
  var title: String {
    switch self {
    case .scores: "scores q k"
    case .keys: "output, keys quantized"
    case .values: "output, values quantized"
    case .both: "output, both quantized"
    }
  }

  /// The same in a word.
  var short: String {
    switch self {
    case .scores: "scores"
    case .keys: "keys"
    case .values: "values"
    case .both: "both"
    }
  }
}

/// Layers by KV heads: how far attention is off.
struct HeadMap: Widget {
  var row: CacheReport.Row
  var side: CacheErrorMap.Side
  /// The cell under the cursor.
  var layer: Int
  var head: Int

  func draw(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    let cells = row.map[side]
    let room = buffer.box(
      "\(row.name): \(side.title)", in: rect, look: look,
      footer: .hint("relative error in %, by block and KV head"), isFocused: true)
    let heads = cells.first?.count ?? 0
    // All sides of a map share their colours, so that keys and values can be held against each other.
    let outputs = [row.map.keys, row.map.values, row.map.both].flatMap { $0.flatMap { $0 } }
    let shown = side == .scores ? cells.flatMap { $0 } : outputs
    let known = shown.map { $0 * 100 }.filter { $0.isFinite && $0 > 0 }
    let domain = known.min().flatMap { low in known.max().map { low...max($0, low * 1.001) } }
    buffer.draw(
      Heatmap(
        rows: cells.count, columns: heads, values: cells.flatMap { $0 }.map { $0 * 100 },
        rowLabels: cells.indices.map(String.init),
        columnLabels: (0..<heads).map { "head \($0)" }, scale: .logarithmic, domain: domain,
        numbers: .significant,
        cursor: Heatmap.Place(
          row: layer.clamped(0, max(0, cells.count - 1)),
          column: head.clamped(0, max(0, heads - 1)))), in: room, look: look)
  }
}

/// The cell under the cursor, and where the worst ones are.
struct HeadDetail: Widget {
  var row: CacheReport.Row
  var side: CacheErrorMap.Side
  /// The cell under the cursor.
  var layer: Int
  var head: Int

  func draw(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    let map = row.map
    let layer = layer.clamped(0, max(0, map.scores.count - 1))
    let head = head.clamped(0, max(0, (map.scores.first?.count ?? 1) - 1))
    let room = buffer.box(
      "block \(layer), KV head \(head)", in: rect, look: look,
      trailing: .hint("\(map.probes) tokens"))
    guard map.scores.indices.contains(layer), map.scores[layer].indices.contains(head) else {
      return
    }
    var lines: [StyledText] = CacheErrorMap.Side.allCases.map { side in
      let isShown = side == self.side
      let name = StyledText(Self.padded(side.short), isShown ? .accent : .dim)
      return name
        + StyledText(CacheReport.percent(map[side][layer][head]), isShown ? .strong : .text)
    }
    lines.append(
      .dim(Self.padded("softmax"))
        + StyledText("± \(Quantity.significant(map.scoreShift[layer][head], 2))")
        + .hint(" a score"))
    lines += ["", .dim("worst cells")]
    for side in [CacheErrorMap.Side.keys, .values, .both] {
      guard let place = map.worst(side) else { continue }
      lines.append(
        .dim(Self.padded(side.short)) + StyledText("\(place.layer).\(place.head)  ")
          + StyledText(CacheReport.percent(place.error)))
    }
    lines += [
      "",
      .press(",", "keys, values, both, scores"), .press(".", "the next cache"),
    ]
    for (index, line) in lines.prefix(room.height).enumerated() {
      buffer.line(line, in: room.row(index), look: look)
    }
  }

  private static func padded(_ text: String) -> String {
    PlainTable.padded(text + " ", to: 9)
  }
}
