import Checkpoints
import Tensors

/// Rows of a key cache in llama.cpp's blocks, plain and rotated, and the scores they give.
package enum KVRowConformance: ConformanceFamily {
  package static func claims(_ item: ConformanceCase) -> Bool { item.method == "KV-ggml" }

  package static func run(_ run: inout ConformanceRun) throws {
    let dimensions = try run.fixture.dimensions("in.K", rank: 3)
    let (tokens, width) = (dimensions[1], dimensions[2])
    let keys = try run.fixture.floats("in.K")
    let queries = try run.fixture.floats("in.q")
    guard queries.count == dimensions[0] * width else {
      throw ConformanceError.malformed(
        file: run.item.file, item: "in.q", expected: "\(dimensions[0] * width) numbers",
        found: "\(queries.count)")
    }
    let turnedKeys = try rotated(keys, width)
    try run.check("K_rot", turnedKeys)
    let turnedQueries = try rotated(queries, width)
    let types: [(String, GGUFTensorType)] = [("q8_0", .q8_0), ("q4_0", .q4_0)]
    for (label, type) in types {
      for (form, keys, queries) in [
        ("plain", keys, queries), ("rot", turnedKeys, turnedQueries),
      ] {
        let name = "\(label).\(form)"
        guard width % type.blockElements == 0 else {
          throw ConformanceError.unsupported("\(name): rows of \(width) are no whole blocks")
        }
        let bytes = try GGMLBlocks.encode(keys, as: type)
        if run.lists(name + ".blocks") { try run.check(name + ".blocks", bytes) }
        if run.lists(name + ".scores") {
          let values = try GGMLBlocks.decode(bytes, as: type)
          try run.check(name + ".scores", scores(queries, values, tokens, width))
        }
      }
    }
  }

  private static func rotated(_ rows: [Float], _ width: Int) throws -> [Float] {
    var rows = rows
    try WalshHadamard.transform(&rows, block: WalshHadamard.largestBlock(of: width))
    return rows
  }

  /// `q . k` of each head and token, `[heads, tokens]`.
  private static func scores(
    _ queries: [Float], _ keys: [Float], _ tokens: Int, _ width: Int
  ) -> [Double] {
    stride(from: 0, to: keys.count, by: width).map { start in
      let query = start / (tokens * width) * width
      return (0..<width).reduce(0) {
        $0 + Double(queries[query + $1]) * Double(keys[start + $1])
      }
    }
  }
}
