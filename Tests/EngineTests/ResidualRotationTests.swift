import DemoModel
import Engine
import Evaluation
import Models
import Operators
import Platform
import Quantization
import Tensors
import TestSupport
import Testing

/// A rotated model computes what it did.
@Suite struct ResidualRotationTests {
  private static let pool = WorkerPool(threads: 2)

  private static func model() throws -> Model { try Model.load(directory: DemoModel().directory) }

  private static func logits(_ model: Model) throws -> [Float] {
    var generator = SeededGenerator(seed: 6)
    let tokens = (0..<48).map { _ in Int32.random(in: 0..<2048, using: &generator) }
    let model = try model.with(precision: .f32)
    let context = try ExecutionContext(pool: pool, provider: .best)
    let found = try model.forward(
      tokens: tokens, cache: model.makeCache(.fp32), context: context, logits: .all)
    return tokens.indices.flatMap { found.values(row: $0) }
  }

  /// The largest difference over the largest logit.
  private static func difference(_ first: Model, _ second: Model) throws -> Float {
    let (expected, found) = (try logits(first), try logits(second))
    let largest = expected.map(\.magnitude).max() ?? 1
    return (zip(expected, found).map { ($0 - $1).magnitude }.max() ?? .infinity) / largest
  }

  @Test(arguments: [false, true], [UInt64(0), 7])
  func logitsStayInFloat32(turnsHeads: Bool, seed: UInt64) throws {
    let model = try Self.model()
    let rotation = ResidualRotation(seed: seed, turnsHeads: turnsHeads)
    let rotated = try rotation.rotated(model, storedAs: .f32, pool: Self.pool)
    #expect(try Self.difference(model, rotated) < 2e-5)
    #expect(!rotated.configuration.tiedEmbeddings && model.configuration.tiedEmbeddings)
  }

  @Test func plantedOutliersAreSpread() throws {
    let model = try OutlierPlanting(channels: 8, factor: 128).planted(in: Self.model())
    let rotated = try ResidualRotation().rotated(model, storedAs: .f32, pool: Self.pool)
    #expect(try Self.difference(model, rotated) < 2e-5)
    // Columns of q are of one size again: the gains are in them and spread over all.
    func spread(_ linear: Linear) -> Float {
      let values = linear.weight.dequantized()
      let sums = (0..<linear.columns).map { column in
        stride(from: column, to: values.count, by: linear.columns).reduce(Float(0)) {
          $0 + values[$1] * values[$1]
        }
      }
      return (sums.max() ?? 0) / (sums.min() ?? 0)
    }
    #expect(spread(model.blocks[0][.q]) > 1000 && spread(rotated.blocks[0][.q]) < 20)
  }

  /// Biases of every layer, those that write to the stream and the heads' included.
  @Test func biasesAreTurnedToo() throws {
    var model = try Self.model()
    var generator = SeededGenerator(seed: 3)
    var changed: [LinearID: Linear] = [:]
    for id in model.linears {
      let old = model[id]
      changed[id] = Linear(
        name: old.name, weight: old.weight, bias: generator.normals(old.rows, deviation: 0.1),
        activation: old.activation)
    }
    model = try model.replacing(changed)
    let rotated = try ResidualRotation(seed: 2, turnsHeads: true)
      .rotated(model, storedAs: .f32, pool: Self.pool)
    #expect(try Self.difference(model, rotated) < 2e-5)
    #expect(rotated.blocks[0][.q].bias == model.blocks[0][.q].bias)
    #expect(rotated.blocks[0][.v].bias != model.blocks[0][.v].bias)
    #expect(rotated.blocks[0][.o].bias != model.blocks[0][.o].bias)
  }

  @Test func normsHaveNoGainsAndTypesStay() throws {
    let model = try Self.model()
    let rotated = try ResidualRotation().rotated(model, pool: Self.pool)
    for block in rotated.blocks {
      for norm in block.plan.normPlaces { #expect(block[norm].values.allSatisfy { $0 == 1 }) }
      for projection in block.roles {
        #expect((block[projection].weight as? DenseWeight)?.view.dtype == .bf16)
      }
    }
    #expect(rotated.finalNorm.values.allSatisfy { $0 == 1 })
    #expect((rotated.embedding as? DenseWeight)?.view.dtype == .bf16)
    #expect(try Self.difference(model, rotated) < 0.05)
  }

  /// `R_out W diag(g) R_in^T` by its definition, of sides that are several vectors long.
  @Test func weightsAreTheProduct() throws {
    let (rows, columns) = (12, 40)
    var generator = SeededGenerator(seed: 9)
    let values = generator.normals(rows * columns)
    let gains = generator.normals(columns)
    let input = KVRotation.hadamard(seed: 1).prepared(dimension: 20)
    let output = KVRotation.dense(seed: 2).prepared(dimension: 6)
    let weight = try DenseWeight(
      TensorView(dtype: .f32, shape: Shape(checking: [rows, columns]), copying: values))
    let found = try WeightRotation(gains: gains, input: input, output: output)
      .applied(to: weight, layer: "w", pool: nil).dequantized()
    /// An entry of the matrix with a rotation in each block of its diagonal.
    func entry(_ rotation: PreparedRotation, _ matrix: [Float], _ row: Int, _ column: Int) -> Double
    {
      let size = rotation.dimension
      guard row / size == column / size else { return 0 }
      return Double(matrix[row % size * size + column % size])
    }
    let (left, right) = (output.matrix, input.matrix)
    for row in 0..<rows {
      for column in 0..<columns {
        var sum = 0.0
        for i in 0..<rows {
          let share = entry(output, left, row, i)
          guard share != 0 else { continue }
          for j in 0..<columns {
            sum +=
              share * Double(values[i * columns + j]) * Double(gains[j])
              * entry(input, right, column, j)
          }
        }
        #expect(abs(Double(found[row * columns + column]) - sum) < 1e-5)
      }
    }
  }

  @Test func whatCannotBeRotatedIsRefused() throws {
    let model = try Self.model()
    let old = model.blocks[2][.up]
    let rounded = try RoundToNearest.quantize(
      old.weight, as: WeightFormat(code: .integer(bits: 4), granularity: .group(size: 128)),
      .init(grid: .absmax, scaleType: .f32), layer: old.name, pool: nil
    ).weight
    let mixed = try model.replacing([
      LinearID(block: 2, projection: .up): old.replacing(weight: rounded)
    ])
    #expect(throws: RotationError.notDense(layer: old.name, format: "\(rounded.format)")) {
      try ResidualRotation().rotated(mixed, pool: Self.pool)
    }
    let odd = KVRotation.hadamard(seed: 0).prepared(dimension: 12)
    #expect(
      throws: RotationError.size(
        layer: "x", side: "inputs", expected: "a multiple of 12", found: old.columns)
    ) { try WeightRotation(input: odd).applied(to: old.weight, layer: "x", pool: nil) }
  }

  @Test func textIsReadAsItIsWritten() throws {
    #expect(try ResidualRotation("0") == ResidualRotation())
    #expect(try ResidualRotation("7:heads") == ResidualRotation(seed: 7, turnsHeads: true))
    for text in ["", "x", "-1", "1:", "1:head", "1:heads:2"] {
      #expect(throws: RotationError.malformed(text: text)) { try ResidualRotation(text) }
    }
    #expect("\(ResidualRotation(seed: 7, turnsHeads: true))" == "rotated, heads too, seed 7")
  }

  // MARK: As a job

  private static let calibration = CalibrationOptions(samples: 4, length: 64)

  private static func kl(_ laboratory: Laboratory) throws -> Double {
    let report = try perform(
      laboratory, EvaluateJob(options: EvaluationOptions(windows: 2)))
    return report.kl.mean
  }

  private static func rotate(
    _ laboratory: Laboratory, _ rotation: ResidualRotation?
  ) throws -> RotationReport {
    let report = try perform(laboratory, RotationJob(rotation: rotation))
    return report
  }

  @Test func qualityIsHeldAgainstTheModelAsItWasRead() throws {
    let laboratory = try Laboratory(threads: 2)
    _ = try perform(laboratory, LoadJob(path: nil))
    let planting = OutlierPlanting(channels: 8, factor: 128)
    _ = try perform(laboratory, PlantingJob(planting: planting))
    #expect(try Self.kl(laboratory) == 0)
    let report = try Self.rotate(laboratory, ResidualRotation(seed: 3))
    #expect(report.summary.label.hasSuffix("8 channels x128 planted, rotated, seed 3"))
    #expect(report.kind == "residual stream: Hadamard of 256")
    let exact = try #require(report.exact)
    #expect(exact.logits > 0 && exact.relative < 2e-5)
    #expect(report.reachAfter < report.reachBefore / 10)
    let kl = try Self.kl(laboratory)
    #expect(kl > 0 && kl < 0.005, "only weights that are rounded again: \(kl)")
    // What is planted changes below the rotation.
    _ = try perform(laboratory, PlantingJob(planting: nil))
    #expect(try Self.kl(laboratory) > 0)
    let back = try Self.rotate(laboratory, nil)
    #expect(back.summary.rotated == nil && back.kl == nil && back.exact == nil)
    #expect(try Self.kl(laboratory) == 0)
  }

  @Test func anArtifactOfARotatedModelIsWhole() throws {
    let laboratory = try Laboratory(threads: 2)
    _ = try perform(laboratory, LoadJob(path: nil))
    let folder = try TemporaryFolder()
    _ = try Self.rotate(laboratory, ResidualRotation(seed: 1, turnsHeads: true))
    let recipe = Recipe(
      weights: MethodChoice(method: "rtn", options: ["bits": .integer(4)]),
      exceptions: [try LayerException("*.gate=fp")])
    _ = try perform(
      laboratory, QuantizeJob(recipe: recipe, calibration: Self.calibration, keeping: .nothing))
    let expected = try Self.kl(laboratory)
    #expect(expected > 0)
    let path = folder.path + "/artifact"
    _ = try perform(laboratory, ExportJob(path: path, format: "compressed-tensors"))
    let summary = try perform(laboratory, LoadJob(path: path))
    #expect(summary.rotated == "rotated, heads too, seed 1" && !summary.shape.tiedEmbeddings)
    #expect((try Self.kl(laboratory) / expected - 1).magnitude < 0.05)
    #expect(throws: Ended.self) { try Self.rotate(laboratory, ResidualRotation()) }
  }
}
