import Tensors
import Testing

@Suite struct ShapeTests {
  @Test func countsElements() {
    #expect(Shape([2, 3, 4]).elementCount == 24)
    #expect(Shape([]).elementCount == 1)
    #expect(Shape([5, 0]).elementCount == 0)
    #expect(([2, 3] as Shape).rank == 2)
    #expect(Shape([64, 192]).description == "[64, 192]")
    #expect(Shape([2, 3]).byteCount(of: .bf16) == 12)
    #expect(Shape([3]).byteCount(of: .f4) == nil)
  }

  @Test(arguments: [
    [-1], [2, -3], [-2, -3], [Int.max, 2], [1 << 32, 1 << 32], [1 << 21, 1 << 21, 1 << 21, 4],
    [0, -1],
  ])
  func numbersOfAFileAreChecked(dimensions: [Int]) {
    #expect(throws: TensorError.invalidShape(found: dimensions)) {
      try Shape(checking: dimensions)
    }
  }

  @Test func soundNumbersPass() throws {
    #expect(try Shape(checking: [3, 5]) == [3, 5])
    #expect(try Shape(checking: [Int.max]).elementCount == .max)
    #expect(try Shape(checking: [Int.max]).byteCount(of: .u8) == nil)
  }
}
