/// The colours of a heatmap from low to high, in 48 steps that look equally far apart.
///
/// Few steps keep the number of colour pairs of a terminal small and make frames cheap to send.
package struct HeatRamp: Hashable, Sendable {
  package static let steps = 48
  private let colors: [Color]

  package init(stops: [Color]) {
    let points = stops.compactMap(\.rgb).map { Oklab(red: $0.red, green: $0.green, blue: $0.blue) }
    guard points.count >= 2 else {
      colors = [stops.first ?? .terminal]
      return
    }
    colors = (0..<Self.steps).map { step in
      let place = Float(step) / Float(Self.steps - 1) * Float(points.count - 1)
      let index = min(Int(place), points.count - 2)
      return points[index].mixed(with: points[index + 1], place - Float(index)).color
    }
  }

  /// The colour of a place on the scale, 0 to 1; places outside are moved to the ends, NaN to the
  /// start.
  package func color(at place: Double) -> Color {
    guard place > 0 else { return colors[0] }
    return colors[min(Int(min(place, 1) * Double(colors.count)), colors.count - 1)]
  }
}
