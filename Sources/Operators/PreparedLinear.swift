internal import CKernels
package import Platform
package import Tensors

/// A linear layer made ready for one provider: its weight packed for the kernel that will run it.
///
/// Holds the only packed copy. `y[tokens, rows] = x[tokens, columns] W^T + bias`.
package final class PreparedLinear: Sendable {
  package let rows: Int
  package let columns: Int
  package let format: WeightFormat
  package let activation: ActivationFormat
  package let bias: [Float]?
  /// What the input is really turned into; not what was asked for when the operator falls back.
  package let executed: ActivationFormat
  /// Why the operator falls back, nil when it runs as it is.
  package let reason: String?
  /// What this CPU lacks for it, nil for nothing.
  package let remark: String?
  /// Bytes of the packed copy, that of full precision next to INT8 codes included.
  package let packedBytes: Int
  package let kernel: LinearKernel
  /// The operator as the trace names it.
  package let operatorName: String
  /// The layer as its checkpoint names it, for the trace: `q_proj`.
  package let label: String?
  /// The layout as kernels read it; points into `packed`, which lives as long.
  nonisolated(unsafe) let kernelWeight: nk_linear_weight
  /// What outlier columns are taken from; points into `fullPacked`, or is the same as `kernelWeight`.
  nonisolated(unsafe) let columnWeight: nk_linear_weight
  /// Bytes of the copy that `kernel` reads.
  let kernelBytes: Int
  /// Bytes of the copy that outlier columns are taken from.
  let columnBytes: Int
  /// Sums of the weights of each row, for inputs with a zero point; else nil.
  let rowSums: [Float]?
  private let packed: PackedMemory
  private let fullPacked: PackedMemory?

  /// What runs it.
  package var choice: KernelChoice { KernelChoice(kernel: kernel.name, reason: reason) }

  /// Bytes of the packed copy that are in memory, as the system tells.
  package var residentBytes: Int { packed.residentBytes + (fullPacked?.residentBytes ?? 0) }

  /// Chooses a kernel and packs `weight` for it.
  ///
  /// - Throws: `OperatorError.sizeOverflow`, or the platform's error when memory is refused.
  package init(
    _ weight: any LinearWeight, bias: [Float]? = nil, activation: ActivationFormat,
    label: String? = nil, disabledKernels: Set<String> = [], pool: WorkerPool
  ) throws {
    self.label = label
    rows = weight.rows
    columns = weight.columns
    format = weight.format
    self.activation = activation
    self.bias = bias
    let choice = LinearKernel.choose(
      format: weight.format, columns: weight.columns, activation: activation,
      disabled: disabledKernels, obstacle: weight.kernelObstacle)
    kernel = choice.kernel
    executed = choice.activation
    reason = choice.reason
    remark = choice.remark
    operatorName = "linear \(weight.format) x \(activation)"
    let codes = (weight as? SplitWeight)?.codes ?? weight
    let main = try Self.packed(codes, as: choice.weight, pool: pool)
    packed = main.memory
    kernelWeight = main.layout
    kernelBytes = main.memory.byteCount
    if let split = weight as? SplitWeight, choice.weight == NK_WEIGHT_INT8 {
      let kind = split.full.view.dtype == .bf16 ? NK_WEIGHT_BF16 : NK_WEIGHT_F32
      let full = try Self.packed(split.full, as: kind, pool: pool)
      fullPacked = full.memory
      columnWeight = full.layout
      columnBytes = full.memory.byteCount
      packedBytes = main.memory.byteCount + full.memory.byteCount
    } else {
      fullPacked = nil
      columnWeight = main.layout
      columnBytes = main.memory.byteCount
      packedBytes = main.memory.byteCount
    }
    if case .int8(_, isSymmetric: false) = choice.activation {
      rowSums = Self.rowSums(weight, pool: pool)
    } else {
      rowSums = nil
    }
  }

  /// A weight packed for kernels that read `kind`; the layout points into the memory.
  private static func packed(
    _ weight: any LinearWeight, as kind: nk_weight_kind, pool: WorkerPool
  ) throws -> (memory: PackedMemory, layout: nk_linear_weight) {
    var layout = layout(
      kind: kind, format: weight.format, rows: weight.rows, columns: weight.columns)
    let byteCount = nk_linear_packed_bytes(&layout)
    guard byteCount > 0 else {
      throw OperatorError.sizeOverflow(rows: weight.rows, columns: weight.columns)
    }
    let memory = try PackedMemory(byteCount: byteCount)
    pack(weight, layout: layout, into: memory.base, pool: pool)
    layout.packed = UnsafeRawPointer(memory.base)
    return (memory, layout)
  }

  /// The sums of the values of each row, `[rows]`.
  private static func rowSums(_ weight: any LinearWeight, pool: WorkerPool) -> [Float] {
    let slab = 64
    return [Float](unsafeUninitializedCapacity: weight.rows) { sums, count in
      if let sums = sums.baseAddress {
        nonisolated(unsafe) let sums = sums
        pool.run(chunks: (weight.rows + slab - 1) / slab) { chunk, _ in
          let rows = chunk * slab..<min((chunk + 1) * slab, weight.rows)
          var values = [Float](repeating: 0, count: rows.count * weight.columns)
          values.withUnsafeMutableBufferPointer { values in
            guard let values = values.baseAddress else { return }
            weight.dequantize(rows: rows, into: values)
            for (line, row) in rows.enumerated() {
              var sum = 0.0
              for column in 0..<weight.columns {
                sum += Double(values[line * weight.columns + column])
              }
              sums[row] = Float(sum)
            }
          }
        }
      }
      count = weight.rows
    }
  }

  private static func layout(
    kind: nk_weight_kind, format: WeightFormat, rows: Int, columns: Int
  ) -> nk_linear_weight {
    var layout = nk_linear_weight()
    layout.kind = kind
    layout.rows = rows
    layout.cols = columns
    if nk_is_block_kind(kind) != 0 {
      layout.zero_points = nk_block_zero_points(kind)
    } else if kind != NK_WEIGHT_F32, kind != NK_WEIGHT_BF16 {
      layout.zero_points =
        switch format.zeroPoint {
        case .fixed: NK_ZERO_POINTS_FIXED
        case .integer: NK_ZERO_POINTS_INTEGER
        case .real: NK_ZERO_POINTS_REAL
        }
      let size = format.groupSize(columns: columns)
      layout.group = size < columns ? size : 0
    }
    return layout
  }

  private static func pack(
    _ weight: any LinearWeight, layout: nk_linear_weight, into packed: UnsafeMutableRawPointer,
    pool: WorkerPool
  ) {
    let panels = nk_linear_panels(weight.rows)
    let panelRows = Int(NK_PANEL_ROWS)
    // A slab of panels at a time, so that the unpacked form stays in cache.
    let slab = 4
    pool.run(chunks: (panels + slab - 1) / slab) { chunk, _ in
      let first = chunk * slab
      let last = min(first + slab, panels)
      let rows = first * panelRows..<min(last * panelRows, weight.rows)
      var layout = layout
      if let blocks = weight as? BlockWeight, nk_is_block_kind(layout.kind) != 0 {
        packBlocks(blocks, rows: rows, layout: &layout, panels: first..<last, into: packed)
      } else if let integer = weight as? IntegerWeight, layout.kind != NK_WEIGHT_F32,
        layout.kind != NK_WEIGHT_BF16
      {
        packCodes(integer, rows: rows, layout: &layout, panels: first..<last, into: packed)
      } else if let floats = weight as? ScaledFloatWeight,
        layout.kind == NK_WEIGHT_E4M3 || layout.kind == NK_WEIGHT_E5M2
      {
        packScaled(floats, rows: rows, layout: &layout, panels: first..<last, into: packed)
      } else {
        packFloats(weight, rows: rows, layout: &layout, panels: first..<last, into: packed)
      }
    }
  }

  private static func packCodes(
    _ weight: IntegerWeight, rows: Range<Int>, layout: inout nk_linear_weight, panels: Range<Int>,
    into packed: UnsafeMutableRawPointer
  ) {
    let groups = weight.groups
    let codes = [UInt8](unsafeUninitializedCapacity: rows.count * weight.columns) { buffer, count in
      if let base = buffer.baseAddress { weight.unpack(rows: rows, into: base) }
      count = rows.count * weight.columns
    }
    let scales =
      weight.format.granularity == .tensor
      ? [Float](repeating: weight.scales[0], count: rows.count)
      : Array(weight.scales[rows.lowerBound * groups..<rows.upperBound * groups])
    var zeros: [Float] = []
    if !weight.format.isSymmetric {
      for row in rows {
        for group in 0..<groups { zeros.append(weight.zero(row: row, group: group)) }
      }
    }
    codes.withUnsafeBufferPointer { codes in
      scales.withUnsafeBufferPointer { scales in
        zeros.withUnsafeBufferPointer { zeros in
          var source = nk_linear_source(
            values: codes.baseAddress, stride: weight.columns, scales: scales.baseAddress,
            zeros: weight.format.isSymmetric ? nil : zeros.baseAddress,
            first_row: rows.lowerBound)
          nk_linear_pack(&layout, &source, panels.lowerBound, panels.upperBound, packed)
        }
      }
    }
  }

  private static func packBlocks(
    _ weight: BlockWeight, rows: Range<Int>, layout: inout nk_linear_weight, panels: Range<Int>,
    into packed: UnsafeMutableRawPointer
  ) {
    withUnsafeTemporaryAllocation(byteCount: rows.count * weight.rowBytes, alignment: 16) {
      guard let blocks = $0.baseAddress else { return }
      weight.copyBlocks(rows: rows, into: blocks)
      nk_blocks_pack(
        &layout, blocks, rows.lowerBound, panels.lowerBound, panels.upperBound, packed)
    }
  }

  private static func packScaled(
    _ weight: ScaledFloatWeight, rows: Range<Int>, layout: inout nk_linear_weight,
    panels: Range<Int>, into packed: UnsafeMutableRawPointer
  ) {
    let groups = weight.groups
    let scales = rows.flatMap { row in
      (0..<groups).map { weight.scale(row: row, group: $0) }
    }
    weight.codes.withUnsafeBytes { codes in
      scales.withUnsafeBufferPointer { scales in
        var source = nk_linear_source(
          values: codes.baseAddress.map { $0 + rows.lowerBound * weight.columns },
          stride: weight.columns, scales: scales.baseAddress, zeros: nil,
          first_row: rows.lowerBound)
        nk_linear_pack(&layout, &source, panels.lowerBound, panels.upperBound, packed)
      }
    }
  }

  private static func packFloats(
    _ weight: any LinearWeight, rows: Range<Int>, layout: inout nk_linear_weight,
    panels: Range<Int>, into packed: UnsafeMutableRawPointer
  ) {
    let count = rows.count * weight.columns
    let floats = [Float](unsafeUninitializedCapacity: count) { buffer, initialized in
      if let base = buffer.baseAddress { weight.dequantize(rows: rows, into: base) }
      initialized = count
    }
    floats.withUnsafeBufferPointer { floats in
      if layout.kind == NK_WEIGHT_F32 {
        var source = nk_linear_source(
          values: floats.baseAddress, stride: weight.columns, scales: nil, zeros: nil,
          first_row: rows.lowerBound)
        nk_linear_pack(&layout, &source, panels.lowerBound, panels.upperBound, packed)
      } else {
        let halves = [UInt16](unsafeUninitializedCapacity: count) { buffer, initialized in
          if let base = buffer.baseAddress, let source = floats.baseAddress {
            nk_f32_to_bf16_generic(source, base, count)
          }
          initialized = count
        }
        halves.withUnsafeBufferPointer { halves in
          var source = nk_linear_source(
            values: halves.baseAddress, stride: weight.columns, scales: nil, zeros: nil,
            first_row: rows.lowerBound)
          nk_linear_pack(&layout, &source, panels.lowerBound, panels.upperBound, packed)
        }
      }
    }
  }
}
