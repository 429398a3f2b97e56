import Glibc

/// A reproducible source of random numbers: xoshiro256**, seeded through SplitMix64.
///
/// D. Blackman, S. Vigna, "Scrambled linear pseudorandom number generators", 2021. The same seed and
/// stream give the same numbers everywhere. A stream per layer and sample leaves nothing to save when
/// long work is interrupted.
package struct SeededGenerator: RandomNumberGenerator, Sendable, Equatable {
  private var state: (UInt64, UInt64, UInt64, UInt64)
  /// The second of two normal deviates, which come in pairs.
  private var spare: Double?

  /// A generator of its own for each seed and stream, such as `[layer, sample]`.
  package init(seed: UInt64, stream: [UInt64] = []) {
    var mixed = SplitMix(state: seed)
    for (depth, part) in stream.enumerated() {
      mixed = SplitMix(state: mixed.next() ^ part &* 0x9e37_79b9_7f4a_7c15 ^ UInt64(depth))
    }
    state = (mixed.next(), mixed.next(), mixed.next(), mixed.next())
  }

  package mutating func next() -> UInt64 {
    let result = Self.rotate(state.1 &* 5, 7) &* 9
    let shifted = state.1 << 17
    state.2 ^= state.0
    state.3 ^= state.1
    state.1 ^= state.2
    state.0 ^= state.3
    state.2 ^= shifted
    state.3 = Self.rotate(state.3, 45)
    return result
  }

  /// A number in `0..<1`, of 53 random bits.
  package mutating func uniform() -> Double { Double(next() >> 11) * 0x1p-53 }

  /// A normal deviate of mean 0 and variance 1 (polar method of Marsaglia).
  package mutating func normal() -> Double {
    if let spare {
      self.spare = nil
      return spare
    }
    while true {
      let x = 2 * uniform() - 1
      let y = 2 * uniform() - 1
      let square = x * x + y * y
      if square > 0, square < 1 {
        let factor = (-2 * log(square) / square).squareRoot()
        spare = y * factor
        return x * factor
      }
    }
  }

  /// `count` normal deviates of mean 0 and standard deviation `deviation`.
  package mutating func normals(_ count: Int, deviation: Double = 1) -> [Float] {
    (0..<count).map { _ in Float(normal() * deviation) }
  }

  package static func == (left: SeededGenerator, right: SeededGenerator) -> Bool {
    left.state == right.state && left.spare == right.spare
  }

  private static func rotate(_ value: UInt64, _ count: UInt64) -> UInt64 {
    value << count | value >> (64 - count)
  }
}

/// SplitMix64, which turns any seed, zero included, into well mixed words.
private struct SplitMix {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = state
    mixed = (mixed ^ mixed >> 30) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
    return mixed ^ mixed >> 31
  }
}
