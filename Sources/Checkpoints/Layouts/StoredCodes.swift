import Platform
import Tensors

/// Codes that lie across: words of 32 bits, packed along one dimension of a matrix, as GPTQ and AWQ store them.
struct StoredCodes {
  /// The words, `[lines, width]`.
  let words: [UInt32]
  /// Words of a line.
  let width: Int
  let bits: Int

  /// - Throws: `CheckpointError` for a tensor that is no I32 of this shape.
  init(
    _ checkpoint: Checkpoint, _ name: String, lines: Int, width: Int, bits: Int
  ) throws {
    let view = try checkpoint.view(name, shape: Shape(checking: [lines, width]))
    guard view.dtype == .i32 else {
      throw CheckpointError.malformed(
        file: checkpoint.path, item: "tensor \(name)", expected: "I32", found: "\(view.dtype)")
    }
    words = try view.elements(as: UInt32.self)
    self.width = width
    self.bits = bits
  }

  /// The code `place` of the stream that runs down column `column` of the words.
  func down(_ column: Int, at place: Int) -> UInt8 {
    let bit = place * bits
    let line = bit / 32
    var value = UInt64(words[line * width + column])
    if bit % 32 + bits > 32 { value |= UInt64(words[(line + 1) * width + column]) << 32 }
    return UInt8(truncatingIfNeeded: value >> UInt64(bit % 32) & mask)
  }

  /// The code `place` of the stream that runs along line `line` of the words.
  func along(_ line: Int, at place: Int) -> UInt8 {
    let bit = place * bits
    let word = line * width + bit / 32
    var value = UInt64(words[word])
    if bit % 32 + bits > 32 { value |= UInt64(words[word + 1]) << 32 }
    return UInt8(truncatingIfNeeded: value >> UInt64(bit % 32) & mask)
  }

  /// The streams that run down the columns of the words as rows of codes, one a byte, `[rows, columns]`.
  ///
  /// - Throws: `PlatformError.memoryRefused`.
  func rowsDown(_ rows: Int, columns: Int) throws -> [UInt8] {
    try filled(rows, columns) { row, column in down(row, at: column) }
  }

  /// The streams that run along the lines as columns of codes, one a byte, `[rows, columns]`.
  ///
  /// - Parameter place: where in a line a row lies.
  /// - Throws: `PlatformError.memoryRefused`.
  func rowsAlong(_ rows: Int, columns: Int, place: (Int) -> Int) throws -> [UInt8] {
    try filled(rows, columns) { row, column in along(column, at: place(row)) }
  }

  /// Some columns at a time, so that the words of a few lines are still there for the next row.
  private func filled(
    _ rows: Int, _ columns: Int, _ code: (_ row: Int, _ column: Int) -> UInt8
  ) throws -> [UInt8] {
    try HeapMemory.expect(rows, of: columns)
    let span = 32
    return [UInt8](unsafeUninitializedCapacity: rows * columns) { buffer, count in
      for first in stride(from: 0, to: columns, by: span) {
        let last = min(first + span, columns)
        for row in 0..<rows {
          for column in first..<last { buffer[row * columns + column] = code(row, column) }
        }
      }
      count = rows * columns
    }
  }

  private var mask: UInt64 { UInt64(1 << bits) - 1 }
}

extension Checkpoint {
  /// Refuses a checkpoint that holds nothing of what its configuration says.
  ///
  /// - Parameters:
  ///   - method: what `quant_method` says.
  ///   - parts: what the tensors of layers are called in that method.
  /// - Throws: `CheckpointError` naming the method.
  func requireLayers(
    of method: String, _ parts: String, config: String, where isOne: (StoredTensor) -> Bool
  ) throws(CheckpointError) {
    guard tensors.contains(where: isOne) else {
      throw .malformed(
        file: config, item: "quantization_config.quant_method",
        expected: "tensors of \(method), \(parts)", found: "none in \(path)")
    }
  }

  /// Whether a tensor is a bias of zeros next to codes, which some tools write for layers that have none.
  func isBiasOfZeros(_ name: String) -> Bool {
    guard name.hasSuffix(".bias"), self[String(name.dropLast(4)) + "qweight"] != nil,
      let bytes = try? view(name).bytes
    else { return false }
    return bytes.allSatisfy { $0 == 0 }
  }

  /// Scales that lie `[groups, rows]`, turned to `[rows, groups]`.
  ///
  /// - Throws: `CheckpointError` naming the tensor.
  func transposedScales(_ name: String, groups: Int, rows: Int) throws -> [Float] {
    let stored = try view(name, shape: Shape(checking: [groups, rows])).floats()
    try StoredScales(file: path, tensor: name).check(stored)
    return (0..<rows).flatMap { row in (0..<groups).map { stored[$0 * rows + row] } }
  }

  /// The dimensions of a tensor of two.
  ///
  /// - Throws: `CheckpointError` naming the tensor.
  func matrix(_ name: String) throws -> (lines: Int, width: Int) {
    let shape = try view(name).shape.dimensions
    guard shape.count == 2 else {
      throw CheckpointError.malformed(
        file: path, item: "tensor \(name)", expected: "2 dimensions", found: "\(shape)")
    }
    return (shape[0], shape[1])
  }
}
