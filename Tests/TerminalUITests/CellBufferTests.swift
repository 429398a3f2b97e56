import TerminalUI
import Testing

@Suite struct CellBufferTests {
  private let style = Style(foreground: .terminal, background: .terminal)

  private func row(_ width: Int, _ draw: (inout CellBuffer) -> Void) -> String {
    var buffer = CellBuffer(width: width, height: 1)
    draw(&buffer)
    return buffer.snapshot()
  }

  @Test func textIsCutOnBothSides() {
    #expect(row(5) { $0.put("abcdefgh", x: -2, y: 0, style: style) } == "cdefg")
    var buffer = CellBuffer(width: 5, height: 1)
    #expect(buffer.put("abcdefgh", x: -2, y: 0, style: style) == 6)
    #expect(buffer.put("x", x: 0, y: 7, style: style) == 1)
    buffer.put("x", x: .max, y: 0, style: style)
    buffer.put("x", x: .min, y: .min, style: style)
  }

  @Test func wideCharactersAreNeverSplit() {
    #expect(row(5) { $0.put("ab한글", x: 0, y: 0, style: style) } == "ab한")
    #expect(row(4) { $0.put("한글", x: -1, y: 0, style: style) } == " 글")
    var buffer = CellBuffer(width: 4, height: 1)
    buffer.put("한글", x: 0, y: 0, style: style)
    #expect(buffer[1, 0].isContinuation && buffer[3, 0].isContinuation)
  }

  @Test func overwritingAHalfBlanksTheOther() {
    #expect(
      row(4) {
        $0.put("한글", x: 0, y: 0, style: style)
        $0.put("x", x: 1, y: 0, style: style)
      } == " x글")
    #expect(
      row(4) {
        $0.put("한글", x: 0, y: 0, style: style)
        $0.put("x", x: 2, y: 0, style: style)
      } == "한x")
    #expect(
      row(5) {
        $0.put("한글", x: 0, y: 0, style: style)
        $0.put("값", x: 1, y: 0, style: style)
      } == " 값")
  }

  @Test func inheritedColorsComeFromBelow() {
    let red = Color(red: 255, green: 0, blue: 0)
    var buffer = CellBuffer(width: 3, height: 1, style: Style(background: red))
    buffer.put("a", x: 0, y: 0, style: Style(attributes: .bold))
    #expect(buffer[0, 0].style == Style(foreground: .terminal, background: red, attributes: .bold))
    buffer.fill(buffer.bounds, style: Style(attributes: .reverse))
    buffer.put("b", x: 1, y: 0, style: Style(foreground: red))
    #expect(buffer[1, 0].style.attributes == .reverse)
  }

  @Test func noCellHoldsAControlCharacter() {
    let hostile = String(String.UnicodeScalarView((0...0x2FF).compactMap { Unicode.Scalar($0) }))
    var buffer = CellBuffer(width: 200, height: 20)
    for (row, start) in stride(from: 0, to: 700, by: 40).enumerated() {
      buffer.put(String(hostile.unicodeScalars.dropFirst(start)), x: 0, y: row, style: style)
    }
    buffer.set("\u{1b}", x: 0, y: 19, style: style)
    buffer.set("\u{202e}", x: 1, y: 19, style: style)
    buffer.set("한", x: 2, y: 19, style: style)
    #expect(buffer.snapshot().hasSuffix("???"))
    for y in 0..<20 {
      buffer.withRow(y) { row in
        for cell in row where !cell.isContinuation {
          #expect(cell.scalar.value >= 0x20 && !(0x7F...0x9F).contains(cell.scalar.value))
        }
      }
    }
  }

  @Test func copyingCutsWideCharactersAtTheEdge() {
    var source = CellBuffer(width: 6, height: 1)
    source.put("한글값", x: 0, y: 0, style: style)
    var buffer = CellBuffer(width: 6, height: 1)
    buffer.copy(source, from: Rect(x: 1, y: 0, width: 4, height: 1), toX: 0, toY: 0)
    #expect(buffer.snapshot() == " 글")
    buffer.copy(source, from: source.bounds, toX: 1, toY: 0)
    #expect(buffer.snapshot() == " 한글")
  }

  @Test func styleSnapshotNamesRuns() {
    var buffer = CellBuffer(width: 5, height: 1)
    buffer.put("ab", x: 1, y: 0, style: Style(foreground: Color(red: 1, green: 2, blue: 3)))
    #expect(
      buffer.styleSnapshot()
        == "0-0 terminal/terminal; 1-2 #010203/terminal; 3-4 terminal/terminal")
  }

  @Test func anAbsurdSizeIsCut() {
    let buffer = CellBuffer(width: .max, height: -4)
    #expect(buffer.width == Size.largestWidth && buffer.height == 0)
    #expect(buffer.snapshot().isEmpty)
  }

  /// What was cut where the pointer rests is told whole, on a line of its own beside it.
  @Test func cutTextIsToldUnderThePointer() {
    let look = Look()
    var buffer = look.buffer(Size(width: 40, height: 4))
    buffer.pointer = Point(x: 2, y: 2)
    let text = StyledText("model.layers.11.mlp.down_proj")
    buffer.line(text, in: Rect(x: 0, y: 2, width: 10, height: 1), look: look)
    buffer.line(text, in: Rect(x: 0, y: 3, width: 40, height: 1), look: look)
    #expect(buffer.readOut == text.plain)
    buffer.drawReadOut(style: look.style(.cursor))
    let lines = buffer.snapshot().split(separator: "\n", omittingEmptySubsequences: false)
    #expect(lines.count > 1 && lines[1].contains(text.plain))
    // A window over it has the pointer.
    buffer.mark(buffer.bounds, .modal)
    #expect(buffer.readOut == nil)
  }

  @Test func nothingIsToldWithoutAPointer() {
    let look = Look()
    var buffer = look.buffer(Size(width: 20, height: 2))
    buffer.line(
      StyledText("longer than ten columns"), in: Rect(x: 0, y: 0, width: 10, height: 1), look: look)
    let before = buffer
    buffer.drawReadOut(style: look.style(.cursor))
    #expect(buffer.readOut == nil && buffer == before)
  }
}
