import TerminalUI
import Testing

@Suite struct WidgetTests {
  /// No widget traps or draws outside of its rectangle, at any size and in any look.
  @Test(arguments: WidgetSamples.all.map(\.name)) func everySizeIsAccepted(name: String) throws {
    let widget = try #require(WidgetSamples.all.first { $0.name == name }).widget
    let looks = [
      Look(), Look(depth: .mono), Look(depth: .ansi16), Look(depth: .ansi256, glyphs: .block),
      Look(depth: .mono, glyphs: .ascii),
    ]
    var spilled: [String] = []
    for height in 1...50 {
      for width in 1...120 {
        let look = looks[(height + width) % looks.count]
        var buffer = CellBuffer(width: width + 2, height: height + 2)
        let rect = Rect(x: 1, y: 1, width: width, height: height)
        widget.draw(in: rect, of: &buffer, look: look)
        if !isFrameClean(buffer) { spilled.append("\(width)x\(height)") }
      }
    }
    #expect(spilled.isEmpty)
  }

  private func isFrameClean(_ buffer: CellBuffer) -> Bool {
    for x in 0..<buffer.width where buffer[x, 0] != Cell() || buffer[x, buffer.height - 1] != Cell()
    {
      return false
    }
    for y in 0..<buffer.height where buffer[0, y] != Cell() || buffer[buffer.width - 1, y] != Cell()
    {
      return false
    }
    return true
  }

  /// In ASCII every widget's own drawing is ASCII.
  @Test func asciiIsASCII() {
    let look = Look(depth: .mono, glyphs: .ascii)
    let own = [
      "box", "gauge", "segments", "bars", "sparkline", "histogram", "plot", "roofline", "heatmap",
    ]
    for (name, widget) in WidgetSamples.ordinary where own.contains(name) {
      var buffer = look.buffer(Size(width: 60, height: 14))
      buffer.draw(widget, in: buffer.bounds, look: look)
      let others = buffer.snapshot().unicodeScalars.filter { !$0.isASCII }
      #expect(others.isEmpty, "\(name)")
    }
  }

  /// Nothing is told by colour alone: what differs in colour differs in mono text too.
  @Test func statesReadWithoutColor() {
    func text(_ widget: some Widget, _ look: Look) -> String {
      var buffer = look.buffer(Size(width: 40, height: 6))
      buffer.draw(widget, in: buffer.bounds, look: look)
      return buffer.snapshot()
    }
    for glyphs in [GlyphSet.unicode, .block, .ascii] {
      let look = Look(depth: .mono, glyphs: glyphs)
      #expect(text(Box("a"), look) != text(Box("a", isFocused: true), look))
      let kinds = [MessageLine.Kind.note, .good, .warning, .failure]
      #expect(Set(kinds.map { text(MessageLine($0, "a"), look) }).count == 4)
      #expect(
        text(ItemList(WidgetSamples.items, selected: 1), look)
          != text(ItemList(WidgetSamples.items, selected: 3), look))
      let low = Heatmap(rows: 1, columns: 2, values: [0, 1])
      let high = Heatmap(rows: 1, columns: 2, values: [1, 0])
      #expect(text(low, look) != text(high, look))
    }
  }

  @Test func heatmapsFindTheMouse() throws {
    let look = Look()
    let rect = Rect(x: 3, y: 2, width: 70, height: 20)
    for (rows, columns) in [(8, 7), (64, 400), (1, 1)] {
      let heatmap = WidgetSamples.heatmap(rows, columns)
      var found: Set<Heatmap.Place> = []
      var buffer = CellBuffer(width: 80, height: 24)
      buffer.hits = []
      buffer.draw(heatmap, in: rect, look: look)
      let hits = try #require(buffer.hits)
      for y in 0..<24 {
        for x in 0..<80 {
          guard case .cell(let place, _)? = hits.target(x: x, y: y) else { continue }
          #expect(place.row < rows && place.column < columns)
          found.insert(place)
        }
      }
      #expect(found.count >= min(rows * columns, 400))
    }
  }

  @Test func theCursorOfAHeatmapIsAlwaysVisible() {
    for height in 6...20 {
      for row in 0..<48 {
        var heatmap = WidgetSamples.heatmap(48, 20)
        heatmap.cursor = Heatmap.Place(row: row, column: 1)
        var buffer = CellBuffer(width: 60, height: height)
        buffer.draw(heatmap, in: buffer.bounds, look: Look())
        #expect(buffer.snapshot().contains("▸\(row) "), "row \(row) of \(height)")
      }
    }
  }

  @Test func theWalkFindsTheMouse() throws {
    let digits = ["1", "2", "3", "4"]
    let steps = zip(WidgetSamples.steps, digits).map {
      WalkLine.Step($0.title, isDone: $0.isDone, press: KeyPress(name: $1))
    }
    let walk = WalkLine("nibble", steps: steps, current: 1)
    var buffer = CellBuffer(width: 80, height: 1)
    buffer.hits = []
    buffer.draw(walk, in: buffer.bounds, look: Look())
    let hits = try #require(buffer.hits)
    let text = Array(buffer.snapshot())
    for digit in digits {
      let column = text.firstIndex(of: Character(digit)) ?? -1
      #expect(hits.target(x: column, y: 0) == KeyPress(name: digit).map { .key($0) })
    }
    #expect(hits.target(x: 0, y: 0) == nil)
  }

  /// What a point may be off by is drawn through it, and cut at the axis where it may be nothing at all.
  @Test(arguments: [0.0, 0.5, 40])
  func errorsOfPointsAreDrawn(_ error: Double) {
    func plot(_ error: Double) -> CellBuffer {
      var buffer = Look().buffer(Size(width: 40, height: 16))
      Plot(
        [
          Plot.Series(
            "", points: [Plot.Point(x: 5, y: 1, yError: error)], form: .points, role: .series1)
        ], x: Plot.Axis("x", range: 0...10), y: Plot.Axis("y", .logarithmic, range: 0.1...10)
      ).draw(in: buffer.bounds, of: &buffer, look: Look())
      return buffer
    }
    let (plain, drawn) = (plot(0), plot(error))
    let rows = (0..<16).filter { y in (0..<40).contains { plain[$0, y] != drawn[$0, y] } }
    switch error {
    case 0: #expect(rows.isEmpty)
    case 0.5: #expect(rows.count >= 2 && rows.count < 8)
    default: #expect(rows.count >= 10)
    }
  }
}
