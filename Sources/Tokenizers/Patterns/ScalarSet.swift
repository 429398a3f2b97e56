/// A set of characters as a pattern names it: categories, runs, and what is made of them.
///
/// Whether a character is in it depends on the runs that hold it and on its `ScalarTraits` alone, which is
/// what lets `ScalarClasses` put all characters into few classes.
indirect enum ScalarSet: Equatable, Sendable {
  /// Characters whose general category is one of these; bit n is `ScalarTraits.category` n.
  case categories(UInt32)
  /// `\s`: White_Space.
  case space
  /// `\w` of Oniguruma: that of Unicode Technical Standard 18 without the joiners.
  case word
  case runs([ClosedRange<UInt32>])
  case union([ScalarSet])
  case intersection([ScalarSet])
  case inverse(ScalarSet)

  static let everything = ScalarSet.runs([0...0x10ffff])

  func contains(_ scalar: UInt32, _ traits: ScalarTraits) -> Bool {
    switch self {
    case .categories(let mask): mask >> UInt32(traits.category) & 1 == 1
    case .space: traits.isSpace
    case .word: traits.isWord
    case .runs(let runs): runs.contains { $0.contains(scalar) }
    case .union(let sets): sets.contains { $0.contains(scalar, traits) }
    case .intersection(let sets): sets.allSatisfy { $0.contains(scalar, traits) }
    case .inverse(let set): !set.contains(scalar, traits)
    }
  }

  /// Where membership can change between one scalar and the next for reasons other than traits.
  var boundaries: [UInt32] {
    switch self {
    case .categories, .space, .word: []
    case .runs(let runs): runs.flatMap { [$0.lowerBound, $0.upperBound &+ 1] }
    case .union(let sets), .intersection(let sets): sets.flatMap(\.boundaries)
    case .inverse(let set): set.boundaries
    }
  }

  /// Whether it asks for `\w`, which costs more to look up.
  var usesWord: Bool {
    switch self {
    case .word: true
    case .categories, .space, .runs: false
    case .union(let sets), .intersection(let sets): sets.contains(where: \.usesWord)
    case .inverse(let set): set.usesWord
    }
  }

  /// The categories that `\p{name}` stands for, or nil: `L`, `Lu`, `Letter`.
  static func category(named name: String) -> ScalarSet? {
    let longNames = [
      "letter": "l", "mark": "m", "number": "n", "punctuation": "p", "punct": "p", "symbol": "s",
      "separator": "z", "other": "c", "uppercase_letter": "lu", "lowercase_letter": "ll",
      "decimal_number": "nd", "digit": "nd",
    ]
    let short = longNames[name] ?? name
    guard (1...2).contains(short.utf8.count) else { return nil }
    var mask: UInt32 = 0
    for (number, known) in ScalarTraits.categoryNames.enumerated() where known.hasPrefix(short) {
      mask |= 1 << UInt32(number)
    }
    return mask == 0 ? nil : .categories(mask)
  }
}

/// What the standard library knows of a character that patterns ask for.
struct ScalarTraits: Equatable, Sendable {
  /// The place of the general category in `categoryNames`.
  var category: Int
  var isSpace: Bool
  var isWord: Bool

  /// General categories in lower case, in a fixed order.
  static let categoryNames = [
    "lu", "ll", "lt", "lm", "lo", "mn", "mc", "me", "nd", "nl", "no", "pc", "pd", "ps", "pe", "pi",
    "pf", "po", "sm", "sc", "sk", "so", "zs", "zl", "zp", "cc", "cf", "cs", "co", "cn",
  ]

  /// How many different traits there are.
  static let count = categoryNames.count * 4

  /// The number of these traits among all.
  var number: Int { category * 4 + (isSpace ? 2 : 0) + (isWord ? 1 : 0) }

  init(category: Int, isSpace: Bool, isWord: Bool) {
    self.category = category
    self.isSpace = isSpace
    self.isWord = isWord
  }

  init(number: Int) {
    self.init(category: number / 4, isSpace: number & 2 != 0, isWord: number & 1 != 0)
  }

  /// The traits of a scalar; `\w` is looked up only when asked for, and is false otherwise.
  init(of scalar: UInt32, askingForWord: Bool) {
    guard let properties = Unicode.Scalar(scalar)?.properties else {
      self.init(category: 27, isSpace: false, isWord: false)
      return
    }
    self.init(
      category: Self.place(of: properties.generalCategory), isSpace: properties.isWhitespace,
      isWord: askingForWord && UnicodeClass.isWord(scalar) && !properties.isJoinControl)
  }

  private static func place(of category: Unicode.GeneralCategory) -> Int {
    switch category {
    case .uppercaseLetter: 0
    case .lowercaseLetter: 1
    case .titlecaseLetter: 2
    case .modifierLetter: 3
    case .otherLetter: 4
    case .nonspacingMark: 5
    case .spacingMark: 6
    case .enclosingMark: 7
    case .decimalNumber: 8
    case .letterNumber: 9
    case .otherNumber: 10
    case .connectorPunctuation: 11
    case .dashPunctuation: 12
    case .openPunctuation: 13
    case .closePunctuation: 14
    case .initialPunctuation: 15
    case .finalPunctuation: 16
    case .otherPunctuation: 17
    case .mathSymbol: 18
    case .currencySymbol: 19
    case .modifierSymbol: 20
    case .otherSymbol: 21
    case .spaceSeparator: 22
    case .lineSeparator: 23
    case .paragraphSeparator: 24
    case .control: 25
    case .format: 26
    case .surrogate: 27
    case .privateUse: 28
    case .unassigned: 29
    @unknown default: 29
    }
  }
}
