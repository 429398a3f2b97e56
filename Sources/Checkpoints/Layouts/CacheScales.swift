/// Scales for a quantized cache that lie in a checkpoint next to attention's layers, or to the layers of keys and values.
enum CacheScales {
  private static let endings = [
    ".k_scale", ".v_scale", ".q_scale", ".k_zero_point", ".v_zero_point", ".q_zero_point",
    ".k_global_scale", ".v_global_scale", ".q_global_scale", ".kv_scale", "k_proj.output_scale",
    "v_proj.output_scale", "k_proj.output_zero_point", "v_proj.output_zero_point",
  ]

  /// Whether a tensor is one of them.
  static func isOne(_ name: String) -> Bool { endings.contains { name.hasSuffix($0) } }

  /// What becomes of them, nothing where there are none.
  ///
  /// - Parameter said: what the configuration says the cache is coded as, in words.
  static func notices(_ checkpoint: Checkpoint, said: String?) -> [String] {
    let count = checkpoint.tensors.count { isOne($0.name) }
    guard count > 0 || said != nil else { return [] }
    let scales = count > 0 ? ", with \(count) scales in the file" : ""
    return [
      "The cache is said to be \(said ?? "quantized")\(scales): it runs as the recipe says, in FP16 without one."
    ]
  }
}
