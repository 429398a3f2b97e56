internal import CKernels

/// What a probe does of its own, in the instructions of one provider: reading, and multiplying in registers.
struct ProbeWork {
  let provider: ExecutionProvider

  /// Reads `bytes` once, on the calling thread.
  func read(_ start: UnsafeRawPointer, bytes: Int) { _ = read(start, bytes) }

  /// Multiplies in the unit of a limit, on the calling thread; nothing for the bandwidth.
  func compute(_ limit: MachineLimit, iterations: UInt64) -> Double {
    rate(limit).map { $0(iterations).checksum } ?? 0
  }

  /// Operations of one iteration.
  func operations(_ limit: MachineLimit) -> Double {
    rate(limit).map { Double($0(1).operations) } ?? 0
  }

  private func rate(_ limit: MachineLimit) -> nk_probe_compute_fn? {
    switch limit {
    case .readBandwidth: nil
    case .fp32: fp32
    case .bf16: bf16
    case .int16: int16
    case .int8: int8
    }
  }

  #if arch(x86_64)
    private var read: nk_probe_read_fn {
      switch provider {
      case .generic: nk_probe_read_generic
      case .avx2: nk_probe_read_avx2
      case .avx512: nk_probe_read_avx512
      }
    }
    private var fp32: nk_probe_compute_fn {
      switch provider {
      case .generic: nk_probe_f32_generic
      case .avx2: nk_probe_f32_avx2
      case .avx512: nk_probe_f32_avx512
      }
    }
    private var bf16: nk_probe_compute_fn {
      switch provider {
      case .generic: nk_probe_bf16_generic
      case .avx2: nk_probe_bf16_avx2
      case .avx512: nk_probe_bf16_avx512
      }
    }
    private var int16: nk_probe_compute_fn {
      switch provider {
      case .generic: nk_probe_int16_generic
      case .avx2: nk_probe_int16_avx2
      case .avx512: nk_probe_int16_avx512
      }
    }
    private var int8: nk_probe_compute_fn {
      switch provider {
      case .generic: nk_probe_int8_generic
      case .avx2: nk_probe_int8_avx2
      case .avx512: nk_probe_int8_avx512
      }
    }
  #else
    private var read: nk_probe_read_fn { nk_probe_read_generic }
    private var fp32: nk_probe_compute_fn { nk_probe_f32_generic }
    private var bf16: nk_probe_compute_fn { nk_probe_bf16_generic }
    private var int16: nk_probe_compute_fn { nk_probe_int16_generic }
    private var int8: nk_probe_compute_fn { nk_probe_int8_generic }
  #endif
}
