/// The reader of the regular expressions that tokenizers split by, in Oniguruma's Ruby syntax.
///
/// Known are classes with ranges, nesting and `&&`, `\p{...}`, groups, alternatives, greedy and lazy
/// repetition, `(?i:...)` on letters, `$`, and looking ahead by one character. Whatever else is there is refused
/// with its place, since to skip it would be to split elsewhere.
struct PatternParser {
  /// Sets in the order of their numbers.
  private(set) var sets: [ScalarSet] = []

  private let scalars: [Unicode.Scalar]
  private var position = 0
  private var depth = 0

  /// Sets a pattern may have, groups inside one another, and times something may be repeated.
  private static let mostSets = 64
  private static let deepest = 32
  private static let mostRepeats = 256
  /// Repetitions of one another, as in `a*?{2}`.
  private static let mostRepetitions = 8

  /// Reads `pattern`; its tree and its sets.
  static func parse(
    _ pattern: String
  ) throws(PatternError) -> (node: PatternNode, sets: [ScalarSet]) {
    var parser = PatternParser(scalars: Array(pattern.unicodeScalars))
    let node = try parser.alternatives(ignoringCase: false)
    guard parser.position == parser.scalars.count else { throw parser.error("a lone \")\"") }
    return (node, parser.sets)
  }

  private init(scalars: [Unicode.Scalar]) { self.scalars = scalars }

  private func error(_ found: String) -> PatternError {
    PatternError(found: found, place: position + 1)
  }

  private func peek(_ offset: Int = 0) -> Unicode.Scalar? {
    position + offset < scalars.count ? scalars[position + offset] : nil
  }

  private mutating func accept(_ text: String) -> Bool {
    let wanted = Array(text.unicodeScalars)
    guard scalars[position...].starts(with: wanted) else { return false }
    position += wanted.count
    return true
  }

  private mutating func alternatives(ignoringCase: Bool) throws(PatternError) -> PatternNode {
    depth += 1
    guard depth <= Self.deepest else { throw error("groups more than \(Self.deepest) deep") }
    defer { depth -= 1 }
    let ignoringCase = accept("(?i)") || ignoringCase
    var choices = [try sequence(ignoringCase)]
    while accept("|") { choices.append(try sequence(ignoringCase)) }
    return choices.count == 1 ? choices[0] : .choice(choices)
  }

  private mutating func sequence(_ ignoringCase: Bool) throws(PatternError) -> PatternNode {
    var parts: [PatternNode] = []
    while let next = peek(), next != "|", next != ")" {
      let atom = try atom(ignoringCase)
      parts.append(try repeated(atom))
    }
    return parts.count == 1 ? parts[0] : .sequence(parts)
  }

  private mutating func atom(_ ignoringCase: Bool) throws(PatternError) -> PatternNode {
    switch peek() {
    case "(": return try group(ignoringCase)
    case "[": return .set(try number(of: bracket(ignoringCase)))
    case "\\": return .set(try number(of: escape(ignoringCase, inBracket: false)))
    case ".":
      position += 1
      return .set(try number(of: .inverse(.runs([0x0a...0x0a]))))
    case "^": throw error("an anchor")
    case "$":
      // The end of a line: no character follows, or a line break does.
      position += 1
      return .lookahead(set: try number(of: .inverse(.runs([0x0a...0x0a]))), isNegated: true)
    case "*", "+", "?": throw error("a repetition of nothing")
    case let scalar?:
      position += 1
      return .set(try number(of: PatternFolding.set(scalar, ignoringCase)))
    case nil: throw error("the end")
    }
  }

  private mutating func group(_ ignoringCase: Bool) throws(PatternError) -> PatternNode {
    let start = position
    var inner = ignoringCase
    var lookahead: Bool?
    if accept("(?:") {
    } else if accept("(?i:") {
      inner = true
    } else if accept("(?-i:") {
      inner = false
    } else if accept("(?=") {
      lookahead = false
    } else if accept("(?!") {
      lookahead = true
    } else if peek(1) == "?" {
      throw error("a group of a kind that is not known")
    } else {
      position += 1
    }
    let node = try alternatives(ignoringCase: inner)
    guard accept(")") else { throw error("no \")\"") }
    guard let lookahead else { return node }
    guard let set = singleSet(node) else {
      position = start
      throw error("a look ahead by more than one character")
    }
    return .lookahead(set: try number(of: set), isNegated: lookahead)
  }

  /// The characters of a tree that always matches exactly one.
  private func singleSet(_ node: PatternNode) -> ScalarSet? {
    switch node {
    case .set(let number): return sets[number]
    case .choice(let choices):
      var union: [ScalarSet] = []
      for choice in choices {
        guard let set = singleSet(choice) else { return nil }
        union.append(set)
      }
      return .union(union)
    default: return nil
    }
  }

  private mutating func repeated(_ atom: PatternNode) throws(PatternError) -> PatternNode {
    var node = atom
    var repetitions = 0
    while let next = peek() {
      let start = position
      var (least, most): (Int, Int?)
      switch next {
      case "*": (least, most) = (0, nil)
      case "+": (least, most) = (1, nil)
      case "?": (least, most) = (0, 1)
      case "{":
        guard let bounds = try interval() else { return node }
        (least, most) = bounds
      default: return node
      }
      if next != "{" { position += 1 }
      if case .lookahead = node {
        position = start
        throw error("a repeated look ahead")
      }
      var isLazy = false
      if peek() == "?" {
        guard next != "{" else { throw error("a lazy {}") }
        isLazy = true
        position += 1
      } else if peek() == "+", next != "{" {
        throw error("a repetition that gives nothing back")
      }
      repetitions += 1
      guard repetitions <= Self.mostRepetitions else {
        position = start
        throw error("more than \(Self.mostRepetitions) repetitions of one another")
      }
      node = .repetition(node, least: least, most: most, isLazy: isLazy)
    }
    return node
  }

  /// `{n}`, `{n,}`, `{,m}` or `{n,m}`; nil, and nothing read, where the brace stands for itself.
  private mutating func interval() throws(PatternError) -> (Int, Int?)? {
    let start = position
    position += 1
    let least = digits()
    var most = least
    if accept(",") { most = digits() }
    guard accept("}"), least != nil || most != nil else {
      position = start
      throw error("a brace that bounds nothing")
    }
    let low = least ?? 0
    guard low <= Self.mostRepeats, (most ?? 0) <= Self.mostRepeats, most.map({ $0 >= low }) ?? true
    else {
      position = start
      throw error("a repetition of more than \(Self.mostRepeats), or of bounds the wrong way round")
    }
    return (low, most)
  }

  private mutating func digits() -> Int? {
    var value: Int?
    while let digit = peek(), ("0"..."9").contains(digit), (value ?? 0) < 100_000 {
      value = (value ?? 0) * 10 + Int(digit.value - 0x30)
      position += 1
    }
    return value
  }

  private mutating func number(of set: ScalarSet) throws(PatternError) -> Int {
    if let known = sets.firstIndex(of: set) { return known }
    guard sets.count < Self.mostSets else { throw error("more than \(Self.mostSets) sets") }
    sets.append(set)
    return sets.count - 1
  }
}

// MARK: Sets

extension PatternParser {
  /// `[...]`, which may be negated, hold others and be cut by `&&`.
  private mutating func bracket(_ ignoringCase: Bool) throws(PatternError) -> ScalarSet {
    depth += 1
    guard depth <= Self.deepest else { throw error("sets more than \(Self.deepest) deep") }
    defer { depth -= 1 }
    position += 1
    let isNegated = accept("^")
    var intersected: [ScalarSet] = []
    var members: [ScalarSet] = []
    var isFirst = true
    while true {
      guard let next = peek() else { throw error("no \"]\"") }
      if next == "]", !isFirst {
        position += 1
        break
      }
      isFirst = false
      if accept("&&") {
        intersected.append(.union(members))
        members = []
      } else if next == "[" {
        guard peek(1) != ":" else { throw error("a POSIX class") }
        members.append(try bracket(ignoringCase))
      } else {
        members.append(try member(ignoringCase))
      }
    }
    let union = members.count == 1 ? members[0] : ScalarSet.union(members)
    let set = intersected.isEmpty ? union : .intersection(intersected + [union])
    return isNegated ? .inverse(set) : set
  }

  /// A character, a run `a-b` or an escape.
  private mutating func member(_ ignoringCase: Bool) throws(PatternError) -> ScalarSet {
    let first: Unicode.Scalar
    if peek() == "\\" {
      guard let scalar = try escapedScalar() else {
        return try escape(ignoringCase, inBracket: true)
      }
      first = scalar
    } else {
      guard let scalar = peek() else { throw error("no \"]\"") }
      position += 1
      first = scalar
    }
    guard peek() == "-", let end = peek(1), end != "]", end != "[" else {
      return PatternFolding.set(first, ignoringCase)
    }
    position += 1
    let last: Unicode.Scalar
    if end == "\\" {
      guard let scalar = try escapedScalar() else { throw error("a run that ends in a set") }
      last = scalar
    } else {
      position += 1
      last = end
    }
    guard first <= last else { throw error("a run the wrong way round") }
    guard let set = PatternFolding.set(first...last, ignoringCase) else {
      throw error("a long run without regard to case")
    }
    return set
  }

  private mutating func escape(
    _ ignoringCase: Bool, inBracket: Bool
  ) throws(PatternError) -> ScalarSet {
    if let scalar = try escapedScalar() { return PatternFolding.set(scalar, ignoringCase) }
    guard let kind = peek(1) else { throw error("a lone \"\\\"") }
    let set: ScalarSet
    switch kind {
    case "s": set = .space
    case "S": set = .inverse(.space)
    case "d": set = .category(named: "nd") ?? .everything
    case "D": set = .inverse(.category(named: "nd") ?? .everything)
    case "w": set = .word
    case "W": set = .inverse(.word)
    case "p", "P": return try property(ignoringCase, isNegated: kind == "P")
    default: throw error("\"\\\(kind)\"")
    }
    position += 2
    return set
  }

  /// `\p{Lu}`, `\P{L}`, `\p{^L}`, `\p{Han}`.
  private mutating func property(
    _ ignoringCase: Bool, isNegated: Bool
  ) throws(PatternError) -> ScalarSet {
    guard peek(2) == "{", let end = scalars[position...].firstIndex(of: "}") else {
      throw error("a property without braces")
    }
    var name = String(String.UnicodeScalarView(scalars[(position + 3)..<end])).lowercased()
    var isNegated = isNegated
    if name.hasPrefix("^") {
      name.removeFirst()
      isNegated.toggle()
    }
    for prefix in ["script=", "sc="] where name.hasPrefix(prefix) {
      name.removeFirst(prefix.count)
    }
    let set: ScalarSet
    if let category = ScalarSet.category(named: name) {
      // Upper and lower case are then one; which others join them is Oniguruma's own.
      if ignoringCase, ["lu", "ll", "lt"].contains(name) {
        throw error("the property \(name) without regard to case")
      }
      set = category
    } else if let runs = ScriptRanges.all[name] {
      set = .runs(runs)
    } else {
      throw error("the property \"\(name.prefix(40))\"")
    }
    position = end + 1
    return isNegated ? .inverse(set) : set
  }

  /// The character that an escape stands for; nil, and nothing read, for a set.
  private mutating func escapedScalar() throws(PatternError) -> Unicode.Scalar? {
    guard let kind = peek(1) else { throw error("a lone \"\\\"") }
    switch kind {
    case "n": return take(2, "\n")
    case "r": return take(2, "\r")
    case "t": return take(2, "\t")
    case "f": return take(2, "\u{0c}")
    case "v": return take(2, "\u{0b}")
    case "x" where peek(2) == "{":
      guard let end = scalars[position...].firstIndex(of: "}") else { throw error("no \"}\"") }
      return try hexadecimal((position + 3)..<end, end: end + 1)
    case "x": return try hexadecimal((position + 2)..<(position + 4), end: position + 4)
    case "u": return try hexadecimal((position + 2)..<(position + 6), end: position + 6)
    case _ where kind.isASCII && !kind.properties.isAlphabetic && !("0"..."9").contains(kind):
      return take(2, kind)
    case _ where !kind.isASCII: return take(2, kind)
    default: return nil
    }
  }

  private mutating func take(_ count: Int, _ scalar: Unicode.Scalar) -> Unicode.Scalar {
    position += count
    return scalar
  }

  private mutating func hexadecimal(
    _ range: Range<Int>, end: Int
  ) throws(PatternError) -> Unicode.Scalar {
    guard range.upperBound <= scalars.count, (1...6).contains(range.count),
      scalars[range].allSatisfy({ $0.properties.isASCIIHexDigit }),
      let value = UInt32(String(String.UnicodeScalarView(scalars[range])), radix: 16),
      let scalar = Unicode.Scalar(value)
    else { throw error("a number that is no character") }
    position = end
    return scalar
  }
}

/// Characters that are one when case does not matter.
enum PatternFolding {
  private static let longestRun = 1024

  static func set(_ scalar: Unicode.Scalar, _ ignoringCase: Bool) -> ScalarSet {
    guard ignoringCase else { return .runs([scalar.value...scalar.value]) }
    return .runs(variants(scalar).sorted().map { $0...$0 })
  }

  /// Nil for a run of more characters than are tried one by one.
  static func set(_ run: ClosedRange<Unicode.Scalar>, _ ignoringCase: Bool) -> ScalarSet? {
    let whole = run.lowerBound.value...run.upperBound.value
    guard ignoringCase else { return .runs([whole]) }
    guard whole.count <= longestRun else { return nil }
    let others = Set(whole.compactMap(Unicode.Scalar.init).flatMap(variants))
    return .runs([whole] + others.subtracting(whole).sorted().map { $0...$0 })
  }

  private static func variants(_ scalar: Unicode.Scalar) -> Set<UInt32> {
    var found: Set<UInt32> = [scalar.value]
    for mapping in [scalar.properties.lowercaseMapping, scalar.properties.uppercaseMapping] {
      let scalars = Array(mapping.unicodeScalars)
      if scalars.count == 1 { found.insert(scalars[0].value) }
    }
    // The long s and the sign for kelvin are letters of ASCII in another case.
    if !found.isDisjoint(with: [0x53, 0x73, 0x17f]) { found.formUnion([0x53, 0x73, 0x17f]) }
    if !found.isDisjoint(with: [0x4b, 0x6b, 0x212a]) { found.formUnion([0x4b, 0x6b, 0x212a]) }
    return found
  }
}
