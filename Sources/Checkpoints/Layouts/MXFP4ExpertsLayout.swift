import Platform
package import Tensors

/// Checkpoints whose experts are stored in MXFP4 as OpenAI publishes gpt-oss, `quant_method` `mxfp4`.
///
/// For the experts of a block `gate_up_proj_blocks` U8 `[experts, 2 * width, columns / 32, 16]`, two codes a byte, the lower
/// half first, gate and up in turn row by row, and `gate_up_proj_scales` U8 `[experts, 2 * width, columns / 32]`, exponents of
/// two; `down_proj_blocks` and `down_proj_scales` alike. All else is in floating point. Each expert's layer is given under a
/// name of its own, in the blocks that kernels know of GGUF files.
package struct MXFP4ExpertsLayout: QuantizedLayout {
  package static let methods = ["mxfp4"]

  private static let blocks = "_blocks"
  private static let scales = "_scales"
  private let checkpoint: Checkpoint

  package init(_ checkpoint: Checkpoint, config: ConfigFile) throws {
    try checkpoint.requireLayers(of: "mxfp4", "*_proj_blocks", config: config.path) {
      $0.name.hasSuffix("_proj_blocks")
    }
    self.checkpoint = checkpoint
  }

  package var names: [String] {
    checkpoint.tensors.flatMap { tensor -> [String] in
      if tensor.name.hasSuffix(Self.scales) {
        let blocks = String(tensor.name.dropLast(Self.scales.count)) + Self.blocks
        return checkpoint[blocks] == nil ? [tensor.name] : []
      }
      guard tensor.name.hasSuffix(Self.blocks) else { return [tensor.name] }
      let joined = tensor.name.dropLast(Self.blocks.count)
      guard let dot = joined.lastIndex(of: ".") else { return [tensor.name] }
      let layers =
        joined[joined.index(after: dot)...] == "down_proj"
        ? ["down_proj"] : ["gate_proj", "up_proj"]
      return (0..<(tensor.shape.dimensions.first ?? 0)).flatMap { expert in
        layers.map { "\(joined[..<dot]).\(expert).\($0).weight" }
      }
    }
  }

  package func has(_ name: String) -> Bool {
    if checkpoint[name] != nil { return true }
    guard let place = Place(name), let blocks = checkpoint[place.tensor + Self.blocks] else {
      return false
    }
    return place.expert < blocks.shape.dimensions.first ?? 0
  }

  /// Where a layer lies, by its name.
  private struct Place {
    var tensor: String
    var expert: Int
    var first: Int
    var step: Int

    init?(_ name: String) {
      let parts = name.split(separator: ".", omittingEmptySubsequences: false)
      guard parts.count >= 4, parts.last == "weight", let expert = Int(parts[parts.count - 3]),
        expert >= 0
      else { return nil }
      let prefix = parts.dropLast(3).joined(separator: ".")
      switch parts[parts.count - 2] {
      case "gate_proj": (tensor, first, step) = (prefix + ".gate_up_proj", 0, 2)
      case "up_proj": (tensor, first, step) = (prefix + ".gate_up_proj", 1, 2)
      case "down_proj": (tensor, first, step) = (prefix + ".down_proj", 0, 1)
      default: return nil
      }
      self.expert = expert
    }
  }

  package func weight(
    _ name: String, rows: Int, columns: Int
  ) throws -> (any LinearWeight)? {
    guard let place = Place(name), let blocks = checkpoint[place.tensor + Self.blocks] else {
      return nil
    }
    let groups = columns / 32
    let total = rows * place.step
    let experts = blocks.shape.dimensions.first ?? 0
    guard columns % 32 == 0, blocks.dtype == .u8, place.expert < experts,
      blocks.shape.dimensions == [experts, total, groups, 16]
    else {
      throw mismatch(
        place.tensor + Self.blocks, "U8 of [experts, \(total), \(columns) / 32, 16]",
        "\(blocks.dtype) of \(blocks.shape)")
    }
    let codes = try checkpoint.view(place.tensor + Self.blocks)
    let scales = try checkpoint.view(
      place.tensor + Self.scales, shape: Shape(checking: [experts, total, groups]))
    guard scales.dtype == .u8 else {
      throw mismatch(place.tensor + Self.scales, "U8", "\(scales.dtype)")
    }
    return try withExtendedLifetime((codes, scales)) {
      let bytes = SharedBytes(byteCount: rows * groups * 17) { output in
        for row in 0..<rows {
          let from = (place.expert * total + place.first + row * place.step) * groups
          for group in 0..<groups {
            let to = UnsafeMutableRawBufferPointer(
              rebasing: output[(row * groups + group) * 17..<(row * groups + group + 1) * 17])
            to[0] = scales.bytes[from + group]
            Self.reorder(codes.bytes, at: (from + group) * 16, into: to)
          }
        }
      }
      do throws(TensorError) {
        return try BlockWeight(type: .mxfp4, bytes: bytes, rows: rows, columns: columns)
      } catch {
        throw CheckpointError.tensor(file: checkpoint.path, name: place.tensor, error)
      }
    }
  }

  /// Neighbours that share a byte become numbers that stand 16 apart.
  private static func reorder(
    _ codes: UnsafeRawBufferPointer, at start: Int, into block: UnsafeMutableRawBufferPointer
  ) {
    func code(_ number: Int) -> UInt8 {
      let byte = codes[start + number / 2]
      return number % 2 == 0 ? byte & 15 : byte >> 4
    }
    for place in 0..<16 { block[1 + place] = code(place) | code(place + 16) << 4 }
  }

  private func mismatch(_ item: String, _ expected: String, _ found: String) -> CheckpointError {
    .malformed(file: checkpoint.path, item: "tensor \(item)", expected: expected, found: found)
  }
}
