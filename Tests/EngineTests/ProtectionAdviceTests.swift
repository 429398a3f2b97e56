import Engine
import Models
import Quantization
import Testing

@Suite struct ProtectionAdviceTests {
  private static let shape = ModelShape(
    architecture: "llama", blocks: 4, hiddenSize: 64, intermediateSize: 128, heads: 4, kvHeads: 2,
    headDimension: 16, vocabularySize: 256, context: 64, tiedEmbeddings: true)

  /// A report of 4-bit layers, errors by block and projection.
  private static func report(
    _ metric: ErrorMap.Metric, _ value: (_ row: Int, _ projection: Projection) -> Double
  ) -> (ErrorMap, QuantizeReport) {
    let projections = BlockPlan.gatedRoles
    let map = ErrorMap(
      target: .weights, title: "t", rows: (0..<4).map(String.init),
      columns: projections.map(\.rawValue),
      cells: (0..<4).map { row in
        projections.map { ErrorMap.Cell(values: [metric: value(row, $0)]) }
      }, metrics: [metric])
    let layers = (0..<4).flatMap { row in
      projections.map { projection in
        let size = shape.size(of: projection)!
        return LayerReport(
          block: row, projection: projection.rawValue, method: "rtn", bits: 4, relativeError: 0,
          sqnr: 0, cosine: 0, bytes: size.rows * size.columns / 2)
      }
    }
    return (
      map,
      QuantizeReport(
        recipe: .baseline, seconds: 0, peakResidentBytes: 0, outputBytes: 100_000,
        baselineBytes: 0, kvBytesPerToken: 0, baselineKVBytesPerToken: 0, layers: layers,
        maps: [map])
    )
  }

  @Test func aProjectionThatHurtsEverywhereIsNamed() throws {
    let (map, report) = Self.report(.aloneKL) { _, projection in projection == .v ? 0.006 : 0.001 }
    let advice = try #require(ProtectionAdvice(map, of: report, shape: Self.shape))
    #expect(advice.pattern == .column(2))
    #expect(advice.basis == .aloneKL)
    #expect(advice.cells.count == 4)
    #expect(abs(advice.share - 0.5) < 1e-9)
    // v is 32 x 64 in each of 4 blocks: 2 bytes a weight for half a byte.
    #expect(advice.extraBytes == 4 * 32 * 64 * 3 / 2)
    #expect(
      advice.words
        == "Protect v in every block first: 5.6 % of the weights make 50 % of the KL that layers cause "
        + "alone. Worst is 0.v, KL 0.00600. In FP they cost 12.3 kB more, 12 % of the model.")
  }

  @Test func aBlockThatHurtsIsNamed() throws {
    let (map, report) = Self.report(.aloneKL) { row, _ in row == 0 ? 0.008 : 0.001 }
    let advice = try #require(ProtectionAdvice(map, of: report, shape: Self.shape))
    #expect(advice.pattern == .row(0))
    #expect(advice.words.hasPrefix("Protect the first block first: 25 % of the weights make 73 %"))
  }

  @Test func oneBadLayerIsNoPattern() throws {
    let (map, report) = Self.report(.aloneKL) { row, projection in
      row == 2 && projection == .down ? 0.05 : 0.001
    }
    let advice = try #require(ProtectionAdvice(map, of: report, shape: Self.shape))
    #expect(advice.pattern == .cells)
    #expect(advice.cells.first == CellAddress(row: 2, column: 6))
    #expect(advice.words.hasPrefix("Protect 2.down, "))
  }

  @Test func evenErrorsAreSaidToBeEven() throws {
    let (map, report) = Self.report(.aloneKL) { _, _ in 0.001 }
    let advice = try #require(ProtectionAdvice(map, of: report, shape: Self.shape))
    #expect(advice.pattern == .none)
    #expect(advice.words.hasPrefix("No layer stands out"))
  }

  /// Without a measured KL an error counts by the size of its layer: small v has to be far worse to lead.
  @Test func unmeasuredErrorsCountBySize() throws {
    let (map, report) = Self.report(.relativeError) { _, projection in
      projection == .v ? 0.02 : projection == .down ? 0.03 : 0.004
    }
    let advice = try #require(ProtectionAdvice(map, of: report, shape: Self.shape))
    #expect(advice.basis == .errorTimesSize)
    #expect(advice.pattern == .column(6))
    #expect(advice.words.contains("each layer's counted by its size"))
  }

  @Test func layersInFPAndOtherMapsGiveNoAdvice() {
    var (map, report) = Self.report(.aloneKL) { _, _ in 0.001 }
    for index in report.layers.indices { report.layers[index].bytes *= 4 }
    #expect(ProtectionAdvice(map, of: report, shape: Self.shape) == nil, "all is FP already")
    map.columns = map.columns.map { "K" + $0 }
    #expect(ProtectionAdvice(map, of: report, shape: Self.shape) == nil, "no map of layers")
  }
}
