import TerminalUI

/// One of every widget, in its ordinary, its empty and its hostile form.
enum WidgetSamples {
  static let all: [(name: String, widget: any Widget)] = ordinary + empty + hostile

  static let ordinary: [(name: String, widget: any Widget)] = [
    ("box", Box("title", trailing: .warn("over"), footer: .dim("4 of 12"), isFocused: true)),
    ("gauge", Gauge(0.61, text: "61 %", limit: 0.8)),
    ("segments", SegmentBar(segments, total: 32)),
    ("bars", BarChart(bars, limit: 24)),
    ("sparkline", Sparkline((0..<90).map { Double($0 * $0 % 37) })),
    ("histogram", Histogram(counts: (0..<40).map { Double(min($0, 40 - $0)) }, low: -1, high: 1)),
    ("plot", plot),
    ("roofline", roofline),
    ("heatmap", heatmap(8, 7)),
    ("large heatmap", heatmap(48, 200)),
    ("table", table),
    ("list", ItemList(items, selected: 3)),
    ("form", form),
    ("walk", WalkLine("nibble", steps: steps, current: 1, trailing: .bad("●") + " rec")),
    (
      "hints",
      HintBar([.init("↑↓", "field"), .init("Enter", "open")], pinned: [.init("q", "quit")])
    ),
    ("modal", Modal("leave?", lines: ["One line.", "Another 한국어 line that wraps somewhere."])),
    ("paragraph", Paragraph(markup: "**KV CACHE**, then `weights`. At 16 × 32k 한국어 the cache.")),
    ("message", MessageLine(.warning, "lm_head is tied")),
    ("too small", TooSmallNotice(needed: Size(width: 60, height: 16))),
  ]

  private static let empty: [(name: String, widget: any Widget)] = [
    ("empty box", Box()), ("empty segments", SegmentBar([])), ("empty bars", BarChart([])),
    ("empty sparkline", Sparkline([])), ("empty histogram", Histogram(counts: [], low: 0, high: 0)),
    ("empty plot", Plot([], x: .init(""), y: .init(""))),
    ("empty roofline", Roofline(bandwidth: 0, ceilings: [], marks: [])),
    ("empty heatmap", Heatmap(rows: 0, columns: 0, values: [])),
    ("empty table", Table([], rows: [], placeholder: "none")), ("empty list", ItemList([])),
    ("empty form", Form([])), ("empty walk", WalkLine("", steps: [], current: 3)),
    ("empty hints", HintBar([])), ("empty modal", Modal("", lines: [])),
    ("empty paragraph", Paragraph("")),
  ]

  private static let wild: [Double] = [
    .nan, .infinity, -.infinity, 1e308, -1e308, .leastNonzeroMagnitude, 0, -1,
  ]

  private static let hostile: [(name: String, widget: any Widget)] = [
    ("wild gauge", Gauge(.infinity, text: "\u{1b}[31m", limit: .nan)),
    ("wild segments", SegmentBar(wild.map { .init("x", value: $0, role: .good) }, total: .nan)),
    ("wild bars", BarChart(wild.map { .init("x", value: $0, text: "y") }, highest: .infinity)),
    ("wild sparkline", Sparkline(wild, lowest: nil)),
    ("wild histogram", Histogram(counts: wild, low: -.infinity, high: .nan, isLogarithmic: true)),
    ("wild line", wildPlot(.linear, .line)), ("wild points", wildPlot(.logarithmic, .linePoints)),
    (
      "wild roofline",
      Roofline(
        bandwidth: 1e308, ceilings: wild.map { .init("c", rate: $0) },
        marks: wild.map { .init("m", intensity: $0, rate: $0, role: .warn) })
    ),
    (
      "wild heatmap",
      Heatmap(
        rows: 3, columns: 5, values: wild, rowLabels: ["\u{202e}", "한국어 이름이 길다", "c", "d"],
        columnLabels: ["q"], scale: .logarithmic, cursor: .init(row: 99, column: -4),
        columnOverflow: .scroll, top: 77)
    ),
    (
      "vast heatmap",
      Heatmap(rows: .max, columns: .max, values: [1, 2], cursor: .init(row: .max, column: .max))
    ),
    (
      "wild table",
      Table(
        [.init("한국어", .right), .init("b", widest: -1)], rows: [["x"], [], ["a", "b", "c"]],
        selected: .max, top: .min)
    ),
    ("wild list", ItemList(items, selected: -5, top: .max)),
    (
      "wild form",
      Form(
        [.init("a", .text("한국어", caret: 99)), .init("", .text("", caret: -1), error: "\u{7}")],
        selected: 1)
    ),
  ]

  private static func wildPlot(_ kind: Scale.Kind, _ form: Plot.Series.Form) -> Plot {
    let points = wild.flatMap { x in wild.map { Plot.Point(x: x, y: $0, label: "한국어") } }
    return Plot(
      [.init("s", points: points, form: form, role: .series1)], x: .init("x", kind),
      y: .init("y", kind, numbers: .bytes))
  }

  static let segments: [SegmentBar.Segment] = [
    .init("weights", value: 16.1, role: .series1), .init("KV", value: 8.6, role: .series2),
  ]

  static let bars: [BarChart.Bar] = [
    .init("weights", value: 16.1, text: "16.1 GB", role: .series1),
    .init("KV cache", value: 8.6, text: "8.6 GB", role: .series2),
    .init("activations", value: 1.6, text: "1.6 GB", role: .series3),
  ]

  static let plot = Plot(
    [
      .init(
        "GPTQ", points: (0..<40).map { .init(x: Double($0), y: 0.02 / (1 + Double($0))) },
        role: .series1),
      .init(
        "AWQ",
        points: [.init(x: 5, y: 0.01, label: "five"), .init(x: 30, y: 0.002, isSelected: true)],
        form: .points, role: .series2),
    ], x: .init("block"), y: .init("error", .logarithmic))

  static let roofline = Roofline(
    bandwidth: 42e9, ceilings: [.init("FP32", rate: 110e9), .init("INT8", rate: 860e9)],
    marks: [.init("decode", intensity: 1, rate: 33e9, role: .series2)])

  static func heatmap(_ rows: Int, _ columns: Int) -> Heatmap {
    Heatmap(
      rows: rows, columns: columns,
      values: (0..<(rows * columns)).map { $0 == 5 ? .nan : Double($0 * 7919 % 100) / 10_000 },
      rowLabels: (0..<rows).map(String.init),
      columnLabels: columns == 7
        ? ["q", "k", "v", "o", "gate", "up", "down"] : (0..<columns).map(String.init),
      cursor: .init(row: 3, column: 2), marks: [.init(row: 1, column: 1): "F"])
  }

  static let table = Table(
    [
      .init("recipe"), .init("KL", .right, order: .ascending), .init("bytes", .right),
      .init("verdict", isOptional: true),
    ],
    rows: [
      ["baseline", "0.0004", "2.20 GB", .good("✓ pass")],
      ["gptq:4:128", "0.0213", "733 MB", .warn("▲ warn")],
      ["한국어 이름", "0.11", "550 MB", .bad("✗ fail")],
      ["awq:4:128", "0.0190", "733 MB", .good("✓ pass")],
    ], selected: 1)

  static let items: [ItemList.Item] =
    [.init("built in", isHeading: true), .init("demo model", trailing: .dim("2.1 MB"))]
    + (0..<9).map { .init(StyledText("모델 \($0)"), trailing: .dim("16.\($0) GB")) }

  static let form = Form(
    [
      .init("model", .fixed("Llama-3-8B")), .init("context", .choice("32 768"), unit: "tokens"),
      .init("act-order", .toggle(isOn: true)),
      .init("budget", .text("24 GBx", caret: 6), error: "no unit"),
    ], selected: 1)

  static let steps: [WalkLine.Step] = [
    .init("Model", isDone: true), .init("Target"), .init("Method"), .init("Calibrate"),
  ]
}
