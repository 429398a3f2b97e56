import CKernels
import Testing

@Suite struct CPUTests {
  @Test("The generic provider runs anywhere, unknown ones nowhere")
  func providers() {
    #expect(nk_provider_supported(NK_PROVIDER_GENERIC) == 1)
    #expect(nk_provider_supported(nk_provider(rawValue: 3)) == 0)
    #expect(nk_provider_supported(nk_provider(rawValue: -1)) == 0)
  }

  @Test("A supported provider has the features it is named for")
  func features() {
    let features = nk_cpu_features()
    func has(_ bits: nk_cpu_feature...) -> Bool {
      bits.allSatisfy { features & $0.rawValue != 0 }
    }
    let avx2 = has(NK_CPU_AVX2, NK_CPU_FMA, NK_CPU_F16C)
    #expect((nk_provider_supported(NK_PROVIDER_AVX2) == 1) == avx2)
    if nk_provider_supported(NK_PROVIDER_AVX512) == 1 {
      #expect(avx2)
      #expect(has(NK_CPU_AVX512F, NK_CPU_AVX512BW, NK_CPU_AVX512VL, NK_CPU_AVX512DQ))
      #expect(has(NK_CPU_AVX512VNNI, NK_CPU_AVX512BF16))
    }
  }
}
