/// A rectangle of cells: origin at the top left, sizes never negative.
///
/// Coordinates are kept within ±100 000 so that no sum of them can overflow, whatever a recorded
/// session says.
package struct Rect: Hashable, Sendable {
  package let x: Int
  package let y: Int
  package let width: Int
  package let height: Int

  package init(x: Int, y: Int, width: Int, height: Int) {
    self.x = Self.bounded(x)
    self.y = Self.bounded(y)
    self.width = max(0, Self.bounded(width))
    self.height = max(0, Self.bounded(height))
  }

  /// The rectangle of a whole screen.
  package init(_ size: Size) {
    self.init(x: 0, y: 0, width: size.width, height: size.height)
  }

  /// First column to the right of the rectangle.
  package var maxX: Int { x + width }
  /// First row below the rectangle.
  package var maxY: Int { y + height }
  package var isEmpty: Bool { width == 0 || height == 0 }
  package var size: Size { Size(width: width, height: height) }

  package func contains(x column: Int, y row: Int) -> Bool {
    column >= x && column < maxX && row >= y && row < maxY
  }

  package func intersection(_ other: Rect) -> Rect {
    let left = max(x, other.x)
    let top = max(y, other.y)
    return Rect(
      x: left, y: top, width: min(maxX, other.maxX) - left, height: min(maxY, other.maxY) - top)
  }

  /// The rectangle without a margin; empty when the margin eats it all.
  package func inset(horizontal: Int = 0, vertical: Int = 0) -> Rect {
    inset(left: horizontal, top: vertical, right: horizontal, bottom: vertical)
  }

  /// The rectangle without a margin on each side; negative margins count as 0.
  package func inset(left: Int = 0, top: Int = 0, right: Int = 0, bottom: Int = 0) -> Rect {
    let left = min(max(0, left), width)
    let top = min(max(0, top), height)
    return Rect(
      x: x + left, y: y + top,
      width: width - left - max(0, right), height: height - top - max(0, bottom))
  }

  /// One row of the rectangle, counted from its top; empty outside of it.
  package func row(_ index: Int) -> Rect {
    guard index >= 0, index < height else { return Rect(x: x, y: y, width: 0, height: 0) }
    return Rect(x: x, y: y + index, width: width, height: 1)
  }

  /// The first `count` rows and the rest.
  package func splitTop(_ count: Int) -> (top: Rect, rest: Rect) {
    let count = min(max(0, count), height)
    return (
      Rect(x: x, y: y, width: width, height: count),
      Rect(x: x, y: y + count, width: width, height: height - count)
    )
  }

  /// The last `count` rows and what is above them.
  package func splitBottom(_ count: Int) -> (rest: Rect, bottom: Rect) {
    let (rest, bottom) = splitTop(height - min(max(0, count), height))
    return (rest, bottom)
  }

  /// The first `count` columns and the rest.
  package func splitLeft(_ count: Int) -> (left: Rect, rest: Rect) {
    let count = min(max(0, count), width)
    return (
      Rect(x: x, y: y, width: count, height: height),
      Rect(x: x + count, y: y, width: width - count, height: height)
    )
  }

  /// The last `count` columns and what is left of them.
  package func splitRight(_ count: Int) -> (rest: Rect, right: Rect) {
    let (rest, right) = splitLeft(width - min(max(0, count), width))
    return (rest, right)
  }

  /// A rectangle of `size` (cut to fit) in the middle of this one.
  package func centered(_ size: Size) -> Rect {
    let width = min(size.width, width)
    let height = min(size.height, height)
    return Rect(
      x: x + (self.width - width) / 2, y: y + (self.height - height) / 2,
      width: width, height: height)
  }

  private static func bounded(_ value: Int) -> Int { min(max(value, -100_000), 100_000) }
}

/// A width and a height in cells, never negative and at most `Size.largest`.
package struct Size: Hashable, Sendable, Codable {
  package let width: Int
  package let height: Int

  package init(width: Int, height: Int) {
    self.width = min(max(0, width), Self.largestWidth)
    self.height = min(max(0, height), Self.largestHeight)
  }

  package init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    self.init(
      width: try container.decode(Int.self, forKey: .width),
      height: try container.decode(Int.self, forKey: .height))
  }

  /// No terminal is larger; a file that says so is cut to it.
  package static let largestWidth = 2000
  package static let largestHeight = 1000
}

/// A cell's place.
package struct Point: Hashable, Sendable, Codable {
  package var x: Int
  package var y: Int

  package init(x: Int, y: Int) {
    self.x = x
    self.y = y
  }
}
