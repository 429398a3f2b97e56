#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// A colour in Oklab, where distances match what eyes see (Ottosson 2020).
struct Oklab: Sendable {
  /// 0 black to 1 white.
  var lightness: Float
  /// Green to red.
  var a: Float
  /// Blue to yellow.
  var b: Float

  init(lightness: Float, a: Float, b: Float) {
    self.lightness = lightness
    self.a = a
    self.b = b
  }

  init(red: UInt8, green: UInt8, blue: UInt8) {
    let r = Self.linear(red)
    let g = Self.linear(green)
    let b = Self.linear(blue)
    let long = cbrtf(0.412_221_47 * r + 0.536_332_55 * g + 0.051_445_995 * b)
    let medium = cbrtf(0.211_903_5 * r + 0.680_699_5 * g + 0.107_396_96 * b)
    let short = cbrtf(0.088_302_46 * r + 0.281_718_85 * g + 0.629_978_7 * b)
    lightness = 0.210_454_26 * long + 0.793_617_8 * medium - 0.004_072_047 * short
    a = 1.977_998_5 * long - 2.428_592_2 * medium + 0.450_593_7 * short
    self.b = 0.025_904_037 * long + 0.782_771_77 * medium - 0.808_675_77 * short
  }

  /// How colourful it is; 0 for greys.
  var chroma: Float { (a * a + b * b).squareRoot() }

  func squaredDistance(to other: Oklab) -> Float {
    let l = lightness - other.lightness
    let a = a - other.a
    let b = b - other.b
    return l * l + a * a + b * b
  }

  /// A point on the way to another colour; 0 is here, 1 there.
  func mixed(with other: Oklab, _ part: Float) -> Oklab {
    Oklab(
      lightness: lightness + (other.lightness - lightness) * part,
      a: a + (other.a - a) * part, b: b + (other.b - b) * part)
  }

  /// The nearest 24-bit colour.
  var color: Color {
    let long = cube(lightness + 0.396_337_78 * a + 0.215_803_76 * b)
    let medium = cube(lightness - 0.105_561_346 * a - 0.063_854_17 * b)
    let short = cube(lightness - 0.089_484_18 * a - 1.291_485_5 * b)
    return Color(
      red: Self.byte(4.076_741_7 * long - 3.307_711_6 * medium + 0.230_969_94 * short),
      green: Self.byte(-1.268_438 * long + 2.609_757_4 * medium - 0.341_319_38 * short),
      blue: Self.byte(-0.004_196_086 * long - 0.703_418_6 * medium + 1.707_614_7 * short))
  }

  private func cube(_ value: Float) -> Float { value * value * value }

  /// The linear light of an sRGB byte.
  static func linear(_ byte: UInt8) -> Float {
    let value = Float(byte) / 255
    return value <= 0.04045 ? value / 12.92 : powf((value + 0.055) / 1.055, 2.4)
  }

  private static func byte(_ linear: Float) -> UInt8 {
    let value = linear <= 0.003_130_8 ? linear * 12.92 : 1.055 * powf(linear, 1 / 2.4) - 0.055
    return UInt8((min(max(value, 0), 1) * 255).rounded())
  }
}

/// How well a foreground can be read on a background (WCAG 2.1, 1 to 21).
package enum Contrast {
  /// The contrast ratio; nil when a colour is the terminal's own.
  package static func ratio(_ first: Color, _ second: Color) -> Double? {
    guard let first = luminance(first), let second = luminance(second) else { return nil }
    return (max(first, second) + 0.05) / (min(first, second) + 0.05)
  }

  private static func luminance(_ color: Color) -> Double? {
    color.rgb.map { rgb in
      Double(
        0.2126 * Oklab.linear(rgb.red) + 0.7152 * Oklab.linear(rgb.green)
          + 0.0722 * Oklab.linear(rgb.blue))
    }
  }
}
