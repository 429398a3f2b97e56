import Checkpoints
import Engine
import FoundationEssentials
import Models
import Platform
import Quantization
import TestSupport
import Testing

/// A run that ends early goes on from its last finished block, and writes what an uninterrupted run writes.
@Suite(.serialized) struct ResumeTests {
  private static let recipe = Recipe(
    weights: MethodChoice(method: "gptq", options: ["bits": .integer(3), "group": .integer(64)]),
    exceptions: [LayerException(blocks: 1...1, projection: .v, treatment: .fp)])
  private static let calibration = CalibrationOptions(samples: 4, length: 64)

  private func laboratory() throws -> Laboratory {
    let laboratory = try Laboratory(threads: 2)
    _ = try perform(laboratory, LoadJob(path: nil))
    return laboratory
  }

  private func quantize(_ folder: String, resumes: Bool, _ recipe: Recipe = recipe) -> QuantizeJob {
    QuantizeJob(
      recipe: recipe, calibration: Self.calibration,
      keeping: .folder(path: folder, resumes: resumes))
  }

  private func written(_ laboratory: Laboratory, _ path: String) throws -> [UInt8] {
    _ = try perform(laboratory, ExportJob(path: path, format: "compressed-tensors"))
    let file = try MappedFile(path: path + "/model.safetensors")
    return try file.read(at: 0, count: file.byteCount)
  }

  @Test func aCancelledRunGoesOnToTheSameBytes() throws {
    let folder = try TemporaryFolder()
    let straight = try laboratory()
    _ = try perform(
      straight,
      QuantizeJob(recipe: Self.recipe, calibration: Self.calibration, keeping: .nothing))
    let expected = try written(straight, folder.path + "/straight")

    let kept = folder.path + "/kept"
    #expect(throws: Ended.self) {
      try perform(laboratory(), quantize(kept, resumes: false), stopping: 3)
    }
    let progress = try #require(QuantizationCheckpoint.progress(in: kept))
    #expect(progress.done >= 3 && progress.done < 8 && progress.of == 8)

    let resumed = try laboratory()
    let report = try perform(resumed, quantize(kept, resumes: true))
    #expect(report.resumedBlocks == progress.done)
    #expect(report.layers.count == 56)
    #expect(try written(resumed, folder.path + "/resumed") == expected)
  }

  @Test func anUnfinishedRunIsNotOverwritten() throws {
    let folder = try TemporaryFolder()
    let kept = folder.path + "/kept"
    let laboratory = try laboratory()
    #expect(throws: Ended.self) {
      try perform(laboratory, quantize(kept, resumes: false), stopping: 1)
    }
    let error = #expect(throws: Ended.self) {
      try perform(laboratory, quantize(kept, resumes: false))
    }
    guard case .failed(_, let message)? = error?.event else { throw Ended(event: error?.event) }
    #expect(message.contains("keeps an unfinished run"))
  }

  @Test func anotherRecipeIsToldWhatDiffers() throws {
    let folder = try TemporaryFolder()
    let kept = folder.path + "/kept"
    let laboratory = try laboratory()
    #expect(throws: Ended.self) {
      try perform(laboratory, quantize(kept, resumes: false), stopping: 1)
    }
    var other = Self.recipe
    other.weights?.options["bits"] = .integer(4)
    let error = #expect(throws: Ended.self) {
      try perform(laboratory, quantize(kept, resumes: true, other))
    }
    guard case .failed(_, let message)? = error?.event else { throw Ended(event: error?.event) }
    #expect(message.contains("recipe: this run has"))
    #expect(QuantizationCheckpoint.progress(in: kept) != nil, "what was kept is still there")
  }

  @Test(arguments: ["block-0000.safetensors", "state.json", "stream"])
  func aDamagedFolderIsRefused(file: String) throws {
    let folder = try TemporaryFolder()
    let kept = folder.path + "/kept"
    let laboratory = try laboratory()
    #expect(throws: Ended.self) {
      try perform(laboratory, quantize(kept, resumes: false), stopping: 1)
    }
    let names = try FileManager.default.contentsOfDirectory(atPath: kept)
    let name = try #require(names.first { $0.hasPrefix(file) })
    let path = kept + "/" + name
    let bytes = try MappedFile(path: path)
    let half = try bytes.read(at: 0, count: bytes.byteCount / 2)
    try FileManager.default.removeItem(atPath: path)
    try WholeFile.write(half, to: path)
    let error = #expect(throws: Ended.self) {
      try perform(laboratory, quantize(kept, resumes: true))
    }
    guard case .failed(_, let message)? = error?.event else { throw Ended(event: error?.event) }
    #expect(message.contains("cannot be resumed from"), "\(message)")
  }

  /// Stops after two blocks, spoils what was kept, and yields what going on then says.
  private func resumed(
    after spoil: (_ kept: String) throws -> Void
  ) throws -> String {
    let folder = try TemporaryFolder()
    let kept = folder.path + "/kept"
    let laboratory = try laboratory()
    #expect(throws: Ended.self) {
      try perform(laboratory, quantize(kept, resumes: false), stopping: 2)
    }
    try spoil(kept)
    let error = #expect(throws: Ended.self) {
      try perform(laboratory, quantize(kept, resumes: true))
    }
    guard case .failed(_, let message)? = error?.event else { throw Ended(event: error?.event) }
    return message
  }

  private func change(_ path: String, _ body: (inout [UInt8]) throws -> Void) throws {
    let file = try MappedFile(path: path)
    var bytes = try file.read(at: 0, count: file.byteCount)
    try body(&bytes)
    try WholeFile.write(bytes, to: path)
  }

  @Test func aFlippedBitIsNamed() throws {
    let block = try resumed { kept in
      try change(kept + "/block-0001.safetensors") { $0[$0.count - 1] ^= 4 }
    }
    #expect(block.contains("block-0001.safetensors: expected the checksum"), "\(block)")
    let stream = try resumed { kept in
      try change(kept + "/stream-0001.safetensors") { $0[$0.count / 2] ^= 1 }
    }
    #expect(
      stream.contains("stream-0001.safetensors cannot be resumed from: expected the checksum"))
    let state = try resumed { kept in
      try change(kept + "/state.json") { text in
        let place = try #require(
          text.indices.first { text[$0...].starts(with: Array("\"byteCount\":".utf8)) })
        text[place + 12] ^= 1
      }
    }
    #expect(state.contains("state.json: expected the checksum of what it says"), "\(state)")
  }

  @Test func aBlockInAnothersPlaceIsNamed() throws {
    let message = try resumed { kept in
      let (first, second) = (kept + "/block-0000.safetensors", kept + "/block-0001.safetensors")
      let bytes = try MappedFile(path: first)
      try WholeFile.write(bytes.read(at: 0, count: bytes.byteCount), to: second)
    }
    #expect(message.contains("block-0001.safetensors: expected"), "\(message)")
  }

  @Test func aNumberThatIsNoneIsNamed() throws {
    let message = try resumed { kept in
      let path = kept + "/block-0000.safetensors"
      let file = try SafetensorsFile(path: path)
      let scales = try #require(file.tensors.first { $0.name == "down.scales" })
      try change(path) { bytes in
        bytes.replaceSubrange(
          scales.range.lowerBound..<scales.range.lowerBound + 4, with: [0, 0, 0xC0, 0x7F])
      }
    }
    #expect(
      message.contains("block-0000.safetensors: expected finite values in down.scales, found nan"),
      "\(message)")
  }

  /// Spoils every number of a tensor and tells what quantizing then says.
  private func said(spoiling tensor: String, with number: UInt16) throws -> String {
    let folder = try TemporaryFolder()
    let path = try synthetic(in: folder)
    let weights = path + "/model.safetensors"
    let file = try SafetensorsFile(path: weights)
    let spoiled = try #require(file.tensors.first { $0.name == tensor })
    var bytes = try file.file.read(at: 0, count: file.file.byteCount)
    for place in stride(from: spoiled.range.lowerBound, to: spoiled.range.upperBound, by: 2) {
      (bytes[place], bytes[place + 1]) = (UInt8(number & 0xff), UInt8(number >> 8))
    }
    try WholeFile.write(bytes, to: weights)
    let laboratory = try Laboratory(threads: 1)
    _ = try perform(laboratory, LoadJob(path: path))
    let error = #expect(throws: Ended.self) {
      try perform(
        laboratory,
        QuantizeJob(
          recipe: Recipe(
            weights: MethodChoice(method: "gptq", options: ["group": .integer(32)])),
          calibration: Self.calibration, keeping: .nothing))
    }
    guard case .failed(_, let message)? = error?.event else { throw Ended(event: error?.event) }
    return message
  }

  /// Weights are numbers, what becomes of them is none: numbers of 1e38 that are added up.
  @Test func activationsThatAreNotFiniteAreNamed() throws {
    let message = try said(spoiling: "model.layers.0.mlp.down_proj.weight", with: 0x7F00)
    #expect(message.hasPrefix("what leaves block 0 holds"), "\(message)")
  }

  /// Embeddings are looked through before any work, as every other weight is.
  @Test func embeddingsThatAreNoNumbersAreNamed() throws {
    let message = try said(spoiling: "model.embed_tokens.weight", with: 0x7FC0)
    #expect(message.hasPrefix("tensor model.embed_tokens.weight"), "\(message)")
  }

  @Test func aGroupThatDoesNotDivideIsAnsweredWithOneThatRuntimesTake() throws {
    let folder = try TemporaryFolder()
    let laboratory = try Laboratory(threads: 1)
    _ = try perform(laboratory, LoadJob(path: synthetic(in: folder)))
    let error = #expect(throws: Ended.self) {
      try perform(
        laboratory,
        QuantizeJob(
          recipe: Recipe(
            weights: MethodChoice(method: "gptq", options: ["group": .integer(64)])),
          calibration: Self.calibration, keeping: .nothing))
    }
    guard case .failed(_, let message)? = error?.event else { throw Ended(event: error?.event) }
    #expect(message.contains("does not divide the 96 input channels"), "\(message)")
    #expect(message.contains("the nearest that does is 32, which vLLM"), "\(message)")
  }

  /// A small model whose feed-forward layers are 96 wide.
  private func synthetic(in folder: TemporaryFolder) throws -> String {
    let path = folder.path + "/model"
    try SyntheticModel(
      shape: ModelShape(
        architecture: "llama", blocks: 2, hiddenSize: 64, intermediateSize: 96, heads: 4,
        kvHeads: 2, headDimension: 16, vocabularySize: 2048, context: 128, tiedEmbeddings: true),
      seed: 1
    ).write(to: path, pool: WorkerPool(threads: 1))
    return path
  }

  @Test func exceptionsStayFloatThroughExport() throws {
    let folder = try TemporaryFolder()
    let laboratory = try laboratory()
    let report = try perform(
      laboratory,
      QuantizeJob(recipe: Self.recipe, calibration: Self.calibration, keeping: .nothing))
    let kept = report.layers.filter { $0.method == "none" }
    #expect(kept.map { "\($0.block) \($0.projection)" } == ["1 v"])
    #expect(kept.first?.relativeError == 0)
    _ = try perform(
      laboratory, ExportJob(path: folder.path + "/model", format: "compressed-tensors"))
    let summary = try perform(laboratory, LoadJob(path: folder.path + "/model"))
    #expect(summary.recipe == "\(Self.recipe)")
  }
}
