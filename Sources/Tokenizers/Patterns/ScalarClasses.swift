/// All characters put into the few classes that the sets of one pattern tell apart.
struct ScalarClasses: Equatable, Sendable {
  /// The number of classes, the end of a text not among them.
  let count: Int
  /// For each class the sets that hold its characters; bit n is set n.
  let members: [UInt64]

  private let ascii: [UInt16]
  /// Where runs of scalars begin that only traits divide further, ascending, the first 0.
  private let starts: [UInt32]
  /// The class of each run and each traits, `[starts.count, ScalarTraits.count]`.
  private let table: [UInt16]
  private let usesWord: Bool

  /// At most 64 sets.
  init(_ sets: [ScalarSet]) {
    let starts = Set(sets.flatMap(\.boundaries) + [0]).filter { $0 <= 0x10ffff }.sorted()
    var members: [UInt64] = []
    var classes: [UInt64: UInt16] = [:]
    var table: [UInt16] = []
    table.reserveCapacity(starts.count * ScalarTraits.count)
    for start in starts {
      for number in 0..<ScalarTraits.count {
        let traits = ScalarTraits(number: number)
        var mask: UInt64 = 0
        for (place, set) in sets.enumerated() where set.contains(start, traits) {
          mask |= 1 << UInt64(place)
        }
        if classes[mask] == nil {
          classes[mask] = UInt16(truncatingIfNeeded: members.count)
          members.append(mask)
        }
        table.append(classes[mask] ?? 0)
      }
    }
    let usesWord = sets.contains(where: \.usesWord)
    self.starts = starts
    self.table = table
    self.members = members
    self.usesWord = usesWord
    count = members.count
    ascii = (0..<128).map { Self.find($0, starts, table, usesWord) }
  }

  /// The class and the length of the character at `position`; `text` is valid UTF-8.
  @inline(__always)
  func read(_ text: UnsafeBufferPointer<UInt8>, at position: Int) -> (Int, length: Int) {
    let first = text[position]
    if first < 0x80 { return (Int(ascii[Int(first)]), 1) }
    let (scalar, length) = UnicodeClass.scalar(text, at: position)
    return (Int(Self.find(scalar, starts, table, usesWord)), length)
  }

  private static func find(
    _ scalar: UInt32, _ starts: [UInt32], _ table: [UInt16], _ usesWord: Bool
  ) -> UInt16 {
    var (low, high) = (0, starts.count)
    while high - low > 1 {
      let middle = (low + high) / 2
      if starts[middle] <= scalar { low = middle } else { high = middle }
    }
    let traits = ScalarTraits(of: scalar, askingForWord: usesWord)
    return table[low * ScalarTraits.count + traits.number]
  }
}
