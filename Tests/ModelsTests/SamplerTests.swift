import Glibc
import Models
import Testing

@Suite struct SamplerTests {
  private func sample(_ logits: [Float], _ options: SamplingOptions, count: Int) throws -> [Int32] {
    var sampler = try Sampler(options)
    return (0..<count).map { _ in logits.withUnsafeBufferPointer { sampler.sample($0) } }
  }

  /// How often each token came.
  private func shares(_ logits: [Float], _ options: SamplingOptions) throws -> [Double] {
    let count = 20_000
    var counts = [Double](repeating: 0, count: logits.count)
    for token in try sample(logits, options, count: count) { counts[Int(token)] += 1 }
    return counts.map { $0 / Double(count) }
  }

  @Test func greedyTakesTheFirstOfTheLargest() throws {
    #expect(try sample([1, 3, -2, 3], .greedy, count: 2) == [1, 1])
    #expect(try sample([.nan, -1, -.infinity, -2], .greedy, count: 1) == [1])
    #expect(try sample([], .greedy, count: 1) == [0])
  }

  @Test func temperatureGivesTheSoftmax() throws {
    let logits: [Float] = [0, 1, 2]
    for temperature in [0.5, 1, 2] {
      let weights = logits.map { exp(Double($0) / temperature) }
      let total = weights.reduce(0, +)
      let found = try shares(logits, SamplingOptions(temperature: temperature, seed: 5))
      for (share, weight) in zip(found, weights) {
        #expect(abs(share - weight / total) < 0.02)
      }
    }
  }

  @Test func topKKeepsTheLargest() throws {
    let logits: [Float] = [1, 5, 2, 5, 4, 0, 3]
    let found = try shares(logits, SamplingOptions(temperature: 3, topK: 3, seed: 1))
    #expect(found.indices.filter { found[$0] > 0 } == [1, 3, 4])
    #expect(try sample(logits, SamplingOptions(temperature: 3, topK: 1), count: 2) == [1, 1])
    // Of equals at the edge the first is kept.
    let edge = try shares([2, 1, 1, 1], SamplingOptions(temperature: 1, topK: 2))
    #expect(edge.indices.filter { edge[$0] > 0 } == [0, 1])
  }

  @Test func topPKeepsTheSmallestSetThatHoldsTheShare() throws {
    // Probabilities 0.1, 0.2, 0.3, 0.4.
    let logits = [1, 2, 3, 4].map { Float(log(Double($0))) }
    func kept(_ share: Double) throws -> [Int] {
      let found = try shares(logits, SamplingOptions(temperature: 1, topP: share, seed: 2))
      return found.indices.filter { found[$0] > 0 }
    }
    #expect(try kept(0.39) == [3])
    #expect(try kept(0.69) == [2, 3])
    #expect(try kept(0.71) == [1, 2, 3])
    #expect(try kept(1) == [0, 1, 2, 3])
  }

  @Test func minPDropsTheUnlikely() throws {
    let logits = [1, 2, 3, 4].map { Float(log(Double($0))) }
    let found = try shares(logits, SamplingOptions(temperature: 1, minP: 0.6, seed: 2))
    #expect(found.indices.filter { found[$0] > 0 } == [2, 3])
  }

  @Test func seedsDecide() throws {
    let logits = (0..<50).map { Float($0 % 7) }
    let options = SamplingOptions(temperature: 1, topK: 20, topP: 0.9, seed: 7)
    #expect(try sample(logits, options, count: 40) == sample(logits, options, count: 40))
    var other = options
    other.seed = 8
    #expect(try sample(logits, options, count: 40) != sample(logits, other, count: 40))
  }

  @Test func infinitiesAreNeverChosen() throws {
    let logits: [Float] = [-.infinity, 0, .nan, 1]
    let found = try shares(logits, SamplingOptions(temperature: 10, topP: 0.99))
    #expect(found[0] == 0)
    #expect(found[2] == 0)
  }

  @Test(arguments: [
    SamplingOptions(temperature: -1), SamplingOptions(temperature: .nan),
    SamplingOptions(topK: -1), SamplingOptions(topP: 0), SamplingOptions(topP: 1.5),
    SamplingOptions(minP: 1), SamplingOptions(minP: .nan),
  ])
  func refusesNumbersOutOfRange(_ options: SamplingOptions) {
    #expect(throws: ModelError.self) { try Sampler(options) }
  }
}
