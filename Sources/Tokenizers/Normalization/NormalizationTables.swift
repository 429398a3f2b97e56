import FoundationEssentials

/// What Unicode says of characters that normalization changes, unpacked from `NormalizationData` once.
final class NormalizationTables: Sendable {
  static let shared = NormalizationTables()

  /// Nothing above this scalar is changed by normalization or has a combining class.
  private static let limit = 0x30000

  private let classes: [UInt32: UInt8]
  /// Full decompositions.
  private let canonical: [UInt32: [UInt32]]
  private let compatible: [UInt32: [UInt32]]
  /// The composite of a pair; the first of the pair in the upper half.
  private let composites: [UInt64: UInt32]
  /// A bit a form for each scalar below `limit`: whether it can change, or change others.
  private let changes: [UInt8]

  private init() {
    var reader = Reader(bytes: Array(Data(base64Encoded: NormalizationData.base64) ?? Data()))
    let classes = Self.readClasses(&reader)
    var steps: [UInt32: [UInt32]] = [:]
    var composites: [UInt64: UInt32] = [:]
    var composed: Set<UInt32> = []
    var code: UInt32 = 0
    for _ in 0..<reader.number() {
      let head = reader.number()
      code += head >> 2
      let parts = head & 1 == 1 ? [reader.number(), reader.number()] : [reader.number()]
      steps[code] = parts
      if head & 2 != 0, parts.count == 2 {
        composites[UInt64(parts[0]) << 32 | UInt64(parts[1])] = code
        composed.insert(code)
      }
    }
    var canonical: [UInt32: [UInt32]] = [:]
    for code in steps.keys { canonical[code] = Self.expand(code, steps) }
    let compatible = Self.readCompatible(&reader)
    self.classes = classes
    self.canonical = canonical
    self.compatible = compatible
    self.composites = composites
    changes = Self.changes(classes, canonical, compatible, composites, composed)
  }

  func combiningClass(of scalar: UInt32) -> UInt8 {
    scalar < 0x300 ? 0 : classes[scalar] ?? 0
  }

  /// The full decomposition, nil for a character that stands for itself; Hangul apart.
  func decomposition(of scalar: UInt32, isCompatible: Bool) -> [UInt32]? {
    guard scalar >= 0xa0 else { return nil }
    if isCompatible, let parts = compatible[scalar] { return parts }
    return canonical[scalar]
  }

  /// What two neighbours become, or nil.
  func composition(_ left: UInt32, _ right: UInt32) -> UInt32? {
    composites[UInt64(left) << 32 | UInt64(right)] ?? HangulSyllable.composition(left, right)
  }

  /// Whether a text that holds the scalar need not be in the form already.
  @inline(__always)
  func mayChange(_ scalar: UInt32, in form: NormalizationForm) -> Bool {
    guard scalar >= 0xa0, scalar < Self.limit else { return false }
    return changes[Int(scalar)] & Self.bit(form) != 0
  }

  private static func bit(_ form: NormalizationForm) -> UInt8 {
    switch form {
    case .c: 1
    case .d: 2
    case .kc: 4
    case .kd: 8
    }
  }

  private static func changes(
    _ classes: [UInt32: UInt8], _ canonical: [UInt32: [UInt32]], _ compatible: [UInt32: [UInt32]],
    _ composites: [UInt64: UInt32], _ composed: Set<UInt32>
  ) -> [UInt8] {
    var changes = [UInt8](repeating: 0, count: limit)
    for scalar in classes.keys { changes[Int(scalar)] = 15 }
    for scalar in canonical.keys { changes[Int(scalar)] |= composed.contains(scalar) ? 10 : 15 }
    for scalar in compatible.keys { changes[Int(scalar)] |= 12 }
    for pair in composites.keys { changes[Int(pair & 0xffff_ffff)] |= 5 }
    for scalar in 0xac00...0xd7a3 { changes[scalar] |= 10 }
    for scalar in 0x1100...0x11ff where HangulSyllable.joins(UInt32(scalar)) {
      changes[scalar] |= 5
    }
    return changes
  }

  private static func expand(_ code: UInt32, _ steps: [UInt32: [UInt32]]) -> [UInt32] {
    guard let parts = steps[code] else { return [code] }
    return parts.flatMap { expand($0, steps) }
  }

  private static func readClasses(_ reader: inout Reader) -> [UInt32: UInt8] {
    var classes: [UInt32: UInt8] = [:]
    var last: UInt32 = 0
    for _ in 0..<reader.number() {
      let first = last + reader.number()
      last = first + reader.number()
      let combining = reader.byte()
      for code in first...last { classes[code] = combining }
    }
    return classes
  }

  private static func readCompatible(_ reader: inout Reader) -> [UInt32: [UInt32]] {
    var mappings: [UInt32: [UInt32]] = [:]
    var code: UInt32 = 0
    for _ in 0..<reader.number() {
      code += reader.number()
      let count = reader.number()
      let parts = (0..<reader.number()).map { _ in reader.number() }
      for step in 0..<count {
        // Runs of more than one are of single characters that count up together.
        mappings[code + step] = count > 1 ? [parts[0] + step] : parts
      }
    }
    return mappings
  }

  /// The bytes of the data, in order.
  private struct Reader {
    let bytes: [UInt8]
    var position = 0

    mutating func byte() -> UInt8 {
      position += 1
      return bytes[position - 1]
    }

    mutating func number() -> UInt32 {
      var value: UInt32 = 0
      var shift: UInt32 = 0
      while true {
        let byte = byte()
        value |= UInt32(byte & 0x7f) << shift
        if byte < 0x80 { return value }
        shift += 7
      }
    }
  }
}
