import Platform
import Tensors

/// The forms a layer lies in.
extension CompressedTensorsLayer {
  /// `int-quantized`: a signed code a byte.
  func signed() throws -> any LinearWeight {
    let shape = try Shape(checking: [rows, columns])
    let view = try checkpoint.view(name, shape: shape)
    let bits = min(8, said.bits ?? 8)
    try check(
      formats: ["int-quantized", "naive-quantized", "int-quantized-outliers"], bits: bits,
      isFloat: false)
    let scales = try scales()
    let zeros = try zeros(scales.shape, bits: bits)
    let spread = try spread(granularity(scales.shape), scales.values, zeros)
    let format = WeightFormat(
      code: .integer(bits: bits), granularity: spread.granularity, isSymmetric: zeros == nil)
    let codes: IntegerWeight
    if bits == 8, columns % 4 == 0 {
      // Signed bytes stay where they lie, unless rows do not end at a word.
      codes = try IntegerWeight(
        format: format, rows: rows, columns: columns, codes: SharedBytes(view),
        scales: spread.scales, zeros: spread.zeros, isSigned: true)
    } else {
      codes = try IntegerWeight(
        format: format, rows: rows, columns: columns, unpacked: unsigned(view, bits: bits),
        scales: spread.scales, zeros: spread.zeros)
    }
    try StoredScales(file: reader.file, tensor: name + "_scale").refuseLost(codes)
    guard case .outliers(let split)? = group?.inputs, split.form == .paper else { return codes }
    guard let full = checkpoint[name + "_full"] else {
      throw reader.mismatch(name + "_full", "the weights that outliers meet", "none")
    }
    guard [.f32, .f16, .bf16].contains(full.dtype) else {
      throw reader.mismatch(name + "_full", "F32, F16 or BF16", "\(full.dtype)")
    }
    let dense = try DenseWeight(checkpoint.view(name + "_full", shape: shape))
    return try SplitWeight(codes: codes, full: dense)
  }

  /// Signed bytes as codes of fewer bits.
  private func unsigned(_ view: TensorView, bits: Int) throws -> [UInt8] {
    let middle = 1 << (bits - 1)
    return try view.elements(as: Int8.self).enumerated().map { place, code in
      guard (-middle..<middle).contains(Int(code)) else {
        throw reader.mismatch(
          name, "codes from \(-middle) to \(middle - 1)", "\(code) at row \(place / columns)")
      }
      return UInt8(Int(code) + middle)
    }
  }

  /// Scales of blocks given to each of their rows, since integers have no blocks of rows.
  private func spread(
    _ granularity: WeightFormat.Granularity, _ scales: [Float], _ zeros: [UInt8]?
  ) throws -> (granularity: WeightFormat.Granularity, scales: [Float], zeros: [UInt8]) {
    guard case .block(let height, let width) = granularity else {
      return (granularity, scales, zeros ?? [])
    }
    let across = (columns + width - 1) / width
    func each<Value>(_ values: [Value]) -> [Value] {
      (0..<rows).flatMap { row in
        values[row / height * across..<(row / height + 1) * across]
      }
    }
    return (
      across == 1 ? .channel : .group(size: width), each(scales), zeros.map(each) ?? []
    )
  }

  /// `float-quantized` and `mxfp8-quantized`: an 8-bit float a byte.
  func scaledFloat() throws -> ScaledFloatWeight {
    try check(
      formats: ["float-quantized", "naive-quantized", "mxfp8-quantized"], bits: 8, isFloat: true)
    if let zeros = checkpoint[name + "_zero_point"],
      try zeros.view().bytes.contains(where: { $0 & 0x7f != 0 })
    {
      throw reader.mismatch(name + "_zero_point", "none for floats", "zero points that are not 0")
    }
    let scales = try scales()
    return try StoredFloat8(
      checkpoint: checkpoint, name: name, scaleName: name + "_scale"
    ).weight(
      rows: rows, columns: columns, scales: scales.values, granularity(scales.shape))
  }

  /// `pack-quantized`: a dense stream of codes along each row.
  func packed() throws -> any LinearWeight {
    let shape = try checkpoint.view(name + "_shape", shape: Shape(checking: [2]))
      .elements(as: Int64.self)
    guard shape == [Int64(rows), Int64(columns)] else {
      throw reader.mismatch(name + "_shape", "[\(rows), \(columns)]", "\(shape)")
    }
    let codes = try checkpoint.view(name + "_packed")
    guard codes.dtype == .i32, codes.shape.dimensions.count == 2,
      codes.shape.dimensions[0] == rows
    else { throw reader.mismatch(name + "_packed", "I32 of \(rows) rows", "\(codes.shape)") }
    let bits = try packedBits(words: codes.shape.dimensions[1])
    try check(
      formats: ["pack-quantized", "pack-quantized-real-zeros"], bits: bits, isFloat: false)
    let stored = try scales()
    let hasRealZeros = checkpoint[name + "_real_zero_point"] != nil
    if hasRealZeros, checkpoint[name + "_zero_point"] != nil {
      throw reader.mismatch(name + "_zero_point", "whole or real zero points", "both")
    }
    let zeros = hasRealZeros ? nil : try zeros(stored.shape, bits: bits)
    let spread = try spread(granularity(stored.shape), stored.values, zeros)
    let weight = try IntegerWeight(
      format: WeightFormat(
        code: .integer(bits: bits), granularity: spread.granularity,
        zeroPoint: hasRealZeros ? .real : zeros != nil ? .integer : .fixed),
      rows: rows, columns: columns, codes: SharedBytes(codes), scales: spread.scales,
      zeros: spread.zeros, realZeros: hasRealZeros ? realZeros(shape: stored.shape) : [])
    if let index = try columnGroups(of: weight) {
      return IndexedCodes(codes: weight, groupOfColumn: index).weight()
    }
    try StoredScales(file: reader.file, tensor: name + "_scale").refuseLost(weight)
    return weight
  }

  /// Bits of a code, from the words of a row; where several widths need as many words the configuration decides.
  private func packedBits(words: Int) throws -> Int {
    let fitting = (1...8).filter { (columns * $0 + 31) / 32 == words }
    if let bits = said.bits, fitting.contains(bits), bits >= 2 { return bits }
    guard let bits = fitting.first(where: { $0 >= 2 }) else {
      throw reader.mismatch(
        name + "_packed", "a row of 2 to 8 bits for each of \(columns) columns", "\(words) words")
    }
    return bits
  }

  private func realZeros(shape: [Int]) throws -> [Float] {
    let zeros = try checkpoint.view(
      name + "_real_zero_point", shape: Shape(checking: shape)
    ).floats()
    let limit = IntegerWeight.largestRealZero
    if let bad = zeros.first(where: { !($0.magnitude <= limit) }) {
      throw reader.mismatch(
        name + "_real_zero_point", "zero points of at most \(limit)", "\(bad)")
    }
    return zeros
  }

  /// The group of each column, as act-order stores it; nil where groups lie one after the other.
  private func columnGroups(of weight: IntegerWeight) throws -> [Int]? {
    guard checkpoint[name + "_g_idx"] != nil else { return nil }
    let view = try checkpoint.view(name + "_g_idx", shape: Shape(checking: [columns]))
    guard view.dtype == .i32 else {
      throw reader.mismatch(name + "_g_idx", "I32", "\(view.dtype)")
    }
    let index = try view.elements(as: Int32.self).map { Int($0) }
    // -1 throughout stands for no index.
    if index.allSatisfy({ $0 == -1 }) { return nil }
    if let bad = index.first(where: { !(0..<weight.groups).contains($0) }) {
      throw reader.mismatch(name + "_g_idx", "groups from 0 to \(weight.groups - 1)", "\(bad)")
    }
    let size = weight.format.groupSize(columns: columns)
    return index.enumerated().allSatisfy { $1 == $0 / size } ? nil : index
  }

  /// `nvfp4-pack-quantized` and `mxfp4-pack-quantized`: two 4-bit floats a byte, the first in the low half.
  func float4() throws -> any LinearWeight {
    let global = try globalScale()
    let form: StoredForm = global == nil ? .mxfp4 : .nvfp4
    try check(
      formats: [global == nil ? "mxfp4-pack-quantized" : "nvfp4-pack-quantized"], bits: 4,
      isFloat: true)
    guard columns % 2 == 0 else {
      throw reader.mismatch(name + "_packed", "an even number of columns", "\(columns)")
    }
    let codes = try checkpoint.view(
      name + "_packed", shape: Shape(checking: [rows, columns / 2]))
    let stored = try scales()
    let found = WeightFormat(code: .decoded(form: form), granularity: try granularity(stored.shape))
    let size =
      found.granularity == .channel ? said.group ?? columns : found.groupSize(columns: columns)
    guard found.granularity != .tensor, said.block == nil, size % 2 == 0 else {
      throw reader.mismatch(
        name + "_scale", "groups of an even size", "a scale each \(found.granularity)")
    }
    if checkpoint[name + "_zero_point"] != nil {
      throw reader.mismatch(name + "_zero_point", "none for 4-bit floats", "a tensor")
    }
    let factors = global.map { global in stored.values.map { $0 / global } } ?? stored.values
    let groups = stored.values.count / max(1, rows)
    let lines = SharedBytes(codes)
    try refuseLost(lines, factors, groups: groups, size: size)
    let exponents = try checkpoint.view(name + "_scale")
    if form == .mxfp4, size == 32, columns % 32 == 0, [.u8, .f8e8m0].contains(exponents.dtype) {
      return try blocks(lines, exponents: exponents)
    }
    let width = columns
    return DecodedWeight(
      form: form, granularity: .group(size: size), rows: rows, columns: columns,
      byteCount: codes.bytes.count + stored.values.count + (global == nil ? 0 : 4)
    ) { row, output in
      lines.withUnsafeBytes { bytes in
        guard let base = bytes.baseAddress else { return }
        FloatFormats.decode(
          .f4, at: base + row * width / 2, elements: 0..<width, into: output)
      }
      for column in 0..<width { output[column] *= factors[row * groups + column / size] }
    }
  }

  /// The codes and exponents in the blocks of GGUF's MXFP4, which hold the same numbers and have kernels: an exponent, then a
  /// byte for an element of the first half of the block and one of the second.
  private func blocks(_ codes: SharedBytes, exponents: TensorView) throws -> BlockWeight {
    let exponents = exponents.bytes
    let size = 17
    let bytes = SharedBytes(byteCount: exponents.count * size) { target in
      codes.withUnsafeBytes { codes in
        for (block, exponent) in exponents.enumerated() {
          func code(_ place: Int) -> UInt8 {
            codes[block * 16 + place / 2] >> (place % 2 == 0 ? 0 : 4) & 15
          }
          target[block * size] = exponent
          for place in 0..<16 {
            target[block * size + 1 + place] = code(place) | code(place + 16) << 4
          }
        }
      }
    }
    return try BlockWeight(type: .mxfp4, bytes: bytes, rows: rows, columns: columns)
  }

  private func refuseLost(_ codes: SharedBytes, _ scales: [Float], groups: Int, size: Int) throws {
    let tensor = StoredScales(file: reader.file, tensor: name + "_scale")
    try tensor.check(scales)
    for (place, scale) in scales.enumerated() where scale == 0 {
      let first = place / groups * columns / 2 + place % groups * size / 2
      let says = codes.withUnsafeBytes { bytes in
        bytes[first..<min(first + size / 2, (place / groups + 1) * columns / 2)].contains {
          $0 & 0x77 != 0
        }
      }
      if says { throw tensor.lost(place / groups, place % groups) }
    }
  }

  /// What the scales of groups are divided by, nil for none.
  private func globalScale() throws -> Float? {
    guard checkpoint[name + "_global_scale"] != nil else { return nil }
    let values = try checkpoint.view(name + "_global_scale").floats()
    guard values.count == 1, values[0] > 0, values[0].isFinite else {
      throw reader.mismatch(
        name + "_global_scale", "one positive scale", "\(values.prefix(4))")
    }
    return values[0]
  }
}
