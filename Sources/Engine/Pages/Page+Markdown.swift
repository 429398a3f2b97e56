import Wording

extension Page {
  /// The page as Markdown; pictures are blocks of characters.
  package var markdown: String {
    var lines = ["# \(title)", ""]
    for part in parts {
      switch part {
      case .heading(let text): lines += ["## \(text)", ""]
      case .sentence(let text): lines += [text, ""]
      case .decision(let text): lines += ["**\(text)**", ""]
      case .list(let items): lines += items.map { "- \($0)" } + [""]
      case .table(let head, let rows):
        lines += [Self.row(head), Self.row(head.map { _ in "---" })]
        lines += rows.map(Self.row) + [""]
      case .code(let text): lines += ["```", text, "```", ""]
      case .heatmap(let map): lines += ["```"] + map.characters + ["```", ""]
      case .scatter(let scatter): lines += scatter.markdown + [""]
      }
    }
    while lines.last == "" { lines.removeLast() }
    return lines.joined(separator: "\n") + "\n"
  }

  private static func row(_ cells: [String]) -> String {
    "| " + cells.map { $0.replacing("|", with: "\\|") }.joined(separator: " | ") + " |"
  }
}

extension PageHeatmap {
  /// A line a block, shades from the smallest to the largest value, with a scale below.
  fileprivate var characters: [String] {
    let shades: [Character] = ["·", "░", "▒", "▓", "█"]
    let width = max(rows.map(\.name.count).max() ?? 0, 1)
    let cell = max(3, (columns.map(\.count).max() ?? 0) + 1)
    func padded(_ text: String, _ count: Int) -> String { PlainTable.padded(text, to: count) }
    var lines = [padded("", width + 1) + columns.map { padded($0, cell) }.joined()]
    for row in rows {
      let cells = row.values.map { value -> String in
        guard let value else { return padded("", cell) }
        let index = min(shades.count - 1, Int(place(value) * Double(shades.count)))
        return padded(String(repeating: shades[index], count: 2), cell)
      }
      lines.append(padded(row.name, width + 1) + cells.joined())
    }
    let all = rows.flatMap(\.values).compactMap(\.self)
    if let low = all.min(), let high = all.max() {
      lines += [
        "",
        "\(Quantity.significant(low)) \(shades.map(String.init).joined()) \(Quantity.significant(high))"
          + ", relative error of a layer's output",
      ]
    }
    return lines.map { line in
      var line = line
      while line.last == " " { line.removeLast() }
      return line
    }
  }
}

extension PageScatter {
  /// A table: what is on the frontier is marked.
  fileprivate var markdown: [String] {
    var lines = ["| | recipe | \(x) | \(y) |", "|---|---|---|---|"]
    for point in points.sorted(by: { ($0.x, $0.y, $0.name) < ($1.x, $1.y, $1.name) }) {
      let mark = (point.isChosen ? "**chosen** " : "") + (point.isOnFrontier ? "frontier" : "")
      let words =
        words[point.name] ?? [Quantity.significant(point.x), Quantity.significant(point.y)]
      lines.append("| \(mark) | \(point.name) | \(words[0]) | \(words[1]) |")
    }
    return lines
  }
}
