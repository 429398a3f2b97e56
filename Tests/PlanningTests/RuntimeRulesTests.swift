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
    for coverage in RuntimeRules.coverage(weights(3, group: 128)) {
      #expect(coverage.support != .native, "\(coverage.runtime)")
      #expect(!coverage.constraint.isEmpty)
    }
  }

  /// HQQ along the rows: no runtime listed multiplies with its zero points as Nibble writes them.
  @Test func realZeroPointsRunNowhereNatively() {
    func demand(_ bits: Int) -> RuntimeDemand {
      RuntimeDemand(
        weights: WeightFormat(
          code: .integer(bits: bits), granularity: .group(size: 64), zeroPoint: .real))
    }
    for coverage in RuntimeRules.coverage(demand(4)) {
      let isONNX = coverage.runtime == "ONNX Runtime (CPU)"
      #expect(coverage.support == (isONNX ? .fallback : .refused), "\(coverage.runtime)")
      #expect(!coverage.constraint.isEmpty && !coverage.nearest.isEmpty)
    }
    // What the width alone forbids still counts.
    #expect(support(demand(3), "ONNX Runtime (CPU)")?.support == .refused)
    #expect(support(weights(4, group: 64, symmetric: false), "vLLM (CUDA)")?.support == .native)
  }

  @Test func theBaselineRunsEverywhere() {
    #expect(RuntimeRules.coverage(RuntimeDemand()).allSatisfy { $0.support == .native })
  }

  @Test func theWorseOfKeysAndValuesCounts() {
    let int8 = KVFormat.integer(bits: 8, group: 32)
    let mixed = RuntimeDemand(cache: KVFormatPair(keys: .float(type: .f16), values: int8))
    #expect(support(mixed, "llama.cpp (CPU)")?.support == .native)
    #expect(support(mixed, "ONNX Runtime (CPU)")?.support == .refused)
  }
}
