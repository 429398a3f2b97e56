/// Finds the nearest colour that a terminal with few colours has.
///
/// Distance is taken in Oklab (Ottosson, "A perceptual color space for image processing", 2020),
/// where equal steps look equal. Of 256 colours only the fixed cube and greys (16...255) are used,
/// since users change the first 16.
package enum ColorReducer {
  /// The palette index of a colour, or nil for `terminal`, `inherited`, mono and true colour.
  package static func index(of color: Color, depth: ColorDepth) -> UInt8? {
    guard let rgb = color.rgb else { return nil }
    let candidates: Range<Int>
    switch depth {
    case .mono, .trueColor: return nil
    case .ansi8: candidates = 0..<8
    case .ansi16: candidates = 0..<16
    case .ansi256: candidates = 16..<256
    }
    let wanted = Oklab(red: rgb.red, green: rgb.green, blue: rgb.blue)
    var best = candidates.lowerBound
    var least = Float.infinity
    // Among few colours a grey goes to a grey: the nearest by distance alone may be a loud cyan.
    let isGrey = depth < .ansi256 && wanted.chroma < 0.045
    for index in candidates where !isGrey || palette[index].chroma < 0.01 {
      let distance = wanted.squaredDistance(to: palette[index])
      if distance < least {
        least = distance
        best = index
      }
    }
    return UInt8(best)
  }

  /// The palette indices of a foreground on a background; when both would fall on one colour though
  /// they differ, the foreground becomes black or white, so text never vanishes.
  package static func indices(
    foreground: Color, background: Color, depth: ColorDepth
  ) -> (foreground: UInt8?, background: UInt8?) {
    let front = index(of: foreground, depth: depth)
    let back = index(of: background, depth: depth)
    guard let front, let back, front == back, foreground != background, depth < .ansi256 else {
      return (front, back)
    }
    return (palette[Int(back)].lightness > 0.5 ? 0 : 7, back)
  }

  /// xterm's 256 colours.
  private static let palette: [Oklab] = {
    let named: [(UInt8, UInt8, UInt8)] = [
      (0, 0, 0), (205, 0, 0), (0, 205, 0), (205, 205, 0), (0, 0, 238), (205, 0, 205),
      (0, 205, 205), (229, 229, 229), (127, 127, 127), (255, 0, 0), (0, 255, 0), (255, 255, 0),
      (92, 92, 255), (255, 0, 255), (0, 255, 255), (255, 255, 255),
    ]
    let levels: [UInt8] = [0, 95, 135, 175, 215, 255]
    var colors = named
    for red in levels {
      for green in levels {
        for blue in levels { colors.append((red, green, blue)) }
      }
    }
    for step in 0..<24 {
      let grey = UInt8(8 + 10 * step)
      colors.append((grey, grey, grey))
    }
    return colors.map { Oklab(red: $0.0, green: $0.1, blue: $0.2) }
  }()
}
