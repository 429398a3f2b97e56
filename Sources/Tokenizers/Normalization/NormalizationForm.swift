/// A Unicode normalization form (Unicode Standard Annex 15).
///
/// Written out by the annex's own steps, since the standard library's forms leave characters in another order where
/// a starter decomposes into marks (U+0F73).
enum NormalizationForm: String, Sendable, CaseIterable {
  case c = "NFC"
  case d = "NFD"
  case kc = "NFKC"
  case kd = "NFKD"

  private var isComposed: Bool { self == .c || self == .kc }
  private var isCompatible: Bool { self == .kc || self == .kd }

  /// `text`, which is valid UTF-8, in this form; linear in the text but for runs of marks, which are sorted.
  func normalize(_ text: [UInt8]) -> [UInt8] {
    // Below U+0080 nothing changes in any form, below U+0300 nothing in form C.
    guard text.contains(where: { $0 >= (self == .c ? 0xcc : 0x80) }) else { return text }
    let tables = NormalizationTables.shared
    let mayChange = text.withUnsafeBufferPointer { bytes in
      var position = 0
      while position < bytes.count {
        let (scalar, length) = UnicodeClass.scalar(bytes, at: position)
        if tables.mayChange(scalar, in: self) { return true }
        position += length
      }
      return false
    }
    guard mayChange else { return text }
    var scalars = decomposed(text, tables)
    Self.order(&scalars)
    if isComposed { Self.compose(&scalars, tables) }
    return Self.encode(scalars)
  }

  /// A scalar and its combining class.
  private struct Item {
    var scalar: UInt32
    var combining: UInt8
  }

  private func decomposed(_ text: [UInt8], _ tables: NormalizationTables) -> [Item] {
    var items: [Item] = []
    items.reserveCapacity(text.count)
    text.withUnsafeBufferPointer { bytes in
      var position = 0
      while position < bytes.count {
        let (scalar, length) = UnicodeClass.scalar(bytes, at: position)
        position += length
        if let syllable = HangulSyllable(scalar) {
          for part in syllable.parts { items.append(Item(scalar: part, combining: 0)) }
        } else if let parts = tables.decomposition(of: scalar, isCompatible: isCompatible) {
          for part in parts {
            items.append(Item(scalar: part, combining: tables.combiningClass(of: part)))
          }
        } else {
          items.append(Item(scalar: scalar, combining: tables.combiningClass(of: scalar)))
        }
      }
    }
    return items
  }

  /// The canonical ordering: marks between two starters by their classes, those of one class as they came.
  private static func order(_ items: inout [Item]) {
    var start = 0
    while start < items.count {
      guard items[start].combining != 0 else {
        start += 1
        continue
      }
      var end = start + 1
      while end < items.count, items[end].combining != 0 { end += 1 }
      let isOrdered = (start + 1..<end).allSatisfy {
        items[$0 - 1].combining <= items[$0].combining
      }
      if !isOrdered {
        // Ordered by class, then by place: the library's sort need not be stable.
        let sorted = items[start..<end].enumerated().sorted {
          ($0.element.combining, $0.offset) < ($1.element.combining, $1.offset)
        }
        items.replaceSubrange(start..<end, with: sorted.map(\.element))
      }
      start = end
    }
  }

  /// The canonical composition: each character joins the last starter before it unless one of its class or
  /// higher stands between them.
  private static func compose(_ items: inout [Item], _ tables: NormalizationTables) {
    var written = 0
    var starter = -1
    var lastClass = 0
    for index in items.indices {
      let item = items[index]
      let isNext = starter >= 0 && starter == written - 1
      let isBlocked = !isNext && lastClass >= Int(item.combining)
      if starter >= 0, !isBlocked,
        let joined = tables.composition(items[starter].scalar, item.scalar)
      {
        items[starter].scalar = joined
        continue
      }
      if item.combining == 0 { starter = written }
      lastClass = Int(item.combining)
      items[written] = item
      written += 1
    }
    items.removeSubrange(written...)
  }

  private static func encode(_ items: [Item]) -> [UInt8] {
    var result: [UInt8] = []
    result.reserveCapacity(items.count * 3)
    for item in items {
      guard let scalar = Unicode.Scalar(item.scalar) else { continue }
      result.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
    }
    return result
  }
}

/// A syllable of Hangul, which is made of its letters by arithmetic (Unicode Standard, section 3.12).
struct HangulSyllable {
  private static let first: UInt32 = 0xac00
  private static let leads: UInt32 = 0x1100
  private static let vowels: UInt32 = 0x1161
  private static let tails: UInt32 = 0x11a7
  private static let counts: (lead: UInt32, vowel: UInt32, tail: UInt32) = (19, 21, 28)

  private let index: UInt32

  /// Nil for what is no syllable.
  init?(_ scalar: UInt32) {
    guard (Self.first...0xd7a3).contains(scalar) else { return nil }
    index = scalar - Self.first
  }

  /// Its two or three letters.
  var parts: [UInt32] {
    let tail = index % Self.counts.tail
    let lead = Self.leads + index / (Self.counts.vowel * Self.counts.tail)
    let vowel = Self.vowels + index / Self.counts.tail % Self.counts.vowel
    return tail == 0 ? [lead, vowel] : [lead, vowel, Self.tails + tail]
  }

  /// What two neighbours become, or nil.
  static func composition(_ left: UInt32, _ right: UInt32) -> UInt32? {
    if (leads..<leads + counts.lead).contains(left),
      (vowels..<vowels + counts.vowel).contains(right)
    {
      return first + ((left - leads) * counts.vowel + right - vowels) * counts.tail
    }
    if let syllable = HangulSyllable(left), syllable.index % counts.tail == 0,
      (tails + 1..<tails + counts.tail).contains(right)
    {
      return left + right - tails
    }
    return nil
  }

  /// Whether a scalar is a letter that can join what stands before it.
  static func joins(_ scalar: UInt32) -> Bool {
    (vowels..<vowels + counts.vowel).contains(scalar)
      || (tails + 1..<tails + counts.tail).contains(scalar)
  }
}
