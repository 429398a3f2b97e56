/// The stage that cuts a text into words, within which alone the model merges.
indirect enum PreTokenizer: Equatable, Sendable {
  /// Cuts by GPT-2's pattern if asked to, then spells bytes by `ByteLevelAlphabet`.
  case byteLevel(addsPrefixSpace: Bool, splits: Bool)
  case pattern(SplitPattern, Behavior, isInverted: Bool)
  case literal([UInt8], Behavior, isInverted: Bool)
  /// Each sign of punctuation is an occurrence.
  case punctuation(Behavior)
  case digits(individual: Bool)
  case metaspace(replacement: [UInt8], prepends: PrefixScheme, splits: Bool)
  case sequence([PreTokenizer])

  /// Where an occurrence of what cuts goes.
  enum Behavior: String, Equatable, Sendable {
    case isolated = "Isolated"
    case removed = "Removed"
    /// Neighbouring occurrences are one word.
    case contiguous = "Contiguous"
    case withPrevious = "MergedWithPrevious"
    case withNext = "MergedWithNext"
  }

  /// Which words `metaspace` begins with a blank.
  enum PrefixScheme: Equatable, Sendable { case always, first, never }

  /// A text and where its words end.
  struct Words: Equatable, Sendable {
    var text: [UInt8]
    /// The end of each word in bytes, ascending; no word is empty.
    var ends: [Int]

    init(_ text: [UInt8]) {
      self.text = text
      ends = text.isEmpty ? [] : [text.count]
    }
  }

  /// Cuts `words` further.
  ///
  /// - Parameter beginsText: whether the first word stands at the beginning of the whole text.
  func split(_ words: Words, beginsText: Bool) -> Words {
    switch self {
    case .byteLevel(let addsPrefixSpace, let splits):
      var result = words
      if addsPrefixSpace { result = Self.prepend([0x20], to: result) { _ in true } }
      if splits { Self.cut(&result) { SplitPattern.gpt2.end(in: $0, from: $1) } }
      result.text = ByteLevelAlphabet.spell(result.text, ends: &result.ends)
      return result
    case .pattern(let pattern, let behavior, let isInverted):
      var result = words
      if behavior == .isolated {
        Self.cut(&result) { pattern.end(in: $0, from: $1) }
      } else {
        Self.cut(&result, behavior, isInverted: isInverted) { pattern.matchEnd(in: $0, from: $1) }
      }
      return result
    case .literal(let literal, let behavior, let isInverted):
      var result = words
      Self.cut(&result, at: literal, behavior, isInverted: isInverted)
      return result
    case .punctuation(let behavior):
      var result = words
      Self.cut(&result, behavior, isInverted: false, matchEnd: Self.punctuationEnd)
      return result
    case .digits(let individual):
      var result = words
      Self.cut(&result) { Self.digitsEnd($0, $1, individual: individual) }
      return result
    case .metaspace(let replacement, let prepends, let splits):
      var result = Self.replace([0x20], by: replacement, in: words)
      if prepends != .never {
        result = Self.prepend(replacement, to: result) { number in
          prepends == .always || (beginsText && number == 0)
        }
      }
      if splits { Self.cut(&result, at: replacement, .withNext, isInverted: false) }
      return result
    case .sequence(let steps):
      return steps.reduce(words) { $1.split($0, beginsText: beginsText) }
    }
  }
}

extension PreTokenizer {
  /// Cuts each word where `end`, given the bytes up to its end and a beginning, says.
  @inline(__always)
  private static func cut(
    _ words: inout Words, end: (UnsafeBufferPointer<UInt8>, Int) -> Int
  ) {
    var ends: [Int] = []
    ends.reserveCapacity(max(words.ends.count, words.text.count / 4))
    words.text.withUnsafeBufferPointer { text in
      var position = 0
      for wordEnd in words.ends {
        // The scanner sees nothing after the word; what stands before it does not matter to it.
        let word = UnsafeBufferPointer(rebasing: text[..<wordEnd])
        while position < wordEnd {
          position = max(position + 1, end(word, position))
          ends.append(position)
        }
      }
    }
    words.ends = ends
  }

  /// Cuts each word at the occurrences of `literal`, which is not empty.
  private static func cut(
    _ words: inout Words, at literal: [UInt8], _ behavior: Behavior, isInverted: Bool
  ) {
    literal.withUnsafeBufferPointer { literal in
      guard let first = literal.first else { return }
      cut(&words, behavior, isInverted: isInverted) { text, position in
        text[position] == first && ByteReplacement.starts(with: literal, text, at: position)
          ? position + literal.count : nil
      }
    }
  }

  /// Cuts each word at the occurrences that `matchEnd`, given the bytes up to its end and a beginning, finds, the
  /// leftmost first.
  ///
  /// The rules are those of the reference's `SplitDelimiterBehavior`; inverted, occurrences and what stands
  /// between them change places.
  private static func cut(
    _ words: inout Words, _ behavior: Behavior, isInverted: Bool,
    matchEnd: (UnsafeBufferPointer<UInt8>, Int) -> Int?
  ) {
    var kept: [Range<Int>] = []
    kept.reserveCapacity(max(words.ends.count, words.text.count / 4))
    words.text.withUnsafeBufferPointer { text in
      var start = 0
      for wordEnd in words.ends {
        let word = UnsafeBufferPointer(rebasing: text[..<wordEnd])
        var pieces: [(range: Range<Int>, isMatch: Bool)] = []
        var position = start
        while position < wordEnd {
          if let end = matchEnd(word, position), end > position {
            if start < position { pieces.append((start..<position, isInverted)) }
            pieces.append((position..<end, !isInverted))
            position = end
            start = end
          } else {
            position += UTF8Validation.length(first: word[position])
          }
        }
        if start < wordEnd { pieces.append((start..<wordEnd, isInverted)) }
        start = wordEnd
        kept += joined(pieces, behavior)
      }
    }
    guard behavior == .removed else {
      words.ends = kept.map(\.upperBound)
      return
    }
    var result = Words([])
    result.text.reserveCapacity(words.text.count)
    for range in kept {
      result.text.append(contentsOf: words.text[range])
      result.ends.append(result.text.count)
    }
    words = result
  }

  private static func joined(
    _ pieces: [(range: Range<Int>, isMatch: Bool)], _ behavior: Behavior
  ) -> [Range<Int>] {
    var result: [Range<Int>] = []
    var followsMatch = false
    switch behavior {
    case .isolated: return pieces.map(\.range)
    case .removed: return pieces.filter { !$0.isMatch }.map(\.range)
    case .contiguous, .withPrevious:
      for piece in pieces {
        let joins =
          behavior == .contiguous
          ? piece.isMatch == followsMatch : piece.isMatch && !followsMatch
        if joins, let last = result.popLast() {
          result.append(last.lowerBound..<piece.range.upperBound)
        } else {
          result.append(piece.range)
        }
        followsMatch = piece.isMatch
      }
      return result
    case .withNext:
      for piece in pieces.reversed() {
        if piece.isMatch, !followsMatch, let last = result.popLast() {
          result.append(piece.range.lowerBound..<last.upperBound)
        } else {
          result.append(piece.range)
        }
        followsMatch = piece.isMatch
      }
      return result.reversed()
    }
  }

  /// The end of one sign of punctuation: ASCII's, or of a category of punctuation.
  private static func punctuationEnd(
    _ text: UnsafeBufferPointer<UInt8>, _ position: Int
  ) -> Int? {
    let (scalar, length) = UnicodeClass.scalar(text, at: position)
    switch scalar {
    case 0x21...0x2f, 0x3a...0x40, 0x5b...0x60, 0x7b...0x7e: return position + length
    case 0..<0x80: return nil
    default:
      let category = ScalarTraits(of: scalar, askingForWord: false).category
      return ScalarTraits.categoryNames[category].hasPrefix("p") ? position + length : nil
    }
  }

  private static func digitsEnd(
    _ text: UnsafeBufferPointer<UInt8>, _ start: Int, individual: Bool
  ) -> Int {
    let (kind, length) = UnicodeClass.read(text, at: start)
    var position = start + length
    if individual, kind == .number { return position }
    while position < text.count {
      let (next, length) = UnicodeClass.read(text, at: position)
      guard (next == .number) == (kind == .number) else { break }
      position += length
    }
    return position
  }

  /// Puts `prefix` before each chosen word that does not begin with it.
  private static func prepend(
    _ prefix: [UInt8], to words: Words, where isChosen: (Int) -> Bool
  ) -> Words {
    var result = Words([])
    result.text.reserveCapacity(words.text.count + prefix.count * words.ends.count)
    result.ends.reserveCapacity(words.ends.count)
    var start = 0
    for (number, end) in words.ends.enumerated() {
      let word = words.text[start..<end]
      if isChosen(number), !word.starts(with: prefix) { result.text.append(contentsOf: prefix) }
      result.text.append(contentsOf: word)
      result.ends.append(result.text.count)
      start = end
    }
    return result
  }

  private static func replace(
    _ pattern: [UInt8], by content: [UInt8], in words: Words
  ) -> Words {
    var result = Words([])
    result.ends.reserveCapacity(words.ends.count)
    var start = 0
    for end in words.ends {
      result.text.append(
        contentsOf: ByteReplacement.replace(
          pattern, with: content, in: Array(words.text[start..<end])))
      result.ends.append(result.text.count)
      start = end
    }
    return result
  }
}
