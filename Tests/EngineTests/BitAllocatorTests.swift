import Engine
import Platform
import Testing

@Suite struct BitAllocatorTests {
  private static func layers(_ count: Int, seed: UInt64) -> [BitAllocator.Layer] {
    var generator = SeededGenerator(seed: seed)
    return (0..<count).map { _ in
      let size = Int.random(in: 100...900, using: &generator)
      let scale = Double.random(in: 0.01...1, using: &generator)
      return BitAllocator.Layer(
        bytes: [2, 3, 4, 8].map { $0 * size }, losses: [16, 4, 1, 0.01].map { $0 * scale })
    }
  }

  private static func total(_ layers: [BitAllocator.Layer], _ chosen: [Int]) -> (
    bytes: Int, loss: Double
  ) {
    zip(layers, chosen).reduce((0, 0)) {
      ($0.0 + $1.0.bytes[$1.1], $0.1 + $1.0.losses[$1.1])
    }
  }

  /// Every choice of a few layers, one after the other.
  private static func best(_ layers: [BitAllocator.Layer], budget: Int) -> Double? {
    var least: Double?
    for code in 0..<(1 << (2 * layers.count)) {
      let chosen = layers.indices.map { code >> (2 * $0) & 3 }
      let found = total(layers, chosen)
      if found.bytes <= budget { least = min(least ?? .infinity, found.loss) }
    }
    return least
  }

  @Test(arguments: 0..<6)
  func findsTheBestOfAllChoices(seed: UInt64) throws {
    let layers = Self.layers(6, seed: seed)
    let smallest = Self.total(layers, [0, 0, 0, 0, 0, 0]).bytes
    for share in [1.0, 1.2, 1.5, 2.5, 4] {
      let budget = Int(Double(smallest) * share)
      let chosen = try #require(BitAllocator.choose(layers, budget: budget))
      let found = Self.total(layers, chosen)
      #expect(found.bytes <= budget)
      #expect(found.loss == Self.best(layers, budget: budget))
    }
  }

  @Test func alwaysFitsAndIsTheSameEachTime() throws {
    let layers = Self.layers(154, seed: 9).map {
      BitAllocator.Layer(bytes: $0.bytes.map { $0 * 10_007 }, losses: $0.losses)
    }
    let smallest = Self.total(layers, .init(repeating: 0, count: 154)).bytes
    let budget = smallest * 3 / 2
    let chosen = try #require(BitAllocator.choose(layers, budget: budget))
    #expect(Self.total(layers, chosen).bytes <= budget)
    #expect(Self.total(layers, chosen).bytes > budget * 99 / 100)
    #expect(BitAllocator.choose(layers, budget: budget) == chosen)
  }

  /// The bytes of the narrowest widths are budget enough, whatever unit they are counted in.
  @Test(arguments: [1, 64, 10_007])
  func takesExactlyTheNarrowest(unit: Int) throws {
    let layers = Self.layers(154, seed: 4).map {
      BitAllocator.Layer(bytes: $0.bytes.map { $0 * unit }, losses: $0.losses)
    }
    let smallest = Self.total(layers, .init(repeating: 0, count: 154)).bytes
    let chosen = try #require(BitAllocator.choose(layers, budget: smallest))
    #expect(chosen == .init(repeating: 0, count: 154))
    #expect(BitAllocator.choose(layers, budget: smallest - 1) == nil)
  }

  @Test func refusesABudgetBelowTheNarrowest() {
    let layers = Self.layers(3, seed: 1)
    #expect(BitAllocator.choose(layers, budget: 10) == nil)
  }
}
