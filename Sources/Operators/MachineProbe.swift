internal import CKernels
package import Platform

/// Measures what this machine can do at most, in short slices, keeping the best.
///
/// Neighbours on a shared machine only ever slow a slice down, so the best of many is the limit.
package struct MachineProbe {
  private let pool: WorkerPool
  private let provider: ExecutionProvider

  package init(pool: WorkerPool, provider: ExecutionProvider = .best) {
    self.pool = pool
    self.provider = provider
  }

  /// Runs all probes; takes about `seconds`.
  ///
  /// - Throws: the platform's error when the probe buffer (256 MB) is refused.
  package func measure(seconds: Double = 1.2) throws -> MachinePeaks {
    let share = seconds / 4
    return MachinePeaks(
      name: "\(Machine.processorName() ?? "this processor"), \(pool.threads) threads",
      memoryBytes: Double(Machine.memoryTotal() ?? 0),
      readBandwidth: try readBandwidth(seconds: share),
      fp32Rate: rate(seconds: share, probe: fp32),
      bf16Rate: rate(seconds: share, probe: bf16),
      int8Rate: rate(seconds: share, probe: int8),
      threads: pool.threads, isMeasured: true)
  }

  /// Bytes per second of reading memory that no cache holds.
  package func readBandwidth(seconds: Double) throws -> Double {
    let buffer = try HugeBuffer(byteCount: 256 << 20)
    guard let base = buffer.bytes.baseAddress else { return 0 }
    base.initializeMemory(as: UInt8.self, repeating: 1, count: buffer.bytes.count)
    let probe = read
    let chunk = 1 << 20
    let chunks = buffer.bytes.count / chunk
    // A slice that all threads share; together the slices walk through the whole buffer.
    let slice = 32
    var best = 0.0
    var first = 0
    let end = Machine.seconds() + seconds
    repeat {
      let start = Machine.seconds()
      pool.run(chunks: slice) { index, _ in
        _ = probe(base + (first + index) % chunks * chunk, chunk)
      }
      best = max(best, Double(slice * chunk) / (Machine.seconds() - start))
      first = (first + slice) % chunks
    } while Machine.seconds() < end
    return best
  }

  private func rate(seconds: Double, probe: nk_probe_compute_fn) -> Double {
    var best = 0.0
    let end = Machine.seconds() + seconds
    repeat { best = max(best, slice(probe, iterations: 20_000)) } while Machine.seconds() < end
    return best
  }

  /// Operations per second of all threads in one slice.
  private func slice(_ probe: nk_probe_compute_fn, iterations: UInt64) -> Double {
    let start = Machine.seconds()
    // Some chunks for each thread, so that one that wakes late costs little.
    let chunks = 8 * pool.threads
    pool.run(chunks: chunks) { _, _ in _ = probe(iterations / 8) }
    let elapsed = Machine.seconds() - start
    return Double(probe(1).operations * (iterations / 8)) * Double(chunks) / elapsed
  }

  /// Operations per second of all threads in one slice; 0 for the bandwidth.
  func slice(_ limit: MachineLimit, iterations: UInt64) -> Double {
    switch limit {
    case .readBandwidth: 0
    case .fp32: slice(fp32, iterations: iterations)
    case .bf16: slice(bf16, iterations: iterations)
    case .int8: slice(int8, iterations: iterations)
    }
  }

  /// Reads `bytes` once, on the calling thread.
  func read(_ start: UnsafeRawPointer, bytes: Int) { _ = read(start, bytes) }

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
    private var int8: nk_probe_compute_fn { nk_probe_int8_generic }
  #endif
}
