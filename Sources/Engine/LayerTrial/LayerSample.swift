import Checkpoints
import Glibc
package import Platform
import Tensors
import Wording

/// One linear layer with inputs to calibrate it on: random ones, or those of a file.
package struct LayerSample: Sendable {
  package let rows: Int
  package let columns: Int
  package let tokens: Int
  /// `[rows, columns]`.
  package let weights: [Float]
  /// `[tokens, columns]`.
  package let inputs: [Float]

  /// Random numbers of the shape of activations and weights.
  ///
  /// An input is a mixture of a few directions that all tokens share, noise of its own, and a size of its channel; one
  /// channel in 64 is ten times as large. The same sizes and seed give the same numbers.
  ///
  /// - Throws: `EngineError.badLayer` for sizes that are out of range, or too much for the memory that is free.
  package init(rows: Int, columns: Int, tokens: Int, seed: UInt64, pool: WorkerPool) throws {
    try Self.check(rows: rows, columns: columns, tokens: tokens)
    self.rows = rows
    self.columns = columns
    self.tokens = tokens
    var generator = SeededGenerator(seed: seed, stream: [0])
    let mixing = generator.normals(Self.directions * columns, deviation: Self.share)
    let sizes = (0..<columns).map { _ in
      Float(exp2(generator.normal() / 2) * (generator.uniform() < 1.0 / 64 ? 10 : 1))
    }
    weights = Self.filled(rows, columns, seed: seed, stream: 1, pool) { generator, row in
      for column in 0..<columns { row[column] = Float(generator.normal() * 0.02) }
    }
    inputs = Self.filled(tokens, columns, seed: seed, stream: 2, pool) { generator, row in
      for column in 0..<columns { row[column] = Float(generator.normal() / 2) }
      mixing.withUnsafeBufferPointer { mixing in
        for direction in 0..<Self.directions {
          let weight = Float(generator.normal())
          for column in 0..<columns {
            row[column] += weight * mixing[direction * columns + column]
          }
        }
      }
      for column in 0..<columns { row[column] *= sizes[column] }
    }
  }

  /// The tensors `weight`, `[rows, columns]`, and `inputs`, `[tokens, columns]`, of a safetensors file, both F32.
  ///
  /// - Throws: `CheckpointError` for a file that cannot be read, that lacks them or holds a number that is not finite,
  ///   `EngineError.badLayer` for sizes out of range.
  package init(path: String) throws {
    let file = try SafetensorsFile(path: path)
    func tensor(_ name: String) throws -> (first: Int, second: Int, values: [Float]) {
      guard let stored = file.tensors.first(where: { $0.name == name }) else {
        throw CheckpointError.missing(file: path, item: "tensor \(name)", nearest: nil)
      }
      let dimensions = stored.shape.dimensions
      guard stored.dtype == .f32, dimensions.count == 2 else {
        throw CheckpointError.malformed(
          file: path, item: "tensor \(name)", expected: "F32 of two dimensions",
          found: "\(stored.dtype.rawValue) of shape \(stored.shape)")
      }
      defer { stored.release() }
      return (dimensions[0], dimensions[1], try stored.view().floats())
    }
    let weight = try tensor("weight")
    let input = try tensor("inputs")
    guard weight.second == input.second else {
      throw CheckpointError.malformed(
        file: path, item: "tensor inputs", expected: "the \(weight.second) columns of weight",
        found: "\(input.second)")
    }
    try Self.check(rows: weight.first, columns: weight.second, tokens: input.first)
    (rows, columns, tokens) = (weight.first, weight.second, input.first)
    (weights, inputs) = (weight.values, input.values)
    for (name, values) in [("weight", weights), ("inputs", inputs)] {
      if let place = values.firstIndex(where: { !$0.isFinite }) {
        throw CheckpointError.malformed(
          file: path, item: "tensor \(name)", expected: "finite numbers",
          found: "\(values[place]) at row \(place / columns), column \(place % columns)")
      }
    }
  }

  /// Bytes of both.
  package var byteCount: Int { (weights.count + inputs.count) * MemoryLayout<Float>.stride }

  /// Directions that inputs have in common, and the share of each.
  private static let directions = 32
  private static let share = 0.2
  private static let largestSize = 1 << 17
  private static let mostTokens = 1 << 22

  private static func check(rows: Int, columns: Int, tokens: Int) throws {
    for (item, value, highest) in [
      ("rows", rows, largestSize), ("columns", columns, largestSize),
      ("tokens", tokens, mostTokens),
    ] where value < 1 || value > highest {
      throw EngineError.badLayer(item: item, expected: "1 to \(highest)", found: "\(value)")
    }
    let needed = (2 * rows * columns + tokens * columns) * MemoryLayout<Float>.stride
    if let free = Machine.memoryAvailable(), needed > free {
      throw EngineError.badLayer(
        item: "size", expected: "a layer and inputs that fit the \(Quantity.bytes(free)) free",
        found: "\(rows) x \(columns) and \(tokens) tokens, \(Quantity.bytes(needed))")
    }
  }

  /// `[count, columns]`, each row from a generator of its own.
  private static func filled(
    _ count: Int, _ columns: Int, seed: UInt64, stream: UInt64, _ pool: WorkerPool,
    _ fill: (inout SeededGenerator, UnsafeMutablePointer<Float>) -> Void
  ) -> [Float] {
    var values = [Float](repeating: 0, count: count * columns)
    values.withUnsafeMutableBufferPointer { values in
      guard let base = values.baseAddress else { return }
      pool.run(chunks: count) { row, _ in
        var generator = SeededGenerator(seed: seed, stream: [stream, UInt64(row)])
        fill(&generator, base + row * columns)
      }
    }
    return values
  }
}
