internal import Platform
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
/// Adding to it builds no text and looks at none: a call is told by an object and a part of what is done with it, and the
/// names are asked for when it comes for the first time. One region of the model at a time writes to it, so the lock is
/// never contended.
package final class KernelTrace: Sendable {
  /// What was called, where.
  struct Call: Equatable {
    /// -1 outside the blocks.
    let block: Int32
    let part: TracePart
    /// The address of `owner`, which the trace keeps alive so that no other object takes it; 0 for none.
    let identity: UInt

    /// - Parameter owner: what else calls of this part are told by: a layer, the coder of a cache.
    init(block: Int, part: TracePart, owner: AnyObject? = nil) {
      self.block = Int32(truncatingIfNeeded: block)
      self.part = part
      identity = owner.map { UInt(bitPattern: Unmanaged.passUnretained($0).toOpaque()) } ?? 0
    }
  }

  /// What a call is called.
  package struct Name: Sendable {
    package var `operator`: String
    package var kernel: String
    package var reason: String?
    /// The projection, as the checkpoint names it: `q_proj`; nil for what is no linear layer.
    package var layer: String?

    package init(operator: String, kernel: String, reason: String? = nil, layer: String? = nil) {
      self.operator = `operator`
      self.kernel = kernel
      self.reason = reason
      self.layer = layer
    }
  }

  private struct Entry {
    let call: Call
    let name: Name
    let owner: AnyObject?
    var calls = 0
    var bytes = 0.0
    var operations = 0.0
    var seconds = 0.0
    var inputs: KernelRecord.Inputs?

    var record: KernelRecord {
      KernelRecord(
        operator: name.operator, kernel: name.kernel, native: name.reason == nil,
        reason: name.reason, calls: calls, bytes: bytes, operations: operations, seconds: seconds,
        inputs: inputs)
    }
  }

  /// The entries in the order in which their first calls came.
  private struct Table: @unchecked Sendable {
    // Unchecked: owners are only kept alive, never looked at.
    var entries: [Entry] = []
    /// The entry that the next call is looked for at first: operators come in the same order in every pass.
    var next = 0

    mutating func place(of call: Call, owner: AnyObject?, name: () -> Name) -> Int {
      if next < entries.count, entries[next].call == call { return next }
      return search(call) ?? append(call, owner, name())
    }

    /// Outward from where the last call was: what is repeated in a block, or left out, lies near.
    private func search(_ call: Call) -> Int? {
      guard !entries.isEmpty else { return nil }
      var below = min(next, entries.count - 1)
      var above = below + 1
      while below >= 0 || above < entries.count {
        if below >= 0, entries[below].call == call { return below }
        if above < entries.count, entries[above].call == call { return above }
        below -= 1
        above += 1
      }
      return nil
    }

    private mutating func append(_ call: Call, _ owner: AnyObject?, _ name: Name) -> Int {
      entries.append(Entry(call: call, name: name, owner: owner))
      return entries.count - 1
    }
  }

  private let table = Mutex(Table())

  package init() {}

  /// The clock that calls are timed with; nothing else in dispatch reads one.
  func now() -> Double { Machine.seconds() }

  /// Adds one call.
  func add(
    _ call: Call, owner: AnyObject? = nil, bytes: Double, operations: Double, seconds: Double,
    inputs: KernelRecord.Inputs? = nil, name: () -> Name
  ) {
    table.withLock { table in
      let place = table.place(of: call, owner: owner, name: name)
      table.entries[place].calls += 1
      table.entries[place].bytes += bytes
      table.entries[place].operations += operations
      table.entries[place].seconds += seconds
      if let inputs { table.entries[place].inputs = .sum(table.entries[place].inputs, inputs) }
      table.next = place + 1 < table.entries.count ? place + 1 : 0
    }
  }

  /// Forgets everything.
  package func reset() { table.withLock { $0 = Table() } }

  /// Records written so far, one a call.
  package var count: Int { table.withLock { $0.entries.reduce(0) { $0 + $1.calls } } }

  /// All records summed over blocks, most time first.
  package var kernels: [KernelRecord] {
    summed(by: { Summary(operator: $0.operator, kernel: $0.kernel, block: 0) }).map(\.1)
  }

  /// Seconds and bytes of each block, -1 for what lies outside.
  package var blocks: [Int: KernelRecord] {
    Dictionary(
      uniqueKeysWithValues: summed(by: { Summary(operator: "", kernel: "", block: $0.block) }).map {
        ($0.0.block, $0.1)
      })
  }

  /// One record of one operator in one block, linear layers apart.
  package struct Placed: Sendable {
    package var block: Int
    package var layer: String?
    package var record: KernelRecord
  }

  /// Records by block, in the order of the first pass; calls of the same name in a block are one record.
  package var placed: [Placed] {
    var found: [Placed] = []
    var places: [String: Int] = [:]
    for entry in table.withLock({ $0.entries }) {
      let name = entry.name
      let key = "\(entry.call.block) \(name.layer ?? "") \(name.operator) \(name.kernel)"
      if let place = places[key] {
        found[place].record.merge(entry.record)
      } else {
        places[key] = found.count
        found.append(
          Placed(block: Int(entry.call.block), layer: name.layer, record: entry.record))
      }
    }
    return found
  }

  /// What records are summed by.
  private struct Summary: Hashable {
    var `operator`: String
    var kernel: String
    var block: Int
  }

  private func summed(by key: (Summary) -> Summary) -> [(Summary, KernelRecord)] {
    var sums: [Summary: KernelRecord] = [:]
    for entry in table.withLock({ $0.entries }) {
      let target = key(
        Summary(
          operator: entry.name.operator, kernel: entry.name.kernel, block: Int(entry.call.block)))
      if sums[target] == nil {
        sums[target] = entry.record
      } else {
        sums[target]?.merge(entry.record)
      }
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
}
