/// How speed is measured.
package struct BenchOptions: Hashable, Sendable, Codable {
  package var prompt: Int
  package var generate: Int
  package var depth: Int
  package var repetitions: Int
  package var includesBaseline: Bool
  /// The program that is timed on the same model; nil for none.
  package var witness: Witness?

  package init(
    prompt: Int = 256, generate: Int = 64, depth: Int = 0, repetitions: Int = 5,
    includesBaseline: Bool = true, witness: Witness? = nil
  ) {
    self.prompt = prompt
    self.generate = generate
    self.depth = depth
    self.repetitions = repetitions
    self.includesBaseline = includesBaseline
    self.witness = witness
  }
}
