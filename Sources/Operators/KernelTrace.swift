internal import Synchronization

/// What one kernel did for one operator, summed over its calls.
package struct KernelRecord: Hashable, Sendable, Codable {
  /// What the model asked for: `linear W4 g128 A16 (BF16)`, `attention FP16`.
  package var `operator`: String
  /// The code that did it: `gemv_w4_bf16_avx512`.
  package var kernel: String
  /// Whether the kernel executes the operator as it is, without first expanding it to FP.
  package var native: Bool
  /// Why it is not native.
  package var reason: String?
  package var calls: Int
  /// Bytes of weights or cache read.
  package var bytes: Double
  /// Multiply-adds times two.
  package var operations: Double
  package var seconds: Double
  /// What is known of the inputs, where something is.
  package var inputs: Inputs?

  /// The inputs of a linear layer, summed over its calls.
  package struct Inputs: Hashable, Sendable, Codable {
    /// Input channels that were multiplied; only where some are left to another kernel.
    package var columns: Double?
    /// Those of them that are outliers, multiplied in floating point.
    package var outlierColumns: Double?
    /// Values that were coded with a scale found by calibration.
    package var values: Double?
    /// How many of them it could not hold, so that they were clamped.
    package var clipped: Double?

    package init(
      columns: Double? = nil, outlierColumns: Double? = nil, values: Double? = nil,
      clipped: Double? = nil
    ) {
      self.columns = columns
      self.outlierColumns = outlierColumns
      self.values = values
      self.clipped = clipped
    }

    /// The share of values that were clamped; nil without a calibrated scale.
    package var clipShare: Double? {
      guard let values, let clipped, values > 0 else { return nil }
      return clipped / values
    }
  }

  package init(
    operator: String, kernel: String, native: Bool, reason: String? = nil, calls: Int = 0,
    bytes: Double = 0, operations: Double = 0, seconds: Double = 0, inputs: Inputs? = nil
  ) {
    self.operator = `operator`
    self.kernel = kernel
    self.native = native
    self.reason = reason
    self.calls = calls
    self.bytes = bytes
    self.operations = operations
    self.seconds = seconds
    self.inputs = inputs
  }
}

extension KernelRecord.Inputs {
  /// Sums of what either knows.
  fileprivate static func sum(_ left: Self?, _ right: Self?) -> Self? {
    guard let left else { return right }
    guard let right else { return left }
    func sum(_ a: Double?, _ b: Double?) -> Double? {
      guard let a else { return b }
      return a + (b ?? 0)
    }
    return .init(
      columns: sum(left.columns, right.columns),
      outlierColumns: sum(left.outlierColumns, right.outlierColumns),
      values: sum(left.values, right.values),
      clipped: sum(left.clipped, right.clipped))
  }
}

/// The record of which kernel ran for which operator; only dispatch writes it.
///
/// One region of the model at a time writes to it, so the lock is never contended.
package final class KernelTrace: Sendable {
  /// What a record is summed by.
  package struct Key: Hashable, Sendable {
    package var `operator`: String
    package var kernel: String
    /// -1 outside the blocks.
    package var block: Int
  }

  private let records = Mutex<[Key: KernelRecord]>([:])

  package init() {}

  /// Adds one call.
  package func add(
    block: Int, operator name: String, kernel: String, reason: String?, bytes: Double,
    operations: Double, seconds: Double, inputs: KernelRecord.Inputs? = nil
  ) {
    let key = Key(operator: name, kernel: kernel, block: block)
    records.withLock { table in
      table[
        key,
        default: KernelRecord(
          operator: name, kernel: kernel, native: reason == nil, reason: reason)
      ].add(bytes: bytes, operations: operations, seconds: seconds, inputs: inputs)
    }
  }

  /// Forgets everything.
  package func reset() { records.withLock { $0 = [:] } }

  /// All records summed over blocks, most time first.
  package var kernels: [KernelRecord] {
    summed { KernelTrace.Key(operator: $0.operator, kernel: $0.kernel, block: 0) }.map(\.1)
  }

  /// Seconds and bytes of each block, -1 for what lies outside.
  package var blocks: [Int: KernelRecord] {
    Dictionary(
      uniqueKeysWithValues: summed { KernelTrace.Key(operator: "", kernel: "", block: $0.block) }
        .map { ($0.0.block, $0.1) })
  }

  private func summed(_ key: (Key) -> Key) -> [(Key, KernelRecord)] {
    let table = records.withLock { $0 }
    var sums: [Key: KernelRecord] = [:]
    for (name, record) in table {
      let target = key(name)
      var sum =
        sums[target]
        ?? KernelRecord(
          operator: record.operator, kernel: record.kernel, native: record.native,
          reason: record.reason)
      sum.merge(record)
      sums[target] = sum
    }
    return sums.sorted {
      ($0.value.seconds, $0.key.operator, $0.key.kernel)
        > ($1.value.seconds, $1.key.operator, $1.key.kernel)
    }.map { ($0.key, $0.value) }
  }
}

extension KernelRecord {
  /// Adds the calls of another record of the same operator and kernel.
  package mutating func merge(_ other: KernelRecord) {
    calls += other.calls
    bytes += other.bytes
    operations += other.operations
    seconds += other.seconds
    inputs = .sum(inputs, other.inputs)
  }

  fileprivate mutating func add(
    bytes: Double, operations: Double, seconds: Double, inputs: Inputs?
  ) {
    calls += 1
    self.bytes += bytes
    self.operations += operations
    self.seconds += seconds
    self.inputs = .sum(self.inputs, inputs)
  }
}
