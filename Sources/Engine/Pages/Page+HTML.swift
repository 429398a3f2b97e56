import Glibc
import Wording

extension Page {
  /// The page as one HTML file: no script, nothing from a network, pictures as SVG, light or dark as the reader has it.
  package var html: String {
    var body = ["<h1>\(Self.escaped(title))</h1>"]
    for part in parts { body.append(Self.html(part)) }
    return """
      <!doctype html>
      <html lang="en"><head><meta charset="utf-8">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <title>\(Self.escaped(title))</title>
      <style>
      :root { color-scheme: light dark; --ink: #1c1c1e; --soft: #62646b; --line: #d5d6db; --page: #fff;
        --good: #1a7f37; --warn: #9a6700; --bad: #b42318; --heat: 14, 90, 160; --mark: #b4540a; }
      @media (prefers-color-scheme: dark) { :root { --ink: #e7e8ea; --soft: #9a9ca5; --line: #3a3b42;
        --page: #17181b; --good: #56c271; --warn: #e0b04b; --bad: #f0776b; --heat: 110, 180, 255; --mark: #f0a050; } }
      body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--page); max-width: 62rem;
        margin: 2rem auto; padding: 0 1rem; }
      h1 { font-size: 1.5rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
      .decision { font-size: 1.15rem; font-weight: 600; border-left: 4px solid var(--mark); padding-left: 1rem; }
      .table { overflow-x: auto; } table { border-collapse: collapse; font-size: .92rem; }
      th, td { text-align: left; padding: .3rem .8rem .3rem 0; border-bottom: 1px solid var(--line);
        vertical-align: top; font-variant-numeric: tabular-nums; } th { color: var(--soft); font-weight: 500; }
      code, pre { font: .88rem/1.4 ui-monospace, monospace; } pre { overflow-x: auto; }
      .pass { color: var(--good); } .warn { color: var(--warn); } .fail { color: var(--bad); }
      svg { max-width: 100%; height: auto; } svg text { fill: var(--ink); font: 12px system-ui, sans-serif; }
      </style></head><body>
      \(body.joined(separator: "\n"))
      </body></html>

      """
  }

  static func escaped(_ text: String) -> String {
    text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
      .replacing("\"", with: "&quot;")
  }

  /// Text with what stands between backticks as code.
  private static func inline(_ text: String) -> String {
    let parts = escaped(text).split(separator: "`", omittingEmptySubsequences: false)
    guard parts.count > 2, !parts.count.isMultiple(of: 2) else { return escaped(text) }
    return parts.enumerated().map { $0.isMultiple(of: 2) ? "\($1)" : "<code>\($1)</code>" }.joined()
  }

  private static func html(_ part: Part) -> String {
    switch part {
    case .heading(let text): return "<h2>\(escaped(text))</h2>"
    case .sentence(let text): return "<p>\(inline(text))</p>"
    case .decision(let text): return "<p class=\"decision\">\(inline(text))</p>"
    case .list(let items):
      return "<ul>\(items.map { "<li>\(inline($0))</li>" }.joined())</ul>"
    case .table(let head, let rows):
      let top = head.map { "<th>\(escaped($0))</th>" }.joined()
      let body = rows.map { "<tr>\($0.map(cell).joined())</tr>" }.joined()
      return "<div class=\"table\"><table><tr>\(top)</tr>\(body)</table></div>"
    case .code(let text): return "<pre>\(escaped(text))</pre>"
    case .heatmap(let map): return map.svg
    case .scatter(let scatter): return scatter.svg
    }
  }

  /// A cell; the marks of checks have their colours.
  private static func cell(_ text: String) -> String {
    ["pass", "warn", "fail"].contains(text)
      ? "<td class=\"\(text)\">\(text.uppercased())</td>" : "<td>\(inline(text))</td>"
  }
}

extension PageHeatmap {
  /// A cell a layer, its figure as the tooltip.
  fileprivate var svg: String {
    let (cell, gap, left, top) = (22, 2, 70, 20)
    let across = max(cell, (columns.map(\.count).max() ?? 0) * 8 + 6)
    let width = left + columns.count * (across + gap)
    let height = top + rows.count * (cell + gap)
    var parts: [String] = []
    for (index, column) in columns.enumerated() {
      parts.append(
        "<text x=\"\(left + index * (across + gap) + across / 2)\" y=\"14\" text-anchor=\"middle\">\(Page.escaped(column))</text>"
      )
    }
    for (line, row) in rows.enumerated() {
      let y = top + line * (cell + gap)
      parts.append(
        "<text x=\"\(left - 8)\" y=\"\(y + 15)\" text-anchor=\"end\">\(Page.escaped(row.name))</text>"
      )
      for (index, value) in row.values.enumerated() {
        guard let value else { continue }
        let shade = Quantity.fixed(0.08 + 0.92 * place(value), 2)
        parts.append(
          "<rect x=\"\(left + index * (across + gap))\" y=\"\(y)\" width=\"\(across)\" height=\"\(cell)\" "
            + "style=\"fill: rgba(var(--heat), \(shade))\"><title>\(Page.escaped(row.name)).\(Page.escaped(columns[index])): "
            + "\(Quantity.significant(value))</title></rect>")
      }
    }
    return
      "<svg viewBox=\"0 0 \(width) \(height)\" width=\"\(width)\" role=\"img\" aria-label=\"errors of layers\">"
      + parts.joined() + "</svg>"
  }
}

extension PageScatter {
  /// A point a recipe, the frontier joined by a line; y is logarithmic where all values are above 0.
  fileprivate var svg: String {
    let (width, height, left, right, bottom) = (760.0, 360.0, 70.0, 30.0, 46.0)
    let isLog = points.allSatisfy { $0.y > 0 }
    func scaled(_ value: Double) -> Double { isLog ? log(value) : value }
    func range(_ values: [Double]) -> (Double, Double) {
      let low = values.min() ?? 0
      let high = values.max() ?? 1
      let margin = high > low ? (high - low) * 0.08 : max(high.magnitude * 0.1, 1e-9)
      return (low - margin, high + margin)
    }
    let xs = range(points.map(\.x))
    let ys = range(points.map { scaled($0.y) })
    func place(_ point: Point) -> (String, String) {
      let x = left + (point.x - xs.0) / (xs.1 - xs.0) * (width - left - right)
      let y = 12 + (1 - (scaled(point.y) - ys.0) / (ys.1 - ys.0)) * (height - bottom - 12)
      return (Quantity.fixed(x, 1), Quantity.fixed(y, 1))
    }
    var parts = [
      "<path d=\"M \(left) 12 V \(height - bottom) H \(width - right)\" fill=\"none\" stroke=\"var(--line)\"/>",
      "<text x=\"\(width / 2)\" y=\"\(height - 12)\" text-anchor=\"middle\">\(Page.escaped(x))</text>",
      "<text x=\"16\" y=\"\(height / 2)\" text-anchor=\"middle\" transform=\"rotate(-90 16 \(height / 2))\">"
        + "\(Page.escaped(y))\(isLog ? ", logarithmic" : "")</text>",
    ]
    let front = points.filter(\.isOnFrontier).sorted { $0.x < $1.x }.map(place)
    if front.count > 1 {
      parts.append(
        "<polyline points=\"\(front.map { "\($0.0),\($0.1)" }.joined(separator: " "))\" fill=\"none\" "
          + "stroke=\"var(--soft)\" stroke-dasharray=\"4 4\"/>")
    }
    for point in points {
      let (x, y) = place(point)
      let fill = point.isChosen ? "var(--mark)" : point.isOnFrontier ? "var(--ink)" : "var(--soft)"
      let words = words[point.name].map { ": \($0.joined(separator: ", "))" } ?? ""
      let isLate = (Double(x) ?? 0) > width * 0.7
      parts.append(
        "<circle cx=\"\(x)\" cy=\"\(y)\" r=\"\(point.isChosen ? 7 : 5)\" fill=\"\(fill)\"><title>"
          + "\(Page.escaped(point.name + words))</title></circle><text x=\"\(x)\" y=\"\(y)\" dx=\"\(isLate ? -10 : 10)\" "
          + "dy=\"4\" text-anchor=\"\(isLate ? "end" : "start")\">\(Page.escaped(point.name))</text>"
      )
    }
    return
      "<svg viewBox=\"0 0 \(Quantity.fixed(width, 0)) \(Quantity.fixed(height, 0))\" width=\"\(Quantity.fixed(width, 0))\" role=\"img\" aria-label=\""
      + "\(Page.escaped(y)) against \(Page.escaped(x))\">" + parts.joined() + "</svg>"
  }
}
