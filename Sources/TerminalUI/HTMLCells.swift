/// Buffers as HTML: a row is text in spans, a style is a class, so that many pictures share a few rules.
///
/// Text passed `DisplayText` on its way into the buffer, so no row carries a control sequence; what HTML reads is escaped.
package struct HTMLCells: Sendable {
  private var classes: [Style: Int] = [:]
  private var styles: [Style] = []

  package init() {}

  /// The rows of a buffer.
  package mutating func rows(of buffer: CellBuffer) -> [String] {
    (0..<buffer.height).map { row(buffer, $0) }
  }

  /// The rules of all classes that were used so far, a line each; `.w` is a character of two cells.
  package var rules: String {
    let classes = styles.enumerated().map { index, style in ".s\(index){\(Self.rule(style))}" }
    return (classes + [".w{display:inline-block;width:2ch}"]).joined(separator: "\n")
  }

  /// Text as HTML reads it.
  package static func escaped(_ text: String) -> String {
    var result = ""
    for character in text {
      switch character {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"": result += "&quot;"
      default: result.append(character)
      }
    }
    return result
  }

  private mutating func row(_ buffer: CellBuffer, _ y: Int) -> String {
    var html = ""
    var run = ""
    var style: Style?
    func close() {
      if let style, !run.isEmpty { html += "<span class=\"s\(classes[style] ?? 0)\">\(run)</span>" }
      run = ""
    }
    for x in 0..<buffer.width {
      let cell = buffer[x, y]
      guard !cell.isContinuation else { continue }
      if cell.style != style {
        close()
        style = cell.style
        note(cell.style)
      }
      var glyph = String(Character(cell.scalar))
      if cell.mark != "\0" { glyph.unicodeScalars.append(cell.mark) }
      glyph = Self.escaped(glyph)
      // Fonts give wide characters a width of their own; here they take two cells.
      run +=
        buffer[x + 1, y].isContinuation && x + 1 < buffer.width
        ? "<span class=\"w\">\(glyph)</span>" : glyph
    }
    close()
    return html
  }

  private mutating func note(_ style: Style) {
    guard classes[style] == nil else { return }
    classes[style] = styles.count
    styles.append(style)
  }

  private static func rule(_ style: Style) -> String {
    var (front, back) = (style.foreground.rgb, style.background.rgb)
    if style.attributes.contains(.reverse) { (front, back) = (back, front) }
    var parts: [String] = []
    func hex(_ color: (red: UInt8, green: UInt8, blue: UInt8)) -> String {
      Color(red: color.red, green: color.green, blue: color.blue).description
    }
    if let front { parts.append("color:\(hex(front))") }
    if let back { parts.append("background:\(hex(back))") }
    if style.attributes.contains(.bold) { parts.append("font-weight:bold") }
    if style.attributes.contains(.dim) { parts.append("opacity:.7") }
    if style.attributes.contains(.italic) { parts.append("font-style:italic") }
    if style.attributes.contains(.underline) { parts.append("text-decoration:underline") }
    return parts.joined(separator: ";")
  }
}
