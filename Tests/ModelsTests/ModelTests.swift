import Models
import Operators
import Platform
import Tensors
import Testing

@Suite struct ModelTests {
  private let fixture = FixtureModel(name: "llama3-scaling")

  private func dense(_ values: [Float], _ rows: Int, _ columns: Int) throws -> DenseWeight {
    try DenseWeight(TensorView(dtype: .f32, shape: Shape([rows, columns]), copying: values))
  }

  @Test func derivedModelsShareWhatDidNotChange() throws {
    let model = try fixture.model()
    let context = try makeContext()
    let ids = Array(try fixture.reference().ids[..<20])
    let before = try model.forward(tokens: ids, cache: model.makeCache(), context: context)
    let packed = model.packedBytes
    let id = LinearID(block: 1, projection: .up)
    let old = model[id]
    let zero = try old.replacing(
      weight: dense([Float](repeating: 0, count: old.rows * old.columns), old.rows, old.columns))
    let derived = try model.replacing([id: zero])
    #expect(derived[id] === zero)
    #expect(model[id] === old)
    for other in model.linears where other != id { #expect(derived[other] === model[other]) }
    let changed = try derived.forward(tokens: ids, cache: model.makeCache(), context: context)
    #expect(largestDifference(changed.values(row: 0), before.values(row: 0)) > 1e-3)
    // Only one more copy was packed.
    #expect(derived.packedBytes == packed)
    #expect(zero.packedBytes > 0)
    // The cell put back makes the old model again.
    let restored = try derived.replacing([id: model[id]])
    let again = try restored.forward(tokens: ids, cache: model.makeCache(), context: context)
    #expect(allValues(again) == allValues(before))
  }

  @Test func blocksAndNormsCanBeReplaced() throws {
    let model = try fixture.model()
    let context = try makeContext()
    let ids = Array(try fixture.reference().ids[..<20])
    let before = try model.forward(tokens: ids, cache: model.makeCache(), context: context)
    // Scale moved from the norm into the layers after it changes nothing.
    let block = model.blocks[0]
    let pair = try #require(block.plan.scalePairs.first { $0.source == .norm(.feedForward) })
    let scales = (0..<pair.channels).map { Float($0 % 3 + 1) / 2 }
    var linears: [Projection: Linear] = [:]
    for projection in pair.targets {
      let linear = block[projection]
      let values = linear.weight.dequantized().enumerated().map {
        $0.element * scales[$0.offset % linear.columns]
      }
      linears[projection] = try linear.replacing(
        weight: dense(values, linear.rows, linear.columns))
    }
    let norm = zip(block[.feedForward].values, scales).map { $0 / $1 }
    let moved = try model.replacing(blocks: [
      0: block.replacing(linears, norms: [.feedForward: norm])
    ])
    let after = try moved.forward(tokens: ids, cache: model.makeCache(), context: context)
    #expect(largestDifference(after.values(row: 0), before.values(row: 0)) < 1e-4)
    #expect(moved.blocks[1] === model.blocks[1])
  }

  @Test(arguments: FixtureModel.all)
  func everyScalePairKeepsTheOutput(_ fixture: FixtureModel) throws {
    let model = try fixture.model()
    let context = try makeContext()
    let ids = Array(try fixture.reference().ids[..<20])
    let before = try model.forward(tokens: ids, cache: model.makeCache(), context: context)
    let block = model.blocks[1]
    for pair in block.plan.scalePairs {
      guard case .linear(let source) = pair.source else { continue }
      let scales = (0..<pair.channels).map { Float($0 % 5 + 1) / 3 }
      let from = block[source]
      #expect(from.rows == pair.channels)
      let rows = from.weight.dequantized().enumerated().map {
        $0.element / scales[$0.offset / from.columns]
      }
      var linears = [
        source: try from.replacing(
          weight: dense(rows, from.rows, from.columns),
          bias: from.bias.map { zip($0, scales).map { $0 / $1 } })
      ]
      for target in pair.targets {
        let linear = block[target]
        let values = linear.weight.dequantized().enumerated().map {
          $0.element * scales[pair.sourceChannel(of: $0.offset % linear.columns)]
        }
        linears[target] = try linear.replacing(weight: dense(values, linear.rows, linear.columns))
      }
      let moved = try model.replacing(blocks: [1: block.replacing(linears)])
      let after = try moved.forward(tokens: ids, cache: model.makeCache(), context: context)
      #expect(largestDifference(after.values(row: 0), before.values(row: 0)) < 2e-4)
    }
    let pairs = block.plan.scalePairs
    switch fixture.name {
    case "olmo2": #expect(pairs.map(\.targets) == [[.o], [.down]], "no norm is read by a layer")
    case "gpt2": #expect(pairs.map(\.targets) == [[.o]], "biased norms, and a GELU before down")
    case "opt":
      #expect(pairs.map(\.targets) == [[.o], [.down]], "biased norms; a ReLU passes scale")
    case "mixtral", "qwen3-moe":
      #expect(pairs.map(\.targets.count) == [3, 1] + [1 + 2 * experts(block)] + ones(block))
      #expect(pairs[2].targets.first == .router)
    case "gpt-oss", "gpt-oss-mxfp4":
      #expect(pairs.map(\.targets.count) == [3, 1, 1 + 2 * experts(block)], "a clamped gate")
    default:
      #expect(pairs.map(\.targets) == [[.q, .k, .v], [.o], [.gate, .up], [.down]])
      #expect(pairs[1].isTied == (block.plan.attention.heads > block.plan.attention.kvHeads))
    }
  }

  private func experts(_ block: DecoderBlock) -> Int { block.plan.feedForward.experts?.count ?? 0 }

  /// The pairs of up and down, one an expert.
  private func ones(_ block: DecoderBlock) -> [Int] {
    [Int](repeating: 1, count: experts(block))
  }

  @Test func precisionChangesEveryFloatLayer() throws {
    let baseline = try fixture.model(.bf16)
    let exact = try baseline.with(precision: .f32)
    let loaded = try fixture.model(.f32)
    let context = try makeContext()
    let ids = Array(try fixture.reference().ids[..<20])
    func run(_ model: Model) throws -> [Float] {
      allValues(
        try model.forward(tokens: ids, cache: model.makeCache(), context: context, logits: .all))
    }
    #expect(try run(exact) == run(loaded))
    #expect(try run(exact) != run(baseline))
    #expect(exact.cacheLayout().format == .fp32)
    #expect(baseline.cacheLayout().format == .fp16)
  }

  @Test func refusesReplacementsOfAnotherSize() throws {
    let model = try fixture.model()
    let linear = model[LinearID(block: 0, projection: .q)]
    #expect(throws: ModelError.self) { try linear.replacing(weight: dense([1, 2], 1, 2)) }
    #expect(throws: ModelError.self) { try linear.replacing(bias: [1]) }
    #expect(throws: ModelError.self) {
      try model.replacing([LinearID(block: 0, projection: .k): linear])
    }
    #expect(throws: ModelError.noSuchBlock(2, blocks: 2)) {
      try model.replacing([LinearID(block: 2, projection: .q): linear])
    }
    #expect(throws: ModelError.noSuchBlock(-1, blocks: 2)) { try model.block(-1) }
    #expect(throws: ModelError.self) {
      try model.blocks[0].replacing(norms: [.attention: [1, 2]])
    }
  }

  @Test func bytesAddUp() throws {
    let model = try fixture.model(.bf16)
    let shape = model.configuration.shape
    #expect(model.linearBytes == shape.blockLinearParameters * 2)
    // Embedding and head in BF16; norms and biases in float32.
    let biases = 2 * (32 + 16 + 16 + 32 + 48 + 48 + 32)
    #expect(model.otherBytes == 2 * shape.embeddingParameters * 2 + (5 * 32 + biases) * 4)
  }

  @Test func numbersThatAreNoneAreNamed() throws {
    let model = try fixture.model()
    let pool = WorkerPool(threads: 2)
    try model.checkFinite(pool: pool)
    let id = LinearID(block: 1, projection: .down)
    let linear = model[id]
    for bad in [Float.nan, .infinity, -.infinity] {
      var values = linear.weight.dequantized()
      values[7 * linear.columns + 3] = bad
      values[9 * linear.columns] = bad
      let spoiled = try model.replacing([
        id: linear.replacing(weight: dense(values, linear.rows, linear.columns))
      ])
      let error = try #require(throws: ModelError.self) { try spoiled.checkFinite(pool: pool) }
      #expect("\(error)".contains("model.layers.1.mlp.down_proj.weight"))
      #expect("\(error)".contains("row 7, column 3"))
    }
  }
}
