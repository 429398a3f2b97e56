/// The stage that cuts a text into words, within which alone the model merges.
indirect enum PreTokenizer: Equatable, Sendable {
  /// Cuts by GPT-2's pattern if asked to, then spells bytes by `ByteLevelAlphabet`.
  case byteLevel(addsPrefixSpace: Bool, splits: Bool)
  case pattern(SplitPattern)
  case literal([UInt8], Placement)
  case digits(individual: Bool)
  case metaspace(replacement: [UInt8], prepends: PrefixScheme, splits: Bool)
  case sequence([PreTokenizer])

  /// Where an occurrence of a cutting string goes.
  enum Placement: Equatable, Sendable { case isolated, withPrevious, withNext }

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
    case .pattern(let pattern):
      var result = words
      Self.cut(&result) { pattern.end(in: $0, from: $1) }
      return result
    case .literal(let literal, let placement):
      var result = words
      Self.cut(&result, at: literal, placement)
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
      if splits { Self.cut(&result, at: replacement, .withNext) }
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
        // The scanner sees nothing behind the word; what stands before it does not matter to it.
        let word = UnsafeBufferPointer(rebasing: text[..<wordEnd])
        while position < wordEnd {
          position = max(position + 1, end(word, position))
          ends.append(position)
        }
      }
    }
    words.ends = ends
  }

  /// Cuts each word at the occurrences of `literal`.
  private static func cut(_ words: inout Words, at literal: [UInt8], _ placement: Placement) {
    literal.withUnsafeBufferPointer { literal in
      guard let first = literal.first else { return }
      cut(&words) { text, start in
        func isOccurrence(_ position: Int) -> Bool {
          text[position] == first && ByteReplacement.starts(with: literal, text, at: position)
        }
        var position = start
        if isOccurrence(start) {
          switch placement {
          case .isolated, .withPrevious: return start + literal.count
          case .withNext: position = start + literal.count
          }
        }
        while position < text.count, !isOccurrence(position) { position += 1 }
        return placement == .withPrevious && position < text.count
          ? position + literal.count : position
      }
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
