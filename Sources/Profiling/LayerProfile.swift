package import Operators

/// What each operator of each block did in prefill and decode, held against the machine's roofline.
///
/// Linear layers that share their input (q, k and v; gate and up) are timed together; each has the share of that time that
/// it has of the rows.
package struct LayerProfile: Hashable, Sendable, Codable {
  /// What an operator waits for (Williams et al., Roofline, CACM 52(4), 2009).
  package enum Bound: String, Hashable, Sendable, Codable {
    /// Reading weights, cache or activations.
    case memory
    /// Multiplying.
    case compute
    /// Neither: handing out work, waking threads, latency.
    case overhead
  }

  /// One operator in one block.
  package struct Row: Hashable, Sendable, Codable {
    /// -1 outside the blocks.
    package var block: Int
    /// The projection as the checkpoint names it, else the operator: `q_proj`, `rope`.
    package var name: String
    package var `operator`: String
    package var kernel: String
    package var calls: Int
    package var seconds: Double
    package var bytes: Double
    package var operations: Double
    /// Bytes a second over what this machine reads from memory at most; above 1 for what lies in its caches.
    package var bandwidthShare: Double
    /// Operations a second over the peak of the unit that does them.
    package var rateShare: Double
    package var bound: Bound

    package init(
      block: Int, name: String, operator: String, kernel: String, calls: Int, seconds: Double,
      bytes: Double, operations: Double, bandwidthShare: Double, rateShare: Double, bound: Bound
    ) {
      self.block = block
      self.name = name
      self.operator = `operator`
      self.kernel = kernel
      self.calls = calls
      self.seconds = seconds
      self.bytes = bytes
      self.operations = operations
      self.bandwidthShare = bandwidthShare
      self.rateShare = rateShare
      self.bound = bound
    }
  }

  /// By block, those before the first block at the head; within one in the order they ran.
  package var prefill: [Row]
  package var decode: [Row]

  package init(prefill: [Row], decode: [Row]) {
    self.prefill = prefill
    self.decode = decode
  }

  /// The share of either roof from which on an operator is bound by it.
  package static let boundShare = 0.5

  /// What bounds an operator that reaches these shares of its roofs.
  package static func bound(bandwidthShare: Double, rateShare: Double) -> Bound {
    guard max(bandwidthShare, rateShare) >= boundShare else { return .overhead }
    return bandwidthShare >= rateShare ? .memory : .compute
  }

  /// The same rows held against other peaks.
  package func held(against peaks: MachinePeaks) -> LayerProfile {
    func held(_ row: Row) -> Row {
      var row = row
      row.hold(against: peaks)
      return row
    }
    return LayerProfile(prefill: prefill.map(held), decode: decode.map(held))
  }

  /// The rows of one phase.
  package static func rows(_ trace: KernelTrace, peaks: MachinePeaks) -> [Row] {
    trace.placed.map { placed in
      let record = placed.record
      var row = Row(
        block: placed.block, name: placed.layer ?? record.operator, operator: record.operator,
        kernel: record.kernel, calls: record.calls, seconds: record.seconds, bytes: record.bytes,
        operations: record.operations, bandwidthShare: 0, rateShare: 0, bound: .overhead)
      row.hold(against: peaks)
      return row
    }
  }
}

extension LayerProfile.Row {
  /// Holds bytes and operations a second against what a machine does at most.
  fileprivate mutating func hold(against peaks: MachinePeaks) {
    let seconds = max(seconds, 1e-12)
    let peak = peaks[KernelRecord.unit(of: kernel)]
    bandwidthShare = peaks.readBandwidth > 0 ? bytes / seconds / peaks.readBandwidth : 0
    rateShare = peak > 0 ? operations / seconds / peak : 0
    bound = LayerProfile.bound(bandwidthShare: bandwidthShare, rateShare: rateShare)
  }
}
