extension Theme {
  /// The built-in dark theme; `Themes/dark.toml` says the same.
  ///
  /// Good is blue-green and bad is orange, which stay apart for all common kinds of colour
  /// blindness.
  package static let `default`: Theme = {
    func rgb(_ value: UInt32) -> Color {
      Color(
        red: UInt8(truncatingIfNeeded: value >> 16), green: UInt8(truncatingIfNeeded: value >> 8),
        blue: UInt8(truncatingIfNeeded: value))
    }
    func ink(_ value: UInt32, _ attributes: Attributes = []) -> Style {
      Style(foreground: rgb(value), attributes: attributes)
    }
    func pair(_ front: UInt32, _ back: UInt32, _ attributes: Attributes = []) -> Style {
      Style(foreground: rgb(front), background: rgb(back), attributes: attributes)
    }
    return Theme(
      name: "dark",
      styles: [
        .text: pair(0xCDD3DE, 0x14161B),
        .dim: ink(0x8A93A3),
        .strong: ink(0xF3F5F9, .bold),
        .accent: ink(0x79B8FF),
        .good: ink(0x5CCFB8),
        .warn: ink(0xE9C46A),
        .bad: ink(0xF58E6B, .bold),
        .title: ink(0xE3E8F0, .bold),
        .border: ink(0x3D4554),
        .focusBorder: ink(0x79B8FF),
        .selection: pair(0xF3F5F9, 0x26374F),
        .cursor: pair(0x14161B, 0xF3F5F9, .bold),
        .header: ink(0x9DB0C8),
        .key: ink(0x79B8FF, .bold),
        .hint: ink(0x8A93A3),
        .bar: pair(0xB4BDCA, 0x1C2028),
        .track: ink(0x333B48),
        .modal: pair(0xCDD3DE, 0x1F2530),
        .series1: ink(0x79B8FF),
        .series2: ink(0xEBA45E),
        .series3: ink(0x5CCFB8),
        .series4: ink(0xC9A2F2),
        .series5: ink(0xE6D678),
        .series6: ink(0xA3AEBD),
      ],
      heat: [0x2A2E4A, 0x3B4B8C, 0x2F7896, 0x36A893, 0x93CF67, 0xFDE876].map(rgb))
  }()
}
