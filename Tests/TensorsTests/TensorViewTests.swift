import Tensors
import Testing

@Suite struct TensorViewTests {
  @Test func givesRowsAsFloats() throws {
    let view = try TensorView(
      dtype: .f32, shape: [3, 2], copying: [1, 2, 3, 4, 5, 6] as [Float])
    #expect(try view.floats() == [1, 2, 3, 4, 5, 6])
    #expect(try view.floats(rows: 1..<3) == [3, 4, 5, 6])
    #expect(try view.floats(rows: 2..<2) == [])
    #expect(try view.reshaped([2, 3]).floats(rows: 0..<1) == [1, 2, 3])
    #expect(try view.elements(as: Float.self) == [1, 2, 3, 4, 5, 6])
    #expect(try view.elements(as: UInt32.self).first == Float(1).bitPattern)
  }

  @Test func convertsEveryFloatType() throws {
    let expected: [Float] = [0.5, -1, 3, 6]
    for (type, bytes): (DType, [UInt8]) in [
      (.f16, [0x00, 0x38, 0x00, 0xbc, 0x00, 0x42, 0x00, 0x46]),
      (.bf16, [0x00, 0x3f, 0x80, 0xbf, 0x40, 0x40, 0xc0, 0x40]),
      (.f8e4m3, [0x30, 0xb8, 0x44, 0x4c]),
      (.f8e5m2, [0x38, 0xbc, 0x42, 0x46]),
      (.f4, [0xa1, 0x75]),
    ] {
      let view = try TensorView(dtype: type, shape: [2, 2], copying: bytes)
      #expect(try view.floats() == expected)
      #expect(try view.floats(rows: 1..<2) == [3, 6])
    }
    let doubles = try TensorView(
      dtype: .f64, shape: [4], copying: [0.5, -1, 3, 6] as [Double])
    #expect(try doubles.floats() == expected)
    let scales = try TensorView(dtype: .f8e8m0, shape: [2], copying: [127, 130] as [UInt8])
    #expect(try scales.floats() == [1, 8])
  }

  @Test func partsOfARowStartAnywhere() throws {
    let fours = try TensorView(dtype: .f4, shape: [1, 4], copying: [0x21, 0x43] as [UInt8])
    var output = [Float](repeating: 0, count: 2)
    output.withUnsafeMutableBufferPointer { buffer in
      if let base = buffer.baseAddress { fours.copyFloats(elements: 1..<3, into: base) }
    }
    #expect(output == [1, 1.5])
  }

  @Test func bytesMustFit() {
    #expect(
      throws: TensorError.byteCountMismatch(dtype: .f32, shape: [2], expected: 8, found: 7)
    ) { try TensorView(dtype: .f32, shape: [2], copying: [UInt8](repeating: 0, count: 7)) }
    #expect(
      throws: TensorError.byteCountMismatch(dtype: .f4, shape: [3], expected: nil, found: 2)
    ) { try TensorView(dtype: .f4, shape: [3], copying: [0, 0] as [UInt8]) }
  }

  @Test func wrongQuestionsAreErrors() throws {
    let integers = try TensorView(dtype: .i32, shape: [2], copying: [7, -7] as [Int32])
    #expect(throws: TensorError.notFloat(found: .i32)) { try integers.floats() }
    #expect(try integers.elements(as: Int32.self) == [7, -7])
    #expect(throws: TensorError.typeMismatch(expected: "Int64", found: .i32)) {
      try integers.elements(as: Int64.self)
    }
    let floats = try TensorView(dtype: .f32, shape: [2, 1], copying: [1, 2] as [Float])
    for rows in [0..<3, -1..<1, 2..<3] {
      #expect(throws: TensorError.rowsOutOfBounds(rows: rows, shape: [2, 1])) {
        try floats.floats(rows: rows)
      }
    }
    #expect(throws: TensorError.shapeMismatch(expected: [2, 1], found: [3])) {
      try floats.reshaped([3])
    }
    let scalar = try TensorView(dtype: .f32, shape: [], copying: [1] as [Float])
    #expect(throws: TensorError.rankMismatch(expected: 1, found: [])) {
      try scalar.floats(rows: 0..<1)
    }
    #expect(try scalar.floats() == [1])
  }

  @Test func emptyTensors() throws {
    let none = try TensorView(dtype: .bf16, shape: [0, 4], copying: [] as [UInt8])
    #expect(try none.floats() == [])
    #expect(try none.floats(rows: 0..<0) == [])
    #expect(try none.elements(as: UInt16.self) == [])
  }

  /// Notes when it goes.
  private final class Owner: Sendable {
    nonisolated(unsafe) let bytes: UnsafeRawBufferPointer
    nonisolated(unsafe) let gone: UnsafeMutablePointer<Bool>
    init(_ gone: UnsafeMutablePointer<Bool>) {
      let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 4, alignment: 4)
      memory.storeBytes(of: Float(2), as: Float.self)
      bytes = UnsafeRawBufferPointer(memory)
      self.gone = gone
    }
    deinit {
      gone.pointee = true
      bytes.deallocate()
    }
  }

  @Test func keepsItsOwner() throws {
    let gone = UnsafeMutablePointer<Bool>.allocate(capacity: 1)
    gone.initialize(to: false)
    defer { gone.deallocate() }
    do {
      let owner = Owner(gone)
      let view = try TensorView(dtype: .f32, shape: [1], bytes: owner.bytes, owner: owner)
      let copy = view
      #expect(try copy.floats() == [2])
      #expect(!gone.pointee)
      withExtendedLifetime(copy) {}
    }
    #expect(gone.pointee)
  }
}
