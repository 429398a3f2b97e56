import Checkpoints
import DemoModel
import Engine
import Evaluation
import FoundationEssentials
import Models
import Operators
import Planning
import Platform
import Profiling
import Quantization
import Synchronization
import Tensors
import TestSupport
import Testing
import Tokenizers

/// GGUF files as the open model, and two models held against each other.
@Suite struct GGUFOpeningTests {
  private static let evaluation = EvaluationOptions(windows: 2)

  /// The built-in model as a GGUF file.
  static func demo(
    in folder: TemporaryFolder, _ name: String = "demo.gguf", as type: GGUFTensorType = .f32,
    label: Int? = nil, _ change: (inout GGUFCopy) -> Void = { _ in }
  ) throws -> String {
    var copy = try GGUFCopy(of: DemoModel().directory)
    copy.type = { _ in type }
    if let label { copy.metadata["general.file_type"] = .unsigned(UInt64(label), type: .u32) }
    change(&copy)
    try copy.write(to: folder.path(name))
    return folder.path(name)
  }

  private static func words(_ job: LoadJob) throws -> String {
    do {
      _ = try perform(Laboratory(threads: 2), job)
      return ""
    } catch let ended as Ended {
      guard case .failed(_, let message) = ended.event else { return "\(ended)" }
      return message
    }
  }

  @Test func measuresAsTheDirectoryDoes() throws {
    let folder = try TemporaryFolder()
    let laboratory = try Laboratory(threads: 2)
    _ = try perform(laboratory, LoadJob(path: nil))
    let expected = try perform(laboratory, EvaluateJob(options: Self.evaluation))
    let summary = try perform(laboratory, LoadJob(path: Self.demo(in: folder)))
    #expect(summary.name == "demo.gguf")
    #expect(summary.stored?.container == "GGUF")
    #expect(summary.storedAs == nil)
    #expect(summary.baseline.long == "FP baseline")
    #expect(summary.tokenizer == "2048 tokens")
    let found = try perform(laboratory, EvaluateJob(options: Self.evaluation))
    // The same ids and the same numbers.
    #expect(found.tokens == expected.tokens)
    #expect(found.perplexity == expected.perplexity)
    #expect(found.recipe == "FP baseline")
    #expect(found.begin == .nothing)
  }

  /// INT8 activations times the blocks of the file as they are: no byte of the weights changes, and the price says so.
  @Test func blocksStayUnderInt8Activations() throws {
    let folder = try TemporaryFolder()
    let laboratory = try Laboratory(threads: 2)
    _ = try perform(laboratory, LoadJob(path: Self.demo(in: folder, as: .q4_0)))
    let recipe = Recipe(activations: try RecipeText.choice("int8", target: .activations))
    let price = try perform(
      laboratory, AssessJob(recipe: recipe, calibration: CalibrationOptions()))
    let report = try perform(
      laboratory,
      QuantizeJob(
        recipe: recipe, calibration: CalibrationOptions(samples: 2, length: 64),
        keeping: .nothing))
    #expect(report.outputBytes == report.baselineBytes)
    #expect(price.outputBytes == report.outputBytes)
    #expect(report.layers.allSatisfy { $0.fallback == nil && $0.method == "int8" })
    #expect(report.layers.allSatisfy { ($0.weightError ?? 0) == 0 })
    let found = try perform(laboratory, EvaluateJob(options: Self.evaluation))
    #expect(found.kl.mean > 0 && found.kl.mean < 0.01, "activations alone are rounded")
    let bench = try perform(
      laboratory, BenchJob(options: BenchOptions(prompt: 32, generate: 4, repetitions: 1)))
    #expect(
      bench.quantized.kernels.contains { $0.kernel.contains("q4_0_int8g32") },
      "\(bench.quantized.kernels.map(\.kernel))")
    // One scale a channel can be asked for, and is what scale that was moved leads to.
    let byChannel = MethodChoice(method: "int8", options: ["weights": .choice("channel")])
    for choice in [byChannel, MethodChoice(method: "smoothquant")] {
      let rounded = try perform(
        laboratory,
        QuantizeJob(
          recipe: Recipe(activations: choice),
          calibration: CalibrationOptions(samples: 2, length: 64), keeping: .nothing))
      #expect(rounded.outputBytes > report.outputBytes, "\(choice)")
    }
  }

  @Test func blocksAreNoBaseline() throws {
    let folder = try TemporaryFolder()
    let laboratory = try Laboratory(threads: 2)
    let path = try Self.demo(in: folder, as: .q8_0, label: 15)
    let summary = try perform(laboratory, LoadJob(path: path))
    // Its writer calls it Q4_K_M, and nothing in it is.
    #expect(summary.stored?.label == "Q4_K_M")
    #expect(summary.storedAs == "Q8_0")
    #expect(summary.stored?.shares.first?.type == "Q8_0")
    #expect(summary.stored?.shares.first?.bits == 8.5)
    let role = try #require(summary.stored?.roles.first { $0.name == "attn_q" })
    #expect(role.tensors == 8 && role.shares.map(\.type) == ["Q8_0"])
    #expect(summary.baseline.long == "as stored, Q8_0")
    let report = try perform(laboratory, EvaluateJob(options: Self.evaluation))
    #expect(report.recipe == "as stored, Q8_0")
    #expect(report.baseline.name == "as stored, Q8_0 (BF16)")
    #expect(report.baseline.storedAs == "Q8_0")
    #expect(report.kl.mean == 0)
    let plan = try perform(laboratory, PlanJob(workload: .init(context: 256), machine: nil))
    #expect(plan.memory.weights < Double(summary.shape.parameters) * 1.1)
  }

  /// A method takes the numbers that blocks stand for as full precision, and the artifact is whole.
  @Test func isQuantizedAndOpenedAgain() throws {
    let folder = try TemporaryFolder()
    let laboratory = try Laboratory(threads: 2)
    let path = try Self.demo(in: folder, as: .q8_0)
    _ = try perform(laboratory, LoadJob(path: path))
    let said = Mutex<[String]>([])
    let recipe = try RecipeText.recipe("weights=rtn:4:64 layer=0.q=fp")
    let report = try perform(
      laboratory,
      QuantizeJob(
        recipe: recipe, calibration: CalibrationOptions(samples: 2, length: 64),
        keeping: .nothing)
    ) { event in if case .log(_, let text) = event { said.withLock { $0.append(text) } } }
    #expect(said.withLock { $0.contains { $0.contains("stored quantized (Q8_0)") } })
    let kept = try #require(report.layers.first { $0.block == 0 && $0.projection == "q" })
    #expect(kept.bits == 8.5 && kept.relativeError == 0)
    #expect(report.layers.filter { $0.bits < 5 }.count == report.layers.count - 1)
    let before = try perform(laboratory, EvaluateJob(options: Self.evaluation))
    #expect(before.baseline.storedAs == "Q8_0")
    #expect(before.kl.mean > 0)
    _ = try perform(
      laboratory, ExportJob(path: folder.path("artifact"), format: "compressed-tensors")
    ) { event in if case .log(_, let text) = event { said.withLock { $0.append(text) } } }
    // The layer that the recipe keeps, and the table.
    #expect(
      said.withLock { $0.contains { $0.hasPrefix("2 tensors in Q8_0 that the recipe leaves") } },
      "\(said.withLock { $0 })")
    let opened = try Laboratory(threads: 2)
    let summary = try perform(opened, LoadJob(path: folder.path("artifact")))
    #expect(summary.against?.name == "demo.gguf")
    #expect(summary.baseline.long == "as stored, Q8_0")
    let after = try perform(opened, EvaluateJob(options: Self.evaluation))
    #expect(after.baseline.perplexity == before.baseline.perplexity)
    #expect(abs(after.perplexity / before.perplexity - 1) < 1e-3)
  }

  /// Without the file it was made from, too: the tokenizer of the metadata is among its files.
  @Test func theArtifactOpensByItself() throws {
    let folder = try TemporaryFolder()
    let laboratory = try Laboratory(threads: 2)
    let path = try Self.demo(in: folder, as: .q8_0)
    _ = try perform(laboratory, LoadJob(path: path))
    _ = try perform(
      laboratory,
      QuantizeJob(
        recipe: RecipeText.recipe("weights=rtn:4:64"),
        calibration: CalibrationOptions(samples: 2, length: 64), keeping: .nothing))
    let before = try perform(laboratory, EvaluateJob(options: Self.evaluation))
    let artifact = folder.path("artifact")
    _ = try perform(laboratory, ExportJob(path: artifact, format: "compressed-tensors"))
    let original = try GGUFFile(path: path).tokenizer()
    let written = try Tokenizer.load(directory: artifact)
    let text = "Once upon a time, there was a dog; it's name was Bö. 12345\n\n  End <|x|>"
    #expect(try written.encode(text) == original.encode(text))
    #expect(written.bosID == original.bosID && written.eosID == original.eosID)
    try FileManager.default.removeItem(atPath: path)
    let opened = try Laboratory(threads: 2)
    let summary = try perform(opened, LoadJob(path: artifact))
    #expect(summary.against == nil)
    #expect(summary.tokenizer == "2048 tokens")
    let after = try perform(opened, EvaluateJob(options: Self.evaluation))
    #expect(abs(after.perplexity / before.perplexity - 1) < 1e-3)
  }

  /// What a transform rewrites is decoded, and said to be.
  @Test func blocksArePlantedAndRotatedAsNumbers() throws {
    let folder = try TemporaryFolder()
    let laboratory = try Laboratory(threads: 2)
    let said = Mutex<[String]>([])
    _ = try perform(laboratory, LoadJob(path: Self.demo(in: folder, as: .q8_0)))
    let planted = try perform(
      laboratory, PlantingJob(planting: OutlierPlanting(channels: 8, factor: 32))
    ) { event in if case .log(_, let text) = event { said.withLock { $0.append(text) } } }
    #expect(planted.logitDifference == 0)
    #expect(planted.atSixAfter > planted.atSixBefore)
    #expect(said.withLock { $0.contains { $0.contains("the values they stand for") } })
    let report = try perform(laboratory, EvaluateJob(options: Self.evaluation))
    #expect(report.planted?.contains("8 channels x32") == true)
    #expect(report.kl.mean < 1e-3)
    _ = try perform(laboratory, PlantingJob(planting: nil))
    let rotated = try perform(laboratory, RotationJob(rotation: ResidualRotation(seed: 1)))
    let exact = try #require(rotated.exact)
    #expect(exact.difference < exact.largest * 1e-3)
    // Taken back, the weights are as they are stored.
    _ = try perform(laboratory, RotationJob(rotation: nil))
    let back = try perform(laboratory, EvaluateJob(options: Self.evaluation))
    #expect(back.recipe == "as stored, Q8_0" && back.kl.mean == 0)
  }

  // MARK: Two files

  @Test func aCandidateIsHeldAgainstItsBase() throws {
    let folder = try TemporaryFolder()
    let laboratory = try Laboratory(threads: 2)
    let candidate = try Self.demo(in: folder, "c.gguf", as: .q4_0, label: 2)
    let summary = try perform(laboratory, LoadJob(path: candidate, against: "built-in"))
    #expect(summary.name == "c.gguf")
    #expect(summary.against?.path == "built-in")
    #expect(summary.against?.notes == [])
    #expect(summary.baseline.long == "FP baseline")
    let report = try perform(
      laboratory, LayersJob(calibration: CalibrationOptions(samples: 2, length: 128)))
    #expect(report.words == "c.gguf (Q4_0)")
    #expect(report.layers.count == 56)
    #expect(report.layers.allSatisfy { $0.method == "Q4_0" && $0.bits == 4.5 })
    for layer in report.layers {
      let weights = try #require(layer.weightError)
      // Q4_0 loses about 1 % of the energy of normal weights.
      #expect((0.003...0.03).contains(weights), "\(layer.block) \(layer.projection): \(weights)")
      #expect(layer.relativeError > 0 && layer.relativeError < 0.05)
    }
    #expect(report.maps.first?.metrics.contains(.weightError) == true)
    let quality = try perform(laboratory, EvaluateJob(options: Self.evaluation))
    #expect(quality.recipe == "c.gguf (Q4_0)")
    #expect(quality.baseline.name == "BF16")
    #expect(quality.kl.mean > quality.noiseFloor.klMean)
    let cell = try perform(laboratory, CellJob(map: 0, row: 1, column: 0))
    #expect(!cell.after.isEmpty)
    let record = try perform(
      Laboratory(threads: 2, workspace: Workspace(directory: folder.path("runs"))),
      LoadJob(path: candidate, against: "built-in"))
    #expect(record.against != nil)
  }

  @Test func weightsAloneNeedNoText() throws {
    let folder = try TemporaryFolder()
    let laboratory = try Laboratory(threads: 2)
    let candidate = try Self.demo(in: folder, "c.gguf", as: .q8_0)
    _ = try perform(laboratory, LoadJob(path: candidate, against: "built-in"))
    let report = try perform(
      laboratory, LayersJob(calibration: CalibrationOptions(), weightsOnly: true))
    #expect(report.comparesWeights == true)
    #expect(report.layers.allSatisfy { $0.weightError == $0.relativeError })
    #expect(report.layers.allSatisfy { $0.relativeError > 0 && $0.relativeError < 1e-4 })
  }

  /// The same numbers differ in nothing, whichever container holds them; two GGUF files as well.
  @Test func theSameNumbersDifferInNothing() throws {
    let folder = try TemporaryFolder()
    let laboratory = try Laboratory(threads: 2)
    let one = try Self.demo(in: folder, "one.gguf")
    for base in ["built-in", try Self.demo(in: folder, "two.gguf", as: .bf16)] {
      _ = try perform(laboratory, LoadJob(path: one, against: base))
      let report = try perform(
        laboratory, LayersJob(calibration: CalibrationOptions(samples: 1, length: 64)))
      #expect(report.layers.allSatisfy { $0.weightError == 0 && $0.relativeError == 0 })
    }
  }

  /// An artifact with moved scales: the layers that a norm feeds are held against what the norm leaves of them.
  @Test(arguments: [
    ("weights=rtn:8:64 activations=smoothquant", 1e-3), ("weights=awq:4:64", 0.03),
  ])
  func scaleThatWasMovedIsNoError(recipe: String, most: Double) throws {
    let folder = try TemporaryFolder()
    let laboratory = try Laboratory(threads: 2)
    _ = try perform(laboratory, LoadJob(path: nil))
    let made = try perform(
      laboratory,
      QuantizeJob(
        recipe: try RecipeText.recipe(recipe),
        calibration: CalibrationOptions(samples: 2, length: 128), keeping: .nothing))
    _ = try perform(
      laboratory, ExportJob(path: folder.path("artifact"), format: "compressed-tensors"))
    let opened = try Laboratory(threads: 2)
    let summary = try perform(opened, LoadJob(path: folder.path("artifact")))
    #expect(summary.against?.path == "built-in")
    let report = try perform(
      opened, LayersJob(calibration: CalibrationOptions(samples: 2, length: 128)))
    for (one, other) in zip(made.layers, report.layers) {
      let name = "\(one.block) \(one.projection)"
      #expect(other.relativeError < 2 * one.relativeError + 1e-4, "\(name)")
      #expect(try #require(other.weightError) < most, "\(name)")
    }
  }

  @Test func noCounterpartsAreNamed() throws {
    let folder = try TemporaryFolder()
    let demo = try Self.demo(in: folder)
    let shape = ModelShape(
      architecture: "llama", blocks: 2, hiddenSize: 64, intermediateSize: 96, heads: 4, kvHeads: 2,
      headDimension: 16, vocabularySize: 2048, context: 128, tiedEmbeddings: true)
    try SyntheticModel(shape: shape, seed: 1).write(
      to: folder.path("other"), pool: WorkerPool(threads: 1))
    let sizes = try Self.words(LoadJob(path: folder.path("other"), against: demo))
    #expect(sizes.contains("8 blocks") && sizes.contains("2 blocks"), "\(sizes)")
    #expect(sizes.contains("other cannot be held against demo.gguf"), "\(sizes)")
    let family = try Self.words(
      LoadJob(
        path: Self.demo(in: folder, "smol.gguf") { copy in
          copy.metadata = Self.renamed("smollm3")
        }, against: demo))
    #expect(family.contains("architecture") && family.contains("smollm3"), "\(family)")
    let tokens = try Self.words(
      LoadJob(
        path: Self.demo(in: folder, "tokens.gguf") { copy in
          copy.metadata["tokenizer.ggml.tokens"] = .array(
            GGUFArray(strings: (0..<2048).map { Array("w\($0)".utf8) }))
          copy.metadata["tokenizer.ggml.merges"] = .array(GGUFArray(strings: []))
        }, against: demo))
    #expect(tokens.contains("tokenizer"), "\(tokens)")
    let alone = try Self.words(LoadJob(path: demo, against: "/no/such/base"))
    #expect(alone.contains("/no/such/base"))
  }

  /// Metadata of the built-in model under another architecture, some of whose blocks do not rotate.
  private static func renamed(_ name: String) -> [String: GGUFValue] {
    func u32(_ value: UInt64) -> GGUFValue { .unsigned(value, type: .u32) }
    return [
      "general.architecture": .string(Array(name.utf8)), "\(name).block_count": u32(8),
      "\(name).embedding_length": u32(256), "\(name).feed_forward_length": u32(512),
      "\(name).context_length": u32(1024), "\(name).attention.head_count": u32(4),
      "\(name).attention.head_count_kv": u32(2), "\(name).attention.key_length": u32(64),
      "\(name).attention.value_length": u32(64),
      "\(name).attention.layer_norm_rms_epsilon": .float(1e-5, type: .f32),
    ]
  }
}
