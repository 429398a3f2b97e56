import CKernels
import Testing

struct ProbeTests {
  private static let readers: [(String, nk_probe_read_fn)] = {
    var found: [(String, nk_probe_read_fn)] = [("generic", nk_probe_read_generic)]
    #if arch(x86_64)
      if nk_provider_supported(NK_PROVIDER_AVX2) != 0 { found.append(("avx2", nk_probe_read_avx2)) }
      if nk_provider_supported(NK_PROVIDER_AVX512) != 0 {
        found.append(("avx512", nk_probe_read_avx512))
      }
    #endif
    return found
  }()

  private static let computers: [(String, nk_probe_compute_fn)] = {
    var found: [(String, nk_probe_compute_fn)] = [
      ("f32 generic", nk_probe_f32_generic), ("bf16 generic", nk_probe_bf16_generic),
      ("int8 generic", nk_probe_int8_generic),
    ]
    #if arch(x86_64)
      if nk_provider_supported(NK_PROVIDER_AVX2) != 0 {
        found += [
          ("f32 avx2", nk_probe_f32_avx2), ("bf16 avx2", nk_probe_bf16_avx2),
          ("int8 avx2", nk_probe_int8_avx2),
        ]
      }
      if nk_provider_supported(NK_PROVIDER_AVX512) != 0 {
        found += [
          ("f32 avx512", nk_probe_f32_avx512), ("bf16 avx512", nk_probe_bf16_avx512),
          ("int8 avx512", nk_probe_int8_avx512),
        ]
      }
    #endif
    return found
  }()

  @Test func theReadProbeReadsWholeBlocksAndSeesTheData() {
    for (name, read) in Self.readers {
      let memory = Scratch(5000, fill: 0)
      #expect(read(memory.base, 5000).operations == 9 * 512, "\(name)")
      #expect(read(memory.base, 5000).checksum == 0, "\(name)")
      #expect(read(memory.base, 100).operations == 0, "\(name)")
      memory.base.storeBytes(of: 3, toByteOffset: 8 * 512 + 192, as: UInt64.self)
      #expect(read(memory.base, 5000).checksum != 0, "\(name)")
    }
  }

  @Test func workGrowsWithIterations() {
    for (name, compute) in Self.computers {
      let one = compute(1)
      let many = compute(1000)
      #expect(one.operations > 0, "\(name)")
      #expect(many.operations == 1000 * one.operations, "\(name)")
      #expect(many.checksum != one.checksum, "\(name)")
      #expect(compute(0).operations == 0, "\(name)")
    }
  }
}
