import Engine
import Models
import Platform
import Tensors
import TestSupport
import Testing

@Suite struct SyntheticModelTests {
  private static let shape = ModelShape(
    architecture: "llama", blocks: 2, hiddenSize: 64, intermediateSize: 96, heads: 4, kvHeads: 2,
    headDimension: 16, vocabularySize: 2048, context: 128, tiedEmbeddings: false)

  @Test func opensAndIsTheSameForAnyNumberOfThreads() throws {
    let folder = try TemporaryFolder()
    let model = try SyntheticModel(shape: Self.shape, seed: 5)
    try model.write(to: folder.path + "/a", pool: WorkerPool(threads: 1))
    try model.write(to: folder.path + "/b", pool: WorkerPool(threads: 3))
    func bytes(_ name: String) throws -> [UInt8] {
      let file = try MappedFile(path: folder.path + "/" + name + "/model.safetensors")
      return try file.read(at: 0, count: file.byteCount)
    }
    #expect(try bytes("a") == bytes("b"))
    let opened = try Model.load(directory: folder.path + "/a")
    #expect(opened.configuration.shape == Self.shape)
    let values = opened.blocks[0][.down].weight.dequantized()
    let variance = values.reduce(0.0) { $0 + Double($1) * Double($1) } / Double(values.count)
    #expect(abs(variance * 96 - 1) < 0.1)
  }

  @Test func refusesShapesThatMakeNoModel() {
    var shape = Self.shape
    shape.kvHeads = 3
    #expect(throws: EngineError.self) { try SyntheticModel(shape: shape, seed: 0) }
    shape = Self.shape
    shape.vocabularySize = 10
    #expect(throws: EngineError.self) { try SyntheticModel(shape: shape, seed: 0) }
  }

  @Test func leavesADirectoryThatIsThere() throws {
    let folder = try TemporaryFolder()
    let model = try SyntheticModel(shape: Self.shape, seed: 5)
    #expect(throws: PlatformError.self) {
      try model.write(to: folder.path, pool: WorkerPool(threads: 1))
    }
  }
}
