import Wording

/// The axes of a plot and the way from values to cells and dots.
struct PlotFrame {
  let x: Plot.Axis
  let y: Plot.Axis
  let xScale: Scale
  let yScale: Scale
  /// Where the points are drawn.
  let area: Rect
  /// The row above, for the y axis' name and the legend.
  let legend: Rect
  private let header: Rect
  private let yLabels: Rect
  private let xLabels: Rect
  private let yTicks: [Double]

  init(
    rect: Rect, x: Plot.Axis, y: Plot.Axis, xScale: Scale, yScale: Scale, hasLegend: Bool
  ) {
    self.x = x
    self.y = y
    self.xScale = xScale
    self.yScale = yScale
    let hasHeader = (hasLegend || !y.name.isEmpty) && rect.height >= 5
    let (header, below) = rect.splitTop(hasHeader ? 1 : 0)
    let (middle, foot) = below.splitBottom(below.height >= 3 ? 2 : 0)
    let ticks = y.ticks ?? yScale.ticks(max(2, middle.height / 3))
    let widest = ticks.map { ScalarWidth.of(y.numbers.text($0)) }.max() ?? 0
    let margin = rect.width >= widest + 10 ? widest + 1 : 0
    self.header = header
    legend = header.splitLeft(ScalarWidth.of(y.name) + 2).rest
    yTicks = ticks
    yLabels = middle.splitLeft(margin).left
    area = middle.splitLeft(margin).rest
    xLabels = foot.splitLeft(margin).rest
  }

  /// The cell of a point, or nil when it lies outside or cannot be shown.
  func cell(_ xValue: Double, _ yValue: Double) -> Point? {
    guard let across = xScale.place(xValue), let up = yScale.place(yValue),
      (-1e-9...1 + 1e-9).contains(across), (-1e-9...1 + 1e-9).contains(up), !area.isEmpty
    else { return nil }
    return Point(
      x: area.x + Int((across * Double(area.width - 1)).rounded()),
      y: area.y + Int(((1 - up) * Double(area.height - 1)).rounded()))
  }

  /// The place of a point in dots of a canvas over the area; nil when the scales cannot show it.
  func dot(_ xValue: Double, _ yValue: Double, in canvas: DotCanvas) -> (x: Double, y: Double)? {
    guard let across = xScale.place(xValue), let up = yScale.place(yValue) else { return nil }
    return (across * Double(canvas.width - 1), (1 - up) * Double(canvas.height - 1))
  }

  func drawAxes(on buffer: inout CellBuffer, look: Look) {
    buffer.line(StyledText(y.name, .header), in: header, look: look)
    drawYAxis(on: &buffer, look: look)
    drawXAxis(on: &buffer, look: look)
  }

  private func drawYAxis(on buffer: inout CellBuffer, look: Look) {
    let glyphs = look.glyphs
    guard yLabels.width > 0 else { return }
    let line = yLabels.maxX - 1
    for row in yLabels.y..<yLabels.maxY {
      buffer.set(glyphs.vertical, x: line, y: row, style: look.style(.track))
    }
    for tick in yTicks {
      guard let place = cell(xScale.low, tick) else { continue }
      buffer.set(glyphs.teeRight, x: line, y: place.y, style: look.style(.track))
      let row = Rect(x: yLabels.x, y: place.y, width: yLabels.width - 1, height: 1)
      buffer.line(StyledText(y.numbers.text(tick), .hint), in: row, look: look, .right)
    }
  }

  private func drawXAxis(on buffer: inout CellBuffer, look: Look) {
    guard xLabels.height == 2 else { return }
    let glyphs = look.glyphs
    buffer.fill(xLabels.row(0), with: glyphs.horizontal, style: look.style(.track))
    if yLabels.width > 0 {
      buffer.set(glyphs.bottomLeft, x: xLabels.x - 1, y: xLabels.y, style: look.style(.track))
    }
    let name = StyledText(TextLayout.truncate(x.name, to: xLabels.width / 2), .header)
    let (numbers, end) = xLabels.row(1).splitRight(name.width == 0 ? 0 : name.width + 2)
    buffer.line(name, in: end, look: look, .right)
    var free = numbers.x
    for tick in x.ticks ?? xScale.ticks(max(2, xLabels.width / 12)) {
      guard let place = cell(tick, yScale.low) else { continue }
      let text = x.numbers.text(tick)
      let width = ScalarWidth.of(text)
      let start = max(numbers.x, place.x - width / 2)
      guard start >= free, start + width <= numbers.maxX else { continue }
      buffer.set(glyphs.teeDown, x: place.x, y: xLabels.y, style: look.style(.track))
      buffer.put(text, x: start, y: numbers.y, style: look.style(.hint), clip: numbers)
      free = start + width + 2
    }
  }
}

/// Finds free room for the labels of points; a label without room is left out.
struct LabelPlacer {
  private let area: Rect
  private var taken: [Rect] = []

  init(area: Rect) { self.area = area }

  mutating func reserve(_ place: Point) {
    taken.append(Rect(x: place.x, y: place.y, width: 1, height: 1))
  }

  /// Draws a label right of a place, else left of it, else above or below.
  mutating func place(
    _ label: String, beside place: Point, style: Style, on buffer: inout CellBuffer
  ) {
    let width = ScalarWidth.of(label)
    let starts = [
      (place.x + 2, place.y), (place.x - width - 1, place.y), (place.x - width / 2, place.y - 1),
      (place.x - width / 2, place.y + 1),
    ]
    for (x, y) in starts {
      let room = Rect(x: x, y: y, width: width, height: 1)
      guard room.intersection(area) == room,
        !taken.contains(where: { !$0.intersection(room).isEmpty })
      else { continue }
      buffer.put(label, x: x, y: y, style: style, clip: area)
      taken.append(Rect(x: x - 1, y: y, width: width + 2, height: 1))
      return
    }
  }
}
