import Tensors
import Testing

/// Rows of a weight as a weight of its own.
@Suite struct WeightRowsTests {
  private func holds(_ weight: any LinearWeight, _ part: Range<Int>) throws {
    let rows = try weight.part(part)
    let all = weight.dequantized()
    let width = weight.columns
    #expect(rows.rows == part.count && rows.columns == width)
    #expect(rows.dequantized() == Array(all[part.lowerBound * width..<part.upperBound * width]))
  }

  private func codes(_ count: Int, below limit: Int) -> [UInt8] {
    (0..<count).map { UInt8($0 * 37 % 251 % limit) }
  }

  @Test(
    arguments: [3, 4, 8],
    [WeightFormat.Granularity.tensor, .channel, .group(size: 4), .group(size: 5)])
  func integers(bits: Int, granularity: WeightFormat.Granularity) throws {
    let format = WeightFormat(
      code: .integer(bits: bits), granularity: granularity, isSymmetric: false)
    let count = granularity == .tensor ? 1 : 6 * format.groups(columns: 12)
    let weight = try IntegerWeight(
      format: format, rows: 6, columns: 12, unpacked: codes(72, below: 1 << bits),
      scales: (0..<count).map { Float($0 + 1) / 8 }, zeros: codes(count, below: 1 << bits))
    for part in [0..<6, 0..<2, 2..<5, 5..<6] { try holds(weight, part) }
    #expect(throws: TensorError.self) { try weight.part(4..<7) }
    #expect(throws: TensorError.self) { try weight.part(-1..<3) }
  }

  @Test(arguments: [WeightFormat.Granularity.tensor, .channel, .block(rows: 2, columns: 4)])
  func floats(granularity: WeightFormat.Granularity) throws {
    let format = WeightFormat(
      code: .scaledFloat(type: .f8e4m3), granularity: granularity, isSymmetric: true)
    let bytes = codes(72, below: 120)
    let weight = try ScaledFloatWeight(
      format: format, rows: 6, columns: 12,
      codes: SharedBytes(byteCount: 72) { $0.copyBytes(from: bytes) },
      scales: (0..<format.scales(rows: 6, columns: 12)).map { Float($0 + 1) / 4 })
    for part in [0..<6, 0..<2, 2..<6, 4..<5] { try holds(weight, part) }
    if case .block = granularity {
      #expect(throws: TensorError.self) { try weight.part(1..<4) }
    } else {
      try holds(weight, 1..<4)
    }
  }

  @Test func whatIsDecoded() throws {
    let weight = DecodedWeight(
      form: .nf4, granularity: .group(size: 4), rows: 6, columns: 4, byteCount: 24
    ) { row, output in
      for column in 0..<4 { output[column] = Float(row * 4 + column) }
    }
    let part = try weight.part(2..<4)
    #expect(part.dequantized() == (8..<16).map { Float($0) })
    #expect(part.byteCount == 8 && part.format == weight.format)
  }

  /// The smallest type that holds every number.
  @Test func exactNumbers() throws {
    func type(_ values: [Float]) throws -> DType {
      let view = try TensorView.exact(values, shape: Shape(checking: [1, values.count]))
      #expect(try view.floats() == values)
      return view.dtype
    }
    #expect(try type([1, -0.5, 0x1p100]) == .bf16)
    #expect(try type([1 + 1 / 1024]) == .f16)
    #expect(try type([1 + 1 / 1024, 1e30]) == .f32)
    #expect(try type([0.1]) == .f32)
  }
}
