import TerminalUI
import Testing

@Suite struct LayoutTests {
  private func widths(_ width: Int, _ lengths: [Length], spacing: Int = 0) -> [Int] {
    Rect(x: 0, y: 0, width: width, height: 1).columns(lengths, spacing: spacing).map(\.width)
  }

  @Test func fillTakesWhatIsLeft() {
    #expect(widths(100, [.fixed(30), .fill()]) == [30, 70])
    #expect(widths(100, [.fraction(0.25), .fill(), .fixed(5)]) == [25, 70, 5])
    #expect(widths(11, [.fill(), .fill()]) == [5, 6])
    #expect(widths(90, [.fill(weight: 2), .fill(weight: 1)]) == [60, 30])
  }

  @Test func theLastShrinkFirst() {
    #expect(widths(10, [.fixed(8), .fixed(8)]) == [8, 2])
    #expect(widths(10, [.fill(min: 8), .fixed(8), .fixed(3)]) == [8, 2, 0])
  }

  @Test func spacingLiesBetween() {
    let parts = Rect(x: 5, y: 0, width: 20, height: 1).columns([.fixed(4), .fill()], spacing: 2)
    #expect(parts.map(\.x) == [5, 11])
    #expect(parts.map(\.width) == [4, 14])
  }

  @Test func noLengthsGiveNoParts() {
    #expect(widths(10, []).isEmpty)
  }

  @Test func anythingStaysInside() {
    let lengths: [Length] = [
      .fixed(-3), .fraction(.nan), .fraction(7), .fill(weight: -1, min: -9), .fill(weight: .max),
      .fixed(.max),
    ]
    for width in 0...60 {
      for spacing in [-1, 0, 1, 40] {
        let rect = Rect(x: 2, y: 1, width: width, height: 3)
        let parts = rect.columns(lengths, spacing: spacing)
        #expect(parts.count == lengths.count)
        #expect(parts.allSatisfy { $0.isEmpty || $0.intersection(rect) == $0 })
        #expect(parts.reduce(0) { $0 + $1.width } <= width)
      }
    }
  }
}
