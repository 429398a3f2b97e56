import Platform
import Tensors

/// One layer in 4 bits as bitsandbytes stores it.
///
/// `weight` U8, two codes a byte over the whole matrix, the first in the high half; `weight.quant_map` F32 `[16]`, the value of
/// each code; `weight.absmax`, one a block of codes, F32, or U8 that `weight.nested_quant_map` `[256]` and
/// `weight.nested_absmax` stand for; the rest in JSON, `weight.quant_state.bitsandbytes__nf4` (or fp4).
struct BitsAndBytesFourBits {
  /// `nf4` or `fp4`.
  let type: String
  private let rows: Int
  private let columns: Int
  private let codes: SharedBytes
  private let levels: [Float]
  private let maxima: [Float]
  /// Codes that share a maximum.
  private let block: Int
  private let byteCount: Int

  private static let state = ".weight.quant_state.bitsandbytes__"
  private static let parts = [
    ".weight.absmax", ".weight.quant_map", ".weight.nested_absmax", ".weight.nested_quant_map",
  ]

  /// Whether a tensor stands next to such a weight.
  static func isPart(_ name: String) -> Bool {
    parts.contains { name.hasSuffix($0) } || name.hasSuffix(state + "nf4")
      || name.hasSuffix(state + "fp4")
  }

  /// - Throws: `CheckpointError` naming tensor, expected and found.
  init(_ checkpoint: Checkpoint, _ name: String, rows: Int, columns: Int) throws {
    func mismatch(_ item: String, _ expected: String, _ found: String) -> CheckpointError {
      .malformed(
        file: checkpoint.path, item: "tensor \(item)", expected: expected, found: found)
    }
    let prefix = String(name.dropLast(".weight".count)) + Self.state
    guard let type = ["nf4", "fp4"].first(where: { checkpoint[prefix + $0] != nil }) else {
      throw mismatch(prefix + "nf4", "what its codes stand for", "none")
    }
    let text = try checkpoint.view(prefix + type).bytes
    guard text.count <= 1 << 16 else {
      throw mismatch(prefix + type, "a short text", "\(text.count) bytes")
    }
    let state = try ConfigFile(path: checkpoint.path, text: Array(text))
    let shape = try state.integers("shape", in: 0...Int(Int32.max))
    guard shape == [rows, columns] else {
      throw mismatch(prefix + type, "shape [\(rows), \(columns)]", "\(shape)")
    }
    block = try state.integer("blocksize", in: 2...65536)
    let view = try checkpoint.view(name)
    guard block % 2 == 0, rows * columns % 2 == 0, view.bytes.count == rows * columns / 2 else {
      throw mismatch(
        name, "\(rows * columns / 2) bytes of two codes each", "\(view.bytes.count) bytes")
    }
    levels = try checkpoint.view(name + ".quant_map", shape: Shape(checking: [16])).floats()
    let blocks = (rows * columns + block - 1) / block
    maxima = try Self.maxima(checkpoint, name, count: blocks, state)
    try StoredScales(file: checkpoint.path, tensor: name + ".quant_map")
      .check(levels.map(\.magnitude))
    try StoredScales(file: checkpoint.path, tensor: name + ".absmax").check(maxima)
    codes = SharedBytes(view)
    byteCount = view.bytes.count + (checkpoint[name + ".absmax"]?.range.count ?? 0)
    self.type = type
    self.rows = rows
    self.columns = columns
  }

  /// The largest magnitudes of blocks, decoded where they are codes themselves.
  private static func maxima(
    _ checkpoint: Checkpoint, _ name: String, count: Int, _ state: ConfigFile
  ) throws -> [Float] {
    let view = try checkpoint.view(name + ".absmax", shape: Shape(checking: [count]))
    guard view.dtype == .u8 else { return try view.floats() }
    let table = try checkpoint.view(
      name + ".nested_quant_map", shape: Shape(checking: [256])
    ).floats()
    let size = try state.integer("nested_blocksize", in: 1...65536)
    let offset = Float(try state.number("nested_offset", in: -1e30...1e30))
    let outer = try checkpoint.view(
      name + ".nested_absmax", shape: Shape(checking: [(count + size - 1) / size])
    ).floats()
    return view.bytes.enumerated().map { place, code in
      table[Int(code)] * outer[place / size] + offset
    }
  }

  func weight() throws -> DecodedWeight {
    let (columns, block, codes, levels, maxima) = (columns, block, codes, levels, maxima)
    return DecodedWeight(
      form: type == "nf4" ? .nf4 : .fp4, granularity: .group(size: block), rows: rows,
      columns: columns, byteCount: byteCount
    ) { row, output in
      codes.withUnsafeBytes { codes in
        for column in 0..<columns {
          let place = row * columns + column
          let pair = codes[place / 2]
          output[column] =
            levels[Int(place % 2 == 0 ? pair >> 4 : pair & 15)] * maxima[place / block]
        }
      }
    }
  }
}
