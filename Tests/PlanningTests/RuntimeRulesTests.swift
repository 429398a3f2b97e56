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
