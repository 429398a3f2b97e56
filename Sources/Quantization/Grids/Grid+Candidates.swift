/// Loops over candidates of a search: values rounded after they were scaled, or clipped.
extension Grid {
  /// Writes `count` values of one group, multiplied by a scale each, rounded to the grid of their range, and divided
  /// again.
  ///
  /// Where a product is not finite all of the group becomes not-a-number.
  func round(
    _ values: UnsafePointer<Float>, times scales: UnsafePointer<Float>, count: Int,
    scaleType: ScaleType, into output: UnsafeMutablePointer<Float>
  ) {
    Self.each(count) {
      output.store($0, Self.load(values + $0) * Self.load(scales + $0))
    } rest: {
      output[$0] = values[$0] * scales[$0]
    }
    guard let range = Self.range(of: output, count: count) else {
      output.update(repeating: .nan, count: count)
      return
    }
    let rounding = Rounding(self, parameters(of: range, scaleType: scaleType))
    Self.each(count) {
      output.store($0, rounding.round(Self.load(output + $0)) / Self.load(scales + $0))
    } rest: {
      output[$0] = rounding.round(Vector(repeating: output[$0]))[0] / scales[$0]
    }
  }

  /// Writes how far `count` values of one group, which lie in `range`, move when they are clipped to `-limit...limit`
  /// and rounded to the grid of what is left of the range.
  func writeErrors(
    of values: UnsafePointer<Float>, count: Int, range: ValueRange, clippedTo limit: Float,
    scaleType: ScaleType, into output: UnsafeMutablePointer<Float>
  ) {
    let clipped = ValueRange(
      lowest: max(-limit, min(limit, range.lowest)),
      highest: max(-limit, min(limit, range.highest)))
    let rounding = Rounding(self, parameters(of: clipped, scaleType: scaleType))
    let low = Vector(repeating: -limit)
    let high = Vector(repeating: limit)
    @inline(__always) func error(_ value: Vector) -> Vector {
      var inside = value
      inside.replace(with: low, where: inside .< low)
      inside.replace(with: high, where: inside .> high)
      return rounding.round(inside) - value
    }
    Self.each(count) {
      output.store($0, error(Self.load(values + $0)))
    } rest: {
      output[$0] = error(Vector(repeating: values[$0]))[0]
    }
  }

  /// Takes `values` from `output`, `count` of each.
  static func subtract(
    _ values: UnsafePointer<Float>, from output: UnsafeMutablePointer<Float>, count: Int
  ) {
    each(count) {
      output.store($0, load(output + $0) - load(values + $0))
    } rest: {
      output[$0] -= values[$0]
    }
  }

  /// Calls `body` at each whole vector of `count` values, and `rest` at each value after them.
  @inline(__always)
  private static func each(_ count: Int, _ body: (Int) -> Void, rest: (Int) -> Void) {
    var index = 0
    while index + width <= count {
      body(index)
      index += width
    }
    while index < count {
      rest(index)
      index += 1
    }
  }
}

extension UnsafeMutablePointer<Float> {
  @inline(__always)
  fileprivate func store(_ index: Int, _ vector: Grid.Vector) {
    UnsafeMutableRawPointer(self + index).storeBytes(of: vector, as: Grid.Vector.self)
  }
}
