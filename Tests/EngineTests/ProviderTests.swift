import Engine
import Evaluation
import Models
import Operators
import Platform
import Profiling
import Quantization
import Testing

/// Providers side by side, kernels against plain C, and the profile, on the built-in model.
@Suite(.serialized) struct ProviderTests {
  /// Of a few tokens, roundings that fall to the other side weigh more than of the hundreds the command takes.
  static let fewTokensFactor = 50.0
  /// And where none of them falls so in the floor's runs, a KL of this much is one that did elsewhere.
  static let fewTokensKL = 2e-2
  /// SIMD against plain C with the same 4-bit weights: BF16 roundings of the inputs.
  static let sameWeightsKL = 1e-4

  private struct Unexpected: Error {}

  private static func laboratory(_ recipe: Recipe? = nil) throws -> Laboratory {
    let laboratory = try Laboratory(threads: 2)
    _ = try perform(laboratory, LoadJob(path: nil))
    if let recipe {
      _ = try perform(
        laboratory,
        QuantizeJob(
          recipe: recipe, calibration: CalibrationOptions(samples: 1, length: 32), keeping: .nothing
        ))
    }
    return laboratory
  }

  private static let fourBits = Recipe(
    weights: MethodChoice(
      method: "rtn", options: ["bits": .integer(4), "group": .integer(128)]))

  private static func compared(_ recipe: Recipe?) throws -> ProviderReport {
    let options = ProviderOptions(
      prompt: 24, generate: 4, repetitions: 2, seconds: 4, compared: 24)
    let report = try perform(
      laboratory(recipe), ProvidersJob(options: options))
    return report
  }

  @Test func everyProviderAndEveryKernelOfTheModelHasARow() throws {
    let report = try Self.compared(Self.fourBits)
    let providers = ExecutionProvider.allCases.filter(\.isSupported)
    #expect(report.rows.filter(\.disabled.isEmpty).map(\.provider) == providers)
    #expect(report.baselines.map(\.provider) == providers)
    let without = report.rows.filter { !$0.disabled.isEmpty }
    #expect(without.map(\.disabled) == [["linear_int4_bf16"], ["linear_bf16_bf16"]])
    #expect(without.allSatisfy { $0.provider == .best })
    for row in report.rows {
      #expect(row.decode.tokensPerSecond > 0 && row.prefill.tokensPerSecond > 0)
      #expect((row.decodeRatio ?? 0) > 0 && (row.prefillRatio ?? 0) > 0)
      #expect((1...24).contains(row.promptTokens) && (1...4).contains(row.generatedTokens))
      if row.provider != .generic { #expect(abs(row.kl ?? 1) < Self.sameWeightsKL) }
    }
    let best = try #require(report.best)
    #expect(best.nativeShare == 1)
    #expect(best.mainKernel?.name == "linear_int4_bf16_\(ExecutionProvider.best.rawValue)")
    // A fallback has the bytes of BF16, and says why.
    let fallen = without[0]
    #expect(fallen.packedBytes > 2 * best.packedBytes)
    #expect(fallen.nativeShare < 1)
    #expect(fallen.mainKernel?.name == "linear_bf16_bf16_\(ExecutionProvider.best.rawValue)")
    #expect(
      fallen.mainKernel?.reason == "linear_int4_bf16 is disabled: weights expanded to BF16")
    #expect(
      report.lessons.first?.hasPrefix("With linear_") == true, "\(report.lessons)")
  }

  @Test func fullPrecisionAloneIsHeldAgainstNothing() throws {
    let report = try Self.compared(nil)
    #expect(report.baselines.isEmpty)
    #expect(!report.rows.isEmpty)
    #expect(report.rows.allSatisfy { $0.decodeRatio == nil && $0.prefillRatio == nil })
    #expect(report.rows.last?.disabled == ["linear_bf16_bf16"])
  }

  /// All kernels and caches on a few tokens.
  @Test func everyKernelAgreesWithPlainC() throws {
    let options = KernelOptions(tokens: 12, decoded: 4)
    let report = try perform(
      Self.laboratory(), KernelsJob(options: options))
    #expect(report.uncovered.isEmpty, "every kernel has a form")
    let providers = ExecutionProvider.allCases.count { $0.isSupported && $0 != .generic }
    let forms = Set(report.rows.map(\.form))
    #expect(report.rows.count == forms.count * providers)
    if providers > 0 {
      for name in QuantizationMethods.descriptions(for: .kvCache).map(\.name) {
        #expect(forms.contains("cache \(name)"))
      }
    }
    for row in report.rows {
      let most = max(Self.fewTokensKL, Self.fewTokensFactor * row.floor.kl)
      #expect(row.found.kl < most, "\(row.form) under \(row.provider): \(row.found.kl)")
    }
  }

  @Test func aKLAboveTheFloorOrThatIsNoNumberIsFound() {
    func distance(_ kl: Double) -> KernelAgreement.Distance { .init(kl: kl, klMax: kl, logits: 0) }
    let floor = distance(1e-5)
    #expect(!KernelAgreement.isAbove(distance(3.9e-5), floor: floor))
    #expect(KernelAgreement.isAbove(distance(4.1e-5), floor: floor))
    #expect(KernelAgreement.isAbove(distance(.nan), floor: floor))
    #expect(!KernelAgreement.isAbove(distance(-1e-11), floor: distance(0)))
    #expect(KernelAgreement.isAbove(distance(1e-8), floor: distance(0)))
  }

  @Test func anUnknownFormIsRefusedWithTheKnownOnes() throws {
    let laboratory = try Self.laboratory()
    let ended = #expect(throws: Ended.self) {
      _ = try perform(laboratory, KernelsJob(options: KernelOptions(forms: ["W5A16"])))
    }
    guard case .failed(_, let message) = ended?.event else { throw Unexpected() }
    #expect(message.contains("unknown form 'W5A16': expected one of F32, BF16, W8A16"))
  }

  @Test func theProfileHasEveryLayerAndItsMemorySumsUp() throws {
    let laboratory = try Self.laboratory(Self.fourBits)
    let report = try perform(
      laboratory, BenchJob(options: BenchOptions(prompt: 16, generate: 4, repetitions: 1)))
    let layers = try #require(report.quantized.layers)
    let projections = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
    for rows in [layers.prefill, layers.decode] {
      #expect(Set(rows.map(\.block)) == Set(-1..<8))
      for block in 0..<8 {
        let names = rows.filter { $0.block == block }.map(\.name)
        #expect(Set(projections).isSubset(of: names), "block \(block): \(names)")
      }
    }
    // What layers did is what kernels did.
    let seconds = report.quantized.decodeKernels.reduce(0) { $0 + $1.seconds }
    #expect(abs(layers.decode.reduce(0) { $0 + $1.seconds } - seconds) < 1e-9 + 1e-6 * seconds)
    let queries = layers.decode.filter { $0.name == "q_proj" }
    #expect(!queries.isEmpty && queries.allSatisfy { $0.calls == 4 })
    let memory = try #require(report.memory)
    #expect(memory.kinds.reduce(0) { $0 + $1.bytes } == memory.residentBytes)
    #expect(memory.kinds.last?.name == ProcessMemoryUse.rest)
    func bytes(_ name: String) -> Int { memory.kinds.first { $0.name == name }?.bytes ?? 0 }
    #expect(bytes("packed weights, FP") > 3 * bytes("packed weights, quantized"))
    #expect(bytes("packed weights, quantized") > 0 && bytes("packed weights, shared") > 0)
    #expect(bytes("KV cache, FP") > 0 && bytes("scratch") > 0)
    let trace = try #require(report.quantized.trace)
    #expect(trace.recordsPerToken > 8 * 12 && trace.secondsPerRecord > 0 && trace.share > 0)
  }

  @Test func theNearerRoofBoundsWhatReachesHalfOfIt() {
    func bound(_ bandwidth: Double, _ rate: Double) -> LayerProfile.Bound {
      LayerProfile.bound(bandwidthShare: bandwidth, rateShare: rate)
    }
    #expect(bound(0.8, 0.1) == .memory)
    #expect(bound(0.1, 0.8) == .compute)
    #expect(bound(0.4, 0.49) == .overhead)
    #expect(bound(2.5, 0.9) == .memory)
  }
}
