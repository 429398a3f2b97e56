package import Models
package import Operators
import Platform

/// Holds SIMD kernels against their twins in plain C end to end: one model, one text, one form at a time.
///
/// The kernels of two providers compute the same sums in another order. In one layer that is a few units in the last place
/// of float32, and unit tests bound it; but a sum that lies at the edge between two BF16 numbers, or two codes of an
/// activation or a cache, falls to the other side, and what comes out of the model is then another number of the same
/// quality. How much of that is to be expected is measured, for each form by itself: the **noise floor** is the KL of two
/// runs of the *generic* kernels of which the second has every norm's gains multiplied by 1 + e, e normal with deviation
/// sqrt(H) 2^-24 for a hidden size of H: the error that a float32 sum of H products picks up by the order it happens to be
/// taken in (a random walk of H roundings; Higham, Accuracy and Stability of Numerical Algorithms, 2002, chapter 4). The
/// largest of `floorRuns` such runs counts. A SIMD kernel is above the floor when its KL is more than `factor` times that:
/// flips are few and large, so that single runs differ by some factor.
package struct KernelAgreement {
  package let context: ExecutionContext
  /// Token ids of one text.
  package let text: [Int32]
  /// Of them, those at the end that are decoded one by one, through the kernels for one token.
  package let decoded: Int
  package let floorRuns: Int

  /// How many times the floor a KL may be.
  package static let factor = 4.0
  /// What KL is taken to be nothing: sums of float32 logits over a vocabulary have errors of this size.
  package static let nothing = 1e-9

  /// - Parameter context: what distributions are compared with, and whose threads are used.
  package init(context: ExecutionContext, text: [Int32], decoded: Int, floorRuns: Int = 2) {
    self.context = context
    self.text = text
    self.decoded = min(max(0, decoded), max(0, text.count - 1))
    self.floorRuns = floorRuns
  }

  /// How far two runs are apart.
  package struct Distance: Hashable, Sendable, Codable {
    /// KL in nats, the mean over positions, and the largest.
    package var kl: Double
    package var klMax: Double
    /// The largest difference of two logits.
    package var logits: Double

    package init(kl: Double, klMax: Double, logits: Double) {
      self.kl = kl
      self.klMax = klMax
      self.logits = logits
    }
  }

  /// What one form has come to.
  package struct Outcome: Hashable, Sendable {
    package var floor: Distance
    /// Of each SIMD provider to the generic one.
    package var providers: [ExecutionProvider: Distance]
  }

  /// Runs one form: generic, generic with other roundings, and every provider given.
  package func run(
    _ subject: EvaluationSubject, providers: [ExecutionProvider],
    checkpoint: () throws -> Void = {}
  ) throws -> Outcome {
    let truth = try scores(subject.model, subject, .generic)
    var floor = Distance(kl: 0, klMax: 0, logits: 0)
    for seed in 0..<floorRuns {
      try checkpoint()
      let nudged = try Self.nudged(subject.model, seed: UInt64(seed))
      let found = distance(truth, try scores(nudged, subject, .generic))
      floor = Distance(
        kl: max(floor.kl, found.kl), klMax: max(floor.klMax, found.klMax),
        logits: max(floor.logits, found.logits))
    }
    var outcome = Outcome(floor: floor, providers: [:])
    for provider in providers where provider != .generic {
      try checkpoint()
      outcome.providers[provider] = distance(truth, try scores(subject.model, subject, provider))
    }
    return outcome
  }

  /// Whether a distance is more than the noise of roundings.
  package static func isAbove(_ found: Distance, floor: Distance) -> Bool {
    !(found.kl <= max(nothing, factor * floor.kl))
  }

  /// The model with the gains of all norms off by what the order of a sum does; linear layers are shared.
  package static func nudged(_ model: Model, seed: UInt64) throws -> Model {
    let deviation = Double(model.configuration.hiddenSize).squareRoot() * 0x1p-24
    var generator = SeededGenerator(seed: seed, stream: [0x6e75_6467_6564])
    var blocks: [Int: DecoderBlock] = [:]
    for (index, block) in model.blocks.enumerated() {
      var norms: [BlockNorm: [Float]] = [:]
      for norm in block.plan.openingNorms {
        norms[norm] = block[norm].values.map {
          Float(Double($0) * (1 + deviation * generator.normal()))
        }
      }
      blocks[index] = try block.replacing(norms: norms)
    }
    return try model.replacing(blocks: blocks)
  }

  /// Logits after every token, `[tokens, vocabulary]`.
  private func scores(
    _ model: Model, _ subject: EvaluationSubject, _ provider: ExecutionProvider
  ) throws -> [[Float]] {
    let context = try ExecutionContext(pool: context.pool, provider: provider)
    let cache = try model.makeCache(subject.cache, capacity: text.count)
    let first = text.count - decoded
    let logits = try model.forward(
      tokens: Array(text[..<first]), cache: cache, context: context, logits: .all)
    var found = (0..<first).map { logits.values(row: $0) }
    for token in text[first...] {
      found.append(
        try model.forward(tokens: [token], cache: cache, context: context).values(row: 0))
    }
    return found
  }

  private func distance(_ left: [[Float]], _ right: [[Float]]) -> Distance {
    var sum = 0.0
    var distance = Distance(kl: 0, klMax: 0, logits: 0)
    for (position, (a, b)) in zip(left, right).enumerated() {
      let target = Int(text[min(position + 1, text.count - 1)])
      let kl = a.withUnsafeBufferPointer { a in
        b.withUnsafeBufferPointer { b -> Double in
          guard let first = a.baseAddress, let second = b.baseAddress else { return 0 }
          return context.divergence(
            baseline: first, other: second, vocabulary: a.count, target: target
          ).kl
        }
      }
      sum += kl
      // NaN is larger than everything here.
      if !(kl <= distance.klMax) { distance.klMax = kl }
      for (x, y) in zip(a, b) {
        let difference = Double((x - y).magnitude)
        if !(difference <= distance.logits) { distance.logits = difference }
      }
    }
    distance.kl = sum / Double(max(1, left.count))
    return distance
  }
}
