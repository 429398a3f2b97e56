import Tensors

/// Scales for a quantized cache that lie in a checkpoint next to attention's layers, or to the layers of keys and values.
enum CacheScales {
  private static let endings = [
    ".k_scale", ".v_scale", ".q_scale", ".k_zero_point", ".v_zero_point", ".q_zero_point",
    ".k_global_scale", ".v_global_scale", ".q_global_scale", ".kv_scale", "k_proj.output_scale",
    "v_proj.output_scale", "k_proj.output_zero_point", "v_proj.output_zero_point",
  ]

  /// Whether a tensor is one of them.
  static func isOne(_ name: String) -> Bool { endings.contains { name.hasSuffix($0) } }

  /// The one scale of what a layer of keys or values leaves in the cache, under either of the names that tools give it; nil
  /// where there is none, or one a head.
  ///
  /// - Throws: `CheckpointError` for a scale that is no positive number.
  static func scale(_ checkpoint: Checkpoint, of layer: String) throws -> Float? {
    guard let dot = layer.lastIndex(of: ".") else { return nil }
    let side = layer[layer.index(after: dot)...].prefix(2)
    let names = ["\(layer[..<dot]).\(side)scale", layer + ".output_scale"]
    guard let name = names.first(where: { checkpoint[$0] != nil }) else { return nil }
    let view = try checkpoint.view(name)
    guard view.shape.elementCount == 1 else { return nil }
    let scale = try view.floats()[0]
    guard scale > 0, scale.isFinite else {
      throw CheckpointError.malformed(
        file: checkpoint.path, item: "tensor \(name)", expected: "a positive scale",
        found: "\(scale)")
    }
    return scale
  }

  /// What becomes of them, nothing where there are none.
  ///
  /// - Parameter said: what the configuration says the cache is coded as, in words.
  static func notices(_ checkpoint: Checkpoint, said: String?) -> [String] {
    let count = checkpoint.tensors.count { isOne($0.name) }
    guard count > 0 || said != nil else { return [] }
    let scales = count > 0 ? ", with \(count) scales in the file" : ""
    let use =
      count > 0 && said == "FP8"
      ? "; an FP8 cache with one scale for all tokens (fp8 scale=first) takes those of the file"
      : ""
    return [
      "The cache is said to be \(said ?? "quantized")\(scales): it runs as the recipe says, in FP16 without one\(use)."
    ]
  }
}
