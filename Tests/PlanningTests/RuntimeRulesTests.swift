import Planning
import Tensors
import Testing

@Suite struct RuntimeRulesTests {
  private func support(_ demand: RuntimeDemand, _ runtime: String) -> RuntimeCoverage? {
    RuntimeRules.coverage(demand).first { $0.runtime == runtime }
  }

  private func weights(_ bits: Int, group: Int, symmetric: Bool = true) -> RuntimeDemand {
    RuntimeDemand(
      weights: WeightFormat(
        code: .integer(bits: bits),
        granularity: group < 0 ? .channel : .group(size: group), isSymmetric: symmetric))
  }

  @Test func marlinGroups() {
    #expect(support(weights(4, group: 128), "vLLM (CUDA)")?.support == .native)
    let odd = support(weights(4, group: 48), "vLLM (CUDA)")
    #expect(odd?.support == .refused)
    #expect(odd?.constraint.contains("48") == true)
    #expect(odd?.nearest == "W4 g128")
  }

  @Test func threeBitsRunNowhereNatively() {
    let runtimes = RuntimeRules.coverage(weights(3, group: 128))
    #expect(!runtimes.isEmpty)
    for coverage in runtimes {
      #expect(coverage.support != .native, "\(coverage.runtime)")
      #expect(!coverage.constraint.isEmpty)
    }
  }

  /// HQQ along the rows: llama.cpp's minima and ONNX Runtime multiply with its zero points as Nibble writes them.
  @Test func realZeroPointsRunWhereMinimaAreNumbers() {
    func demand(_ bits: Int) -> RuntimeDemand {
      RuntimeDemand(
        weights: WeightFormat(
          code: .integer(bits: bits), granularity: .group(size: 64), zeroPoint: .real))
    }
    for coverage in RuntimeRules.coverage(demand(4)) {
      let expected: RuntimeCoverage.Support =
        switch coverage.runtime {
        case "ONNX Runtime (CPU)": .fallback
        case "ONNX Runtime (CUDA)", "llama.cpp (CPU)", "llama.cpp (GPU)": .native
        default: .refused
        }
      #expect(coverage.support == expected, "\(coverage.runtime)")
      #expect(coverage.constraint.isEmpty == (expected == .native))
    }
    // What the width alone forbids still counts.
    #expect(support(demand(3), "ONNX Runtime (CPU)")?.support == .refused)
    #expect(support(weights(4, group: 64, symmetric: false), "vLLM (CUDA)")?.support == .native)
  }

  private static let w8 = WeightFormat(code: .integer(bits: 8), granularity: .channel)

  private func natives(_ demand: RuntimeDemand) -> [String] {
    let coverage = RuntimeRules.coverage(demand)
    // Who does not run it natively says why, and what it would run.
    for item in coverage where item.support != .native {
      #expect(!item.constraint.isEmpty && !item.nearest.isEmpty, "\(item.runtime)")
    }
    return coverage.filter { $0.support == .native }.map(\.runtime)
  }

  @Test func int8ActivationsInEveryForm() {
    let scale = FixedScale(scale: 0.01)
    func demand(_ scaling: ActivationScaling, symmetric: Bool = true) -> RuntimeDemand {
      RuntimeDemand(
        weights: Self.w8, activations: .int8(scaling: scaling, isSymmetric: symmetric))
    }
    let all = [
      "vLLM (CUDA)", "vLLM (x86 CPU)", "ONNX Runtime (CPU)", "TensorRT-LLM", "OpenVINO (CPU)",
      "torchao",
    ]
    #expect(natives(demand(.token)) == all)
    #expect(natives(demand(.fixed(scale: scale))) == all)
    #expect(natives(demand(.token, symmetric: false)) == all.filter { $0 != "TensorRT-LLM" })
    #expect(natives(demand(.tensor)) == ["ONNX Runtime (CPU)", "OpenVINO (CPU)"])
    #expect(support(demand(.tensor), "vLLM (CUDA)")?.constraint.contains("per token") == true)
  }

  @Test func outliersRunOnBitsandbytesAlone() {
    func demand(_ form: OutlierSplit.Form, _ weights: WeightFormat = Self.w8) -> RuntimeDemand {
      RuntimeDemand(weights: weights, activations: .int8WithOutliers(.init(form: form)))
    }
    #expect(natives(demand(.bitsandbytes)) == ["vLLM (CUDA)"])
    #expect(natives(demand(.paper)) == [])
    #expect(support(demand(.paper), "vLLM (CUDA)")?.support == .fallback)
    let four = WeightFormat(code: .integer(bits: 4), granularity: .group(size: 128))
    #expect(support(demand(.bitsandbytes, four), "vLLM (CUDA)")?.support == .refused)
  }

  @Test func float8RunsOnGPUs() {
    func demand(
      _ grain: WeightFormat.Granularity, _ type: DType = .f8e4m3
    ) -> RuntimeDemand {
      RuntimeDemand(
        weights: WeightFormat(code: .scaledFloat(type: type), granularity: grain),
        activations: .fp8(type: type, scaling: .token))
    }
    for grain in [WeightFormat.Granularity.tensor, .channel] {
      #expect(natives(demand(grain)) == ["vLLM (CUDA)", "TensorRT-LLM", "torchao"])
    }
    #expect(natives(demand(.channel, .f8e5m2)) == [])
    #expect(natives(demand(.block(rows: 128, columns: 128))) == [])
    let mixed = RuntimeDemand(
      weights: WeightFormat(code: .integer(bits: 4), granularity: .group(size: 128)),
      activations: .fp8(type: .f8e4m3, scaling: .token))
    #expect(natives(mixed) == [])
  }

  @Test func theBaselineRunsEverywhere() {
    let runtimes = RuntimeRules.coverage(RuntimeDemand())
    #expect(!runtimes.isEmpty && runtimes.allSatisfy { $0.support == .native })
  }

  @Test func theWorseOfKeysAndValuesCounts() {
    let int8 = KVFormat.integer(bits: 8, group: 32)
    let mixed = RuntimeDemand(cache: KVFormatPair(keys: .float(type: .f16), values: int8))
    #expect(support(mixed, "llama.cpp (CPU)")?.support == .native)
    #expect(support(mixed, "ONNX Runtime (CPU)")?.support == .refused)
  }

  private static let caches: [(CacheDemand, [String])] = [
    (CacheDemand(kind: .float8, bits: 8), ["vLLM (CUDA)", "TensorRT-LLM"]),
    (
      CacheDemand(KVFormat.integer(bits: 8, group: 32)),
      ["llama.cpp (CPU)", "llama.cpp (GPU)", "OpenVINO (CPU)"]
    ),
    (CacheDemand(KVFormat.integer(bits: 4, group: 32)), ["llama.cpp (CPU)", "llama.cpp (GPU)"]),
    (CacheDemand(KVFormat.integer(bits: 4, group: 64)), []),
    (CacheDemand(kind: .codebook, bits: 3.5), ["vLLM (CUDA)"]),
    (CacheDemand(kind: .codebook, bits: 2.5), []),
    (CacheDemand(kind: .perChannel, bits: 3), []),
    (CacheDemand(kind: .other, bits: 4), []),
  ]

  @Test func cachesOfEveryKind() {
    for (cache, runtimes) in Self.caches {
      #expect(natives(RuntimeDemand(keys: cache)) == runtimes, "\(cache)")
    }
    // A format of 10 bits a value, scales included, is still one of 8-bit codes.
    #expect(CacheDemand(KVFormat.integer(bits: 8, group: 8)).codeBits == 8)
  }

  @Test func differentKeysAndValuesNeedABuildOfTheirOwn() {
    let int8 = CacheDemand(KVFormat.integer(bits: 8, group: 32))
    let int4 = CacheDemand(KVFormat.integer(bits: 4, group: 32))
    let mixed = RuntimeDemand(keys: int8, values: int4)
    #expect(support(mixed, "llama.cpp (CPU)")?.support == .native)
    #expect(support(mixed, "llama.cpp (GPU)")?.constraint.contains("FA_ALL_QUANTS") == true)
  }

  /// The table says when it was read.
  @Test func everyRowIsDated() {
    let coverage = RuntimeRules.coverage(weights(4, group: 128))
    #expect(coverage.count == 9)
    for item in coverage {
      let parts = (item.asOf ?? "").split(separator: "-").compactMap { Int($0) }
      #expect(parts.count == 3 && (2026...2100).contains(parts.first ?? 0), "\(item.runtime)")
    }
  }

  @Test func blocksOfGGUFRunWhereTheyComeFrom() {
    for item in RuntimeRules.coverage(RuntimeDemand(weights: .blocks(.q4K))) {
      let expected: RuntimeCoverage.Support =
        switch item.runtime {
        case "llama.cpp (CPU)", "llama.cpp (GPU)": .native
        case "vLLM (CUDA)": .fallback
        default: .refused
        }
      #expect(item.support == expected, "\(item.runtime)")
    }
    for item in RuntimeRules.coverage(
      RuntimeDemand(weights: .blocks(.q8_0), activations: .int8Blocks))
    {
      #expect((item.support == .native) == item.runtime.hasPrefix("llama.cpp"), "\(item.runtime)")
    }
  }
}
