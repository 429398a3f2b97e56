import TerminalUI
import Testing

@Suite struct GeometryTests {
  @Test func sizesAreNeverNegative() {
    let rect = Rect(x: 3, y: 4, width: -5, height: -1)
    #expect(rect.width == 0 && rect.height == 0 && rect.isEmpty)
    #expect(Size(width: -1, height: 5) == Size(width: 0, height: 5))
  }

  @Test func hugeValuesDoNotOverflow() {
    let rect = Rect(x: .max, y: .min, width: .max, height: .max)
    #expect(rect.maxX <= 200_000 && rect.maxY <= 200_000)
    #expect(!rect.contains(x: .max, y: .min))
    #expect(Size(width: .max, height: .max).width == Size.largestWidth)
  }

  @Test func intersectionOfStrangersIsEmpty() {
    let left = Rect(x: 0, y: 0, width: 4, height: 4)
    #expect(left.intersection(Rect(x: 10, y: 0, width: 4, height: 4)).isEmpty)
    #expect(
      left.intersection(Rect(x: 2, y: 3, width: 9, height: 9))
        == Rect(x: 2, y: 3, width: 2, height: 1))
  }

  @Test func splitsKeepEveryCell() {
    let rect = Rect(x: 1, y: 2, width: 10, height: 5)
    for count in -2...12 {
      let (top, rest) = rect.splitTop(count)
      #expect(top.height + rest.height == 5 && rest.maxY == rect.maxY)
      let (left, right) = rect.splitRight(count)
      #expect(left.width + right.width == 10 && right.maxX == rect.maxX)
    }
  }

  @Test func centeredFitsInside() {
    let rect = Rect(x: 0, y: 0, width: 11, height: 5)
    #expect(
      rect.centered(Size(width: 5, height: 3)) == Rect(x: 3, y: 1, width: 5, height: 3))
    #expect(rect.centered(Size(width: 50, height: 50)) == rect)
  }
}
