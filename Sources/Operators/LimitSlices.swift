package import Platform

/// What bounds an operator on a machine.
package enum MachineLimit: String, Hashable, Sendable, Codable {
  case readBandwidth, fp32, bf16, int16, int8

  /// Every unit that multiplies, and reading before them.
  package static let all: [MachineLimit] = [.readBandwidth, .fp32, .bf16, .int16, .int8]

  /// As tables show it.
  package var label: String {
    switch self {
    case .readBandwidth: "reading"
    case .fp32: "FP32"
    case .bf16: "BF16"
    case .int16: "INT16"
    case .int8: "INT8"
    }
  }
}

/// Measures a limit of this machine in short slices, to be taken in turns with what is held against it.
///
/// On a shared machine limits move within seconds; only slices next to each other compare.
package final class LimitSlices {
  private let work: ProbeWork
  private let pool: WorkerPool
  private let buffer: HugeBuffer?
  private var first = 0

  /// - Throws: the platform's error when the buffer to read (256 MB, taken only for `limits` that need it) is refused.
  package init(
    _ limits: Set<MachineLimit>, pool: WorkerPool, provider: ExecutionProvider
  ) throws {
    self.pool = pool
    work = ProbeWork(provider: provider)
    guard limits.contains(.readBandwidth) else {
      buffer = nil
      return
    }
    let buffer = try HugeBuffer(byteCount: 256 << 20)
    buffer.bytes.initializeMemory(as: UInt8.self, repeating: 1)
    self.buffer = buffer
  }

  /// Bytes or operations per second in one slice, a millisecond or less.
  package func take(_ limit: MachineLimit) -> Double {
    if limit != .readBandwidth { return rate(limit, iterations: 100_000) }
    guard let buffer, let base = buffer.bytes.baseAddress else { return 0 }
    let chunk = 1 << 20
    let slice = 32
    let start = Machine.seconds()
    let at = first
    pool.run(chunks: slice) { index, _ in
      work.read(base + (at + index) * chunk, bytes: chunk)
    }
    first = (first + slice) % (buffer.bytes.count / chunk)
    return Double(slice * chunk) / (Machine.seconds() - start)
  }

  private func rate(_ limit: MachineLimit, iterations: UInt64) -> Double {
    let start = Machine.seconds()
    // Some chunks for each thread, so that one that wakes late costs little.
    let chunks = 8 * pool.threads
    pool.run(chunks: chunks) { _, _ in _ = work.compute(limit, iterations: iterations / 8) }
    let elapsed = Machine.seconds() - start
    return work.operations(limit) * Double(iterations / 8) * Double(chunks) / elapsed
  }
}
