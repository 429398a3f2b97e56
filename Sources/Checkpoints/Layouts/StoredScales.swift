import Tensors

/// What the scales of stored layers must be, whatever the layout.
///
/// A scale of 0 makes zeros of its weights, whatever their codes say: where they say anything, something was lost on the way
/// into the file. Negative scales, infinities and not-a-numbers are nobody's.
struct StoredScales {
  /// The file, for errors.
  let file: String
  /// The tensor of scales, for errors.
  let tensor: String

  /// - Throws: `CheckpointError.malformed` naming the tensor.
  func check(_ values: [Float]) throws(CheckpointError) {
    if let place = values.firstIndex(where: { !$0.isFinite || $0 < 0 }) {
      throw malformed("scales of 0 and more", "\(values[place]) at \(place)")
    }
  }

  /// - Throws: `CheckpointError.malformed` naming the tensor, row and group of a scale of 0 whose codes are not those of 0.
  func refuseLost(_ weight: IntegerWeight) throws(CheckpointError) {
    guard weight.scales.contains(0) else { return }
    let size = weight.format.groupSize(columns: weight.columns)
    for row in 0..<weight.rows {
      guard (0..<weight.groups).contains(where: { weight.scale(row: row, group: $0) == 0 }) else {
        continue
      }
      let codes = [UInt8](unsafeUninitializedCapacity: weight.columns) { buffer, count in
        if let base = buffer.baseAddress { weight.unpack(rows: row..<row + 1, into: base) }
        count = weight.columns
      }
      for group in 0..<weight.groups where weight.scale(row: row, group: group) == 0 {
        let zero = weight.zero(row: row, group: group)
        let places = group * size..<min((group + 1) * size, weight.columns)
        guard codes[places].contains(where: { Float($0) != zero }) else { continue }
        throw lost(row, group)
      }
    }
  }

  /// - Throws: as for integers.
  func refuseLost(_ weight: ScaledFloatWeight) throws(CheckpointError) {
    guard weight.scales.contains(0) else { return }
    let size = weight.format.groupSize(columns: weight.columns)
    for row in 0..<weight.rows {
      for group in 0..<weight.groups where weight.scale(row: row, group: group) == 0 {
        let first = row * weight.columns
        let places = first + group * size..<first + min((group + 1) * size, weight.columns)
        let says = weight.codes.withUnsafeBytes { codes in
          codes[places].contains { $0 & 0x7f != 0 }
        }
        if says { throw lost(row, group) }
      }
    }
  }

  /// The error of a scale of 0 whose codes say something.
  func lost(_ row: Int, _ group: Int) -> CheckpointError {
    malformed(
      "a scale of more than 0 where codes are not those of 0", "0 at row \(row), group \(group)")
  }

  func malformed(_ expected: String, _ found: String) -> CheckpointError {
    .malformed(file: file, item: "tensor \(tensor)", expected: expected, found: found)
  }
}

/// A weight of 8-bit floats as layouts store it: codes in one tensor, scales in another.
struct StoredFloat8 {
  let checkpoint: Checkpoint
  /// The tensor of codes.
  let name: String
  /// The tensor of scales.
  let scaleName: String

  /// - Parameter scales: as `granularity` asks for them, in float32.
  /// - Throws: `CheckpointError.malformed` for a code that is no number, and scales that are none.
  func weight(
    rows: Int, columns: Int, scales: [Float], _ granularity: WeightFormat.Granularity
  ) throws -> ScaledFloatWeight {
    let view = try checkpoint.view(name, shape: Shape(checking: [rows, columns]))
    let stored = StoredScales(file: checkpoint.path, tensor: scaleName)
    try stored.check(scales)
    let largest = view.dtype == .f8e5m2 ? FloatFormats.largestE5M2 : FloatFormats.largestE4M3
    if let bad = scales.first(where: { !($0 * largest).isFinite }) {
      throw stored.malformed("scales whose weights are finite", "\(bad)")
    }
    // The codes of infinities and what is no number: all ones, for E5M2 in the exponent alone.
    let mask: UInt8 = view.dtype == .f8e5m2 ? 0x7c : 0x7f
    if let place = view.bytes.firstIndex(where: { $0 & mask == mask }) {
      throw CheckpointError.malformed(
        file: checkpoint.path, item: "tensor \(name)", expected: "finite numbers",
        found: "code \(view.bytes[place]) at row \(place / max(1, columns))")
    }
    let weight = try ScaledFloatWeight(
      format: WeightFormat(code: .scaledFloat(type: view.dtype), granularity: granularity),
      rows: rows, columns: columns, codes: SharedBytes(view), scales: scales)
    try stored.refuseLost(weight)
    return weight
  }
}
