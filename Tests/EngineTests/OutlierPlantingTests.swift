import DemoModel
import Engine
import Models
import Operators
import Platform
import Quantization
import Tensors
import TestSupport
import Testing

@Suite struct OutlierPlantingTests {
  private static func model() throws -> Model { try Model.load(directory: DemoModel().directory) }

  private static func logits(_ model: Model) throws -> [Float] {
    var generator = SeededGenerator(seed: 6)
    let tokens = (0..<48).map { _ in Int32.random(in: 0..<2048, using: &generator) }
    let context = try ExecutionContext(pool: WorkerPool(threads: 2), provider: .best)
    let found = try model.forward(
      tokens: tokens, cache: model.makeCache(), context: context, logits: .all)
    return tokens.indices.flatMap { found.values(row: $0) }
  }

  @Test(arguments: [2, 32, 4096], [BaselinePrecision.bf16, .f32])
  func logitsStayTheSameBitForBit(factor: Int, precision: BaselinePrecision) throws {
    let model = try Self.model().with(precision: precision)
    let planted = try OutlierPlanting(channels: 8, factor: factor, seed: 3).planted(in: model)
    let (expected, found) = (try Self.logits(model), try Self.logits(planted))
    #expect(expected.map(\.bitPattern) == found.map(\.bitPattern))
  }

  @Test func normsAndColumnsMoveAndNothingElse() throws {
    let model = try Self.model()
    let planting = OutlierPlanting(channels: 5, factor: 32, seed: 1, every: 2)
    let planted = try planting.planted(in: model)
    let chosen = try planting.chosen(in: model)
    #expect(chosen.count == 5 && chosen == chosen.sorted() && Set(chosen).count == 5)
    #expect(try planting.chosen(in: model) == chosen, "the same seed gives the same channels")
    #expect(try OutlierPlanting(channels: 5, factor: 32, seed: 2).chosen(in: model) != chosen)
    #expect(planted.blocks[1] === model.blocks[1])
    let (before, after) = (model.blocks[2], planted.blocks[2])
    #expect(after[.o] === before[.o] && after[.down] === before[.down])
    let gains = zip(before[.feedForward].values, after[.feedForward].values)
    for (channel, (old, new)) in gains.enumerated() {
      #expect(new == (chosen.contains(channel) ? old * 32 : old))
    }
    let weights = zip(before[.v].weight.dequantized(), after[.v].weight.dequantized())
    #expect(
      weights.enumerated().allSatisfy { place, pair in
        pair.1 == (chosen.contains(place % 256) ? pair.0 / 32 : pair.0)
      })
  }

  @Test func aFactorOfOneIsTheModelItself() throws {
    let model = try Self.model()
    #expect(try OutlierPlanting(channels: 8, factor: 1).planted(in: model) === model)
  }

  @Test(arguments: [0, -2, 3, 48, 8192]) func factorsAreRefused(factor: Int) throws {
    let model = try Self.model()
    #expect(throws: PlantingError.badFactor(found: factor)) {
      try OutlierPlanting(channels: 8, factor: factor).planted(in: model)
    }
  }

  @Test func countsAreRefused() throws {
    let model = try Self.model()
    #expect(throws: PlantingError.badCount(field: "channels", found: 257, largest: 256)) {
      try OutlierPlanting(channels: 257, factor: 2).planted(in: model)
    }
    #expect(throws: PlantingError.badCount(field: "channels", found: 0, largest: nil)) {
      try OutlierPlanting(channels: 0, factor: 2).planted(in: model)
    }
    #expect(throws: PlantingError.badCount(field: "every", found: 0, largest: nil)) {
      try OutlierPlanting(channels: 1, factor: 2, every: 0).planted(in: model)
    }
  }

  @Test func weightsThatWouldBeNoNormalNumbersAreRefused() throws {
    let model = try Self.model()
    let old = model.blocks[0][.q]
    var bits = [UInt16](repeating: FloatFormats.bf16(1), count: old.rows * old.columns)
    // The smallest normal number of BF16, in every column.
    for column in 0..<old.columns { bits[3 * old.columns + column] = 0x0080 }
    let weight = try DenseWeight(
      TensorView(dtype: .bf16, shape: Shape(checking: [old.rows, old.columns]), copying: bits))
    let small = try model.replacing([
      LinearID(block: 0, projection: .q): old.replacing(weight: weight)
    ])
    let chosen = try OutlierPlanting(channels: 1, factor: 2).chosen(in: small)
    #expect(
      throws: PlantingError.tooSmall(
        layer: old.name, row: 3, column: chosen[0], value: 0x1p-126, factor: 2)
    ) { try OutlierPlanting(channels: 1, factor: 2).planted(in: small) }
  }

  @Test func textIsReadAsItIsWritten() throws {
    #expect(try OutlierPlanting("8:32") == OutlierPlanting(channels: 8, factor: 32))
    #expect(
      try OutlierPlanting("4:16:7:2")
        == OutlierPlanting(channels: 4, factor: 16, seed: 7, every: 2))
    for text in ["", "8", "8:", "8:x", "8:32:-1", "8:32:0:1:2", "0:32", "8:12"] {
      #expect(throws: PlantingError.self, "\(text)") { try OutlierPlanting(text) }
    }
    #expect(
      "\(OutlierPlanting(channels: 8, factor: 32, seed: 3))" == "8 channels x32 planted, seed 3")
  }
}
