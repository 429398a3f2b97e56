/// Attainable speed over arithmetic intensity: the roofs of memory and arithmetic, and where
/// operators really are.
///
/// Williams, Waterman and Patterson, "Roofline: an insightful visual performance model" (2009).
/// Both axes are logarithmic.
package struct Roofline: Widget {
  /// A flat roof: the fastest arithmetic of one kind.
  package struct Ceiling: Hashable, Sendable {
    package var name: String
    /// Operations per second.
    package var rate: Double

    package init(_ name: String, rate: Double) {
      self.name = name
      self.rate = rate
    }
  }

  /// A measured operator or phase.
  package struct Mark: Hashable, Sendable {
    package var label: String
    /// Operations per byte moved.
    package var intensity: Double
    /// Operations per second.
    package var rate: Double
    package var role: Role
    package var isSelected: Bool

    package init(
      _ label: String, intensity: Double, rate: Double, role: Role, isSelected: Bool = false
    ) {
      self.label = label
      self.intensity = intensity
      self.rate = rate
      self.role = role
      self.isSelected = isSelected
    }
  }

  /// Bytes per second from memory.
  package var bandwidth: Double
  package var ceilings: [Ceiling]
  package var marks: [Mark]

  package init(bandwidth: Double, ceilings: [Ceiling], marks: [Mark]) {
    self.bandwidth = bandwidth
    self.ceilings = ceilings
    self.marks = marks
  }

  package func draw(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    plot(look).draw(in: rect, of: &buffer, look: look)
  }

  /// The roofs as lines and the marks as points.
  func plot(_ look: Look) -> Plot {
    let roofs = ceilings.filter { $0.rate.isFinite && $0.rate > 0 }
    let bandwidth = bandwidth.isFinite && bandwidth > 0 ? bandwidth : 1
    let shown = marks.filter {
      $0.intensity.isFinite && $0.intensity > 0 && $0.rate.isFinite && $0.rate > 0
    }
    let highest = (roofs.map(\.rate) + shown.map(\.rate)).max() ?? bandwidth
    let ridge = highest / bandwidth
    let left = min(shown.map(\.intensity).min() ?? ridge / 100, ridge / 30) / 2
    let right = max(shown.map(\.intensity).max() ?? ridge * 10, ridge * 8) * 1.5
    let floor = min(shown.map(\.rate).min() ?? highest / 1000, left * bandwidth) / 2

    var series: [Plot.Series] = []
    for roof in roofs.sorted(by: { $0.rate < $1.rate }) {
      let corner = roof.rate / bandwidth
      let name = " \(roof.name) \(NumberStyle.short.text(roof.rate))FLOP/s "
      series.append(
        Plot.Series(
          "",
          points: [
            Plot.Point(x: corner, y: roof.rate),
            Plot.Point(x: right / 1.6, y: roof.rate, label: name),
            Plot.Point(x: right, y: roof.rate),
          ], form: .line, role: .track))
    }
    series.append(
      Plot.Series(
        "",
        points: [
          Plot.Point(x: left, y: left * bandwidth),
          Plot.Point(
            x: (left * ridge).squareRoot(), y: (left * ridge).squareRoot() * bandwidth,
            label: " \(NumberStyle.bytes.text(bandwidth))/s "),
          Plot.Point(x: ridge, y: highest),
        ], form: .line, role: .dim))
    for (index, mark) in shown.enumerated() {
      let marks = look.glyphs.seriesMarks
      series.append(
        Plot.Series(
          "",
          points: [
            Plot.Point(
              x: mark.intensity, y: mark.rate, label: mark.label, isSelected: mark.isSelected)
          ], form: .points, role: mark.role, mark: marks[index % marks.count]))
    }
    return Plot(
      series,
      x: Plot.Axis("FLOP per byte", .logarithmic, range: left...max(left, right)),
      y: Plot.Axis(
        "FLOP/s", .logarithmic, range: floor...max(floor, highest * 2), numbers: .short))
  }
}
