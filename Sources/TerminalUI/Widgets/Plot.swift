/// Lines and points over two axes, each linear or logarithmic, in braille where the font has it.
///
/// Every series has a mark of its own besides its colour, so the legend can be read without colour.
package struct Plot: Widget {
  package struct Point: Hashable, Sendable {
    package var x: Double
    package var y: Double
    /// Drawn next to the mark where there is room.
    package var label: String
    /// Drawn as the cursor.
    package var isSelected: Bool
    /// How far `y` may be off, to both sides; 0 for nothing drawn.
    package var yError: Double

    package init(
      x: Double, y: Double, label: String = "", isSelected: Bool = false, yError: Double = 0
    ) {
      self.x = x
      self.y = y
      self.yError = yError
      self.label = label
      self.isSelected = isSelected
    }
  }

  package struct Series: Hashable, Sendable {
    package enum Form: Hashable, Sendable {
      case line, points, linePoints
    }

    /// In the legend; a series without a name is not listed.
    package var name: String
    package var points: [Point]
    package var form: Form
    package var role: Role
    /// The mark of its points; by its number when nil.
    package var mark: Unicode.Scalar?

    package init(
      _ name: String, points: [Point], form: Form = .line, role: Role,
      mark: Unicode.Scalar? = nil
    ) {
      self.name = name
      self.points = points
      self.form = form
      self.role = role
      self.mark = mark
    }
  }

  package struct Axis: Hashable, Sendable {
    /// What is measured, with its unit.
    package var name: String
    package var kind: Scale.Kind
    /// The ends of the axis; all points, with a little room, when nil.
    package var range: ClosedRange<Double>?
    package var numbers: NumberStyle
    /// The values that are named; round ones when nil.
    package var ticks: [Double]?

    package init(
      _ name: String, _ kind: Scale.Kind = .linear, range: ClosedRange<Double>? = nil,
      numbers: NumberStyle = .significant, ticks: [Double]? = nil
    ) {
      self.name = name
      self.kind = kind
      self.range = range
      self.numbers = numbers
      self.ticks = ticks
    }

    func scale(covering values: some Sequence<Double>) -> Scale {
      if let range { return Scale(kind, from: range.lowerBound, to: range.upperBound) }
      return Scale(kind, covering: values)
    }
  }

  package var series: [Series]
  package var x: Axis
  package var y: Axis

  package init(_ series: [Series], x: Axis, y: Axis) {
    self.series = series
    self.x = x
    self.y = y
  }

  package func draw(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    let frame = PlotFrame(
      rect: rect, x: x, y: y,
      xScale: x.scale(covering: series.lazy.flatMap(\.points).map(\.x)),
      yScale: y.scale(covering: series.lazy.flatMap(\.points).map(\.y)),
      hasLegend: series.contains { !$0.name.isEmpty })
    frame.drawAxes(on: &buffer, look: look)
    guard !frame.area.isEmpty else { return }
    drawLines(in: frame, of: &buffer, look: look)
    drawErrors(in: frame, of: &buffer, look: look)
    var labels = LabelPlacer(area: frame.area)
    // The selected point comes last, so that no neighbour in the same cell hides it.
    for isSelected in [false, true] {
      for (index, one) in series.enumerated() where one.form != .line {
        for point in one.points where point.isSelected == isSelected {
          draw(point, of: one, index, in: frame, &labels, &buffer, look)
        }
      }
    }
    // Labels come after all marks, so that no label hides a point.
    for one in series {
      for point in one.points where !point.label.isEmpty {
        guard let place = frame.cell(point.x, point.y) else { continue }
        labels.place(
          point.label, beside: place, style: look.style(point.isSelected ? .strong : .dim),
          on: &buffer)
      }
    }
    drawLegend(in: frame, of: &buffer, look: look)
  }

  /// A point's name and where it lies on both axes.
  private func words(_ point: Point, of one: Series) -> String {
    // Labels have a space at each end, as they are drawn.
    let name = (point.label.isEmpty ? one.name : point.label).split(separator: " ")
      .joined(separator: " ")
    let error = point.yError > 0 ? " ± \(y.numbers.text(point.yError))" : ""
    return [
      name.isEmpty ? nil : name, "\(x.name) \(x.numbers.text(point.x))",
      "\(y.name) \(y.numbers.text(point.y))\(error)",
    ].compactMap(\.self).joined(separator: "  ")
  }

  private func mark(of one: Series, _ index: Int, _ look: Look) -> Unicode.Scalar {
    let marks = look.glyphs.seriesMarks
    return one.mark ?? marks[index % marks.count]
  }

  private func drawLines(in frame: PlotFrame, of buffer: inout CellBuffer, look: Look) {
    var canvas = DotCanvas(rect: frame.area, glyphs: look.glyphs)
    for (index, one) in series.enumerated() where one.form != .points {
      let mark = mark(of: one, index, look)
      var last: (x: Double, y: Double)?
      for point in one.points {
        guard let place = frame.dot(point.x, point.y, in: canvas) else {
          last = nil
          continue
        }
        canvas.line(from: last ?? place, to: place, role: one.role, mark: mark)
        last = place
      }
    }
    canvas.draw(on: &buffer, look: look)
  }

  /// A line through each point, from the least it may be to the most; on a logarithmic axis, down to the axis where it may be
  /// nothing.
  private func drawErrors(in frame: PlotFrame, of buffer: inout CellBuffer, look: Look) {
    var canvas = DotCanvas(rect: frame.area, glyphs: look.glyphs)
    let least = y.kind == .logarithmic ? frame.yScale.low : -Double.infinity
    for one in series where one.form != .line {
      for point in one.points where point.yError > 0 {
        guard
          let low = frame.dot(point.x, max(point.y - point.yError, least), in: canvas),
          let high = frame.dot(point.x, point.y + point.yError, in: canvas)
        else { continue }
        canvas.line(from: low, to: high, role: .dim, mark: "|")
      }
    }
    canvas.draw(on: &buffer, look: look)
  }

  private func draw(
    _ point: Point, of one: Series, _ index: Int, in frame: PlotFrame,
    _ labels: inout LabelPlacer, _ buffer: inout CellBuffer, _ look: Look
  ) {
    guard let place = frame.cell(point.x, point.y) else { return }
    labels.reserve(place)
    buffer.tell(Rect(x: place.x - 1, y: place.y, width: 3, height: 1), words(point, of: one))
    let style = point.isSelected ? look.style(.cursor) : look.style(one.role).adding(.bold)
    buffer.set(mark(of: one, index, look), x: place.x, y: place.y, style: style)
  }

  private func drawLegend(in frame: PlotFrame, of buffer: inout CellBuffer, look: Look) {
    var text = StyledText([])
    for (index, one) in series.enumerated() where !one.name.isEmpty {
      text += StyledText(String(mark(of: one, index, look)), one.role)
      text += StyledText(" \(one.name)  ", .dim)
    }
    buffer.line(text, in: frame.legend, look: look, .right)
  }
}
