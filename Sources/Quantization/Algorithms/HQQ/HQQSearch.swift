import Glibc
import Platform
import Tensors

/// The state of one HQQ search: a group a row, whatever the axis.
struct HQQSearch {
  private let options: HQQ.Options
  private let pool: WorkerPool?
  private let group: Int
  private let groups: Int
  /// `[groups, group]`.
  private let weights: [Float]
  /// `2^bits - 1` over the range: codes are `round(weight * inverse + zero)`.
  private var inverses: [Float]
  private var scales: [Float]
  private var zeros: [Float]
  private var flatGroups = 0
  private let steps: Float

  /// Values of one chunk of groups: enough to be worth a turn, few enough to stay in a core's cache.
  private static let chunkValues = 1 << 15
  /// The reference takes groups of a smaller range for constant.
  private static let smallestRange: Float = 1e-4
  /// The reference's bound on `1 / scale`.
  private static let largestInverse: Float = 2e4
  /// Zero points stay below it in FP16, whose largest number is 65504.
  private static let largestHalf: Float = 65000

  init(_ weights: [Float], _ options: HQQ.Options, pool: WorkerPool?) {
    self.options = options
    self.pool = pool
    let group = options.group
    let groups = weights.count / group
    self.group = group
    self.groups = groups
    steps = Float(1 << options.bits - 1)
    self.weights =
      options.axis == .row
      ? weights
      : (0..<groups).flatMap { column in (0..<group).map { weights[$0 * groups + column] } }
    inverses = [Float](repeating: 1, count: groups)
    scales = inverses
    zeros = inverses
    findGrids()
  }

  private mutating func findGrids() {
    for index in 0..<groups {
      let range =
        weights.withUnsafeBufferPointer { weights in
          weights.baseAddress.flatMap { Grid.range(of: $0 + index * group, count: group) }
        } ?? ValueRange(lowest: 0, highest: 0)
      let width = range.highest - range.lowest
      let isFlat = width <= Self.smallestRange
      if isFlat, width > 0 { flatGroups += 1 }
      var inverse = isFlat ? 1 : min(steps / width, Self.largestInverse)
      scales[index] = 1 / inverse
      if options.storesFP16 {
        // A group far from 0 takes a wider step when its zero point would not fit otherwise.
        inverse = min(inverse, Self.largestHalf / max(range.largestMagnitude, 1e-30))
        scales[index] = ScaleType.f16.rounded(1 / inverse)
        inverse = 1 / scales[index]
      }
      inverses[index] = inverse
      zeros[index] = -range.lowest * inverse
    }
  }

  mutating func run() -> HQQ.Result {
    var strength = options.strength
    var least = Double.infinity
    var rounds = 0
    while rounds < options.rounds {
      let (error, next) = round(strength: strength)
      strength *= options.growth
      rounds += 1
      // The reference takes the last step too, though the errors before it had stopped to fall.
      zeros = next
      guard error < least else { break }
      least = error
    }
    if options.storesFP16 {
      zeros = zeros.map { zero in
        let limited = max(-Self.largestHalf, min(Self.largestHalf, zero))
        return FloatFormats.float(f16: FloatFormats.f16(limited))
      }
    }
    return HQQ.Result(
      options: options, codes: codes(), scales: scales, zeros: zeros, rounds: rounds,
      flatGroups: flatGroups)
  }

  /// The mean error with the zero points as they are, and the ones to try next.
  private func round(strength: Double) -> (error: Double, zeros: [Float]) {
    let step = HQQStep(
      group: group, steps: steps, norm: options.norm, strength: strength)
    var next = zeros
    var errors = [Double](repeating: 0, count: chunks)
    next.withUnsafeMutableBufferPointer { next in
      errors.withUnsafeMutableBufferPointer { errors in
        eachChunk { chunk, indices, grids in
          var error = 0.0
          for index in indices {
            let found = step.move(
              grids.weights + index * group, inverse: grids.inverses[index],
              zero: grids.zeros[index])
            error += found.error
            next[index] = Float(found.zeros / Double(group))
          }
          errors[chunk] = error
        }
      }
    }
    return (errors.reduce(0, +) / Double(max(1, weights.count)), next)
  }

  private func codes() -> [UInt8] {
    var codes = [UInt8](repeating: 0, count: weights.count)
    codes.withUnsafeMutableBufferPointer { codes in
      guard let codes = codes.baseAddress else { return }
      let (group, groups, isRow) = (group, groups, options.axis == .row)
      let step = HQQStep(group: group, steps: steps, norm: options.norm, strength: 1)
      eachChunk { _, indices, grids in
        for index in indices {
          step.encode(
            grids.weights + index * group, inverse: grids.inverses[index],
            zero: grids.zeros[index], into: codes + (isRow ? index * group : index),
            stride: isRow ? 1 : groups)
        }
      }
    }
    return codes
  }

  private var groupsPerChunk: Int { max(1, Self.chunkValues / max(1, group)) }
  private var chunks: Int { (groups + groupsPerChunk - 1) / groupsPerChunk }

  /// What the groups are and have, in place.
  private struct Grids {
    let weights: UnsafePointer<Float>
    let inverses: UnsafePointer<Float>
    let zeros: UnsafePointer<Float>
  }

  /// Hands runs of groups to `body`, shared out over the pool.
  private func eachChunk(_ body: (_ chunk: Int, _ groups: Range<Int>, _ grids: Grids) -> Void) {
    weights.withUnsafeBufferPointer { weights in
      inverses.withUnsafeBufferPointer { inverses in
        zeros.withUnsafeBufferPointer { zeros in
          guard let weights = weights.baseAddress, let inverses = inverses.baseAddress,
            let zeros = zeros.baseAddress
          else { return }
          let grids = Grids(weights: weights, inverses: inverses, zeros: zeros)
          let (count, size) = (groups, groupsPerChunk)
          func work(_ chunk: Int) {
            body(chunk, chunk * size..<min((chunk + 1) * size, count), grids)
          }
          if let pool {
            pool.run(chunks: chunks) { chunk, _ in work(chunk) }
          } else {
            for chunk in 0..<chunks { work(chunk) }
          }
        }
      }
    }
  }
}

/// What one round does to one group.
private struct HQQStep {
  private let group: Int
  private let steps: Float
  private let strength: Float
  private let power: Float
  /// Errors up to this are taken for rounding, all of them: the soft threshold leaves nothing.
  private let threshold: Float

  /// Added to a number below 2^22 it moves the units to the last bit, so that the hardware rounds half to even.
  private static let anchor: Float = 0x1.8p23

  init(group: Int, steps: Float, norm: Double, strength: Double) {
    self.group = group
    self.steps = steps
    self.strength = Float(strength)
    power = Float(norm - 1)
    // `error - error^(norm - 1) / strength` is positive above it; a little less, for the rounding.
    threshold = Float(pow(strength, -1 / (2 - norm)) * 0.999)
  }

  /// The sums over a group of errors, and of the zero points that would suit each value.
  ///
  /// What is left of an error when its small part is taken for rounding is `error - error^(norm - 1) / strength`,
  /// a soft threshold. Weights of usual size never pass it, and the best zero point is a plain mean.
  func move(
    _ values: UnsafePointer<Float>, inverse: Float, zero: Float
  ) -> (error: Double, zeros: Double) {
    var largest = Grid.Vector.zero
    var total = (error: 0.0, zeros: 0.0)
    var place = 0
    while place + Grid.width <= group {
      // Runs of 64 values are summed in float32, the runs in float64.
      var errors = Grid.Vector.zero
      var shifts = Grid.Vector.zero
      let end = min(group - Grid.width, place + 64 - Grid.width)
      while place <= end {
        let weight = Grid.load(values + place)
        let scaled = weight * inverse
        let code = anchored(scaled + zero) - Self.anchor
        let error = weight - (code - zero) / inverse
        let magnitude = error.replacing(with: -error, where: error .< 0)
        errors += magnitude
        largest.replace(with: magnitude, where: magnitude .> largest)
        shifts += code - scaled
        place += Grid.width
      }
      total.error += Double(errors.sum())
      total.zeros += Double(shifts.sum())
    }
    guard largest.max() <= threshold, place == group else {
      return moveOneByOne(values, inverse: inverse, zero: zero)
    }
    return total
  }

  private func moveOneByOne(
    _ values: UnsafePointer<Float>, inverse: Float, zero: Float
  ) -> (error: Double, zeros: Double) {
    var total = (error: 0.0, zeros: 0.0)
    for place in 0..<group {
      let weight = values[place]
      let code = Float(code(weight * inverse + zero))
      let error = weight - (code - zero) / inverse
      total.error += Double(error.magnitude)
      var kept: Float = 0
      if error.magnitude > threshold {
        let left = max(0, error.magnitude - Float(pow(error.magnitude, power)) / strength)
        kept = error < 0 ? -left : left
      }
      total.zeros += Double(code - (weight - kept) * inverse)
    }
    return total
  }

  /// Writes the codes of a group, `stride` apart.
  func encode(
    _ values: UnsafePointer<Float>, inverse: Float, zero: Float,
    into codes: UnsafeMutablePointer<UInt8>, stride: Int
  ) {
    var place = 0
    while stride == 1, place + Grid.width <= group {
      let bits = unsafeBitCast(
        anchored(Grid.load(values + place) * inverse + zero), to: SIMD8<UInt32>.self)
      UnsafeMutableRawPointer(codes + place).storeBytes(
        of: SIMD8<UInt8>(truncatingIfNeeded: bits), as: SIMD8<UInt8>.self)
      place += Grid.width
    }
    while place < group {
      codes[place * stride] = code(values[place] * inverse + zero)
      place += 1
    }
  }

  private func code(_ scaled: Float) -> UInt8 {
    UInt8(truncatingIfNeeded: anchored(Grid.Vector(repeating: scaled))[0].bitPattern)
  }

  /// The nearest codes, half to even, in the low 8 bits of `anchor + code`; what is not a number has code 0.
  @inline(__always)
  private func anchored(_ scaled: Grid.Vector) -> Grid.Vector {
    var code = scaled
    code.replace(with: 0, where: .!(code .>= 0))
    code.replace(with: steps, where: code .> steps)
    return code + Self.anchor
  }
}
