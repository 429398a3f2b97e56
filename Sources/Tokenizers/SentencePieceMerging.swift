/// SentencePiece's byte-pair encoding: two neighbours merge when their text together is a piece.
///
/// The best score first, of equal scores the leftmost. A text is one word, so the cost is O(n log n) in
/// its length.
struct SentencePieceMerging: Sendable {
  private let vocabulary: Vocabulary
  /// The place of each id's score among all scores, the best 0.
  private let ranks: [UInt32]
  private let kinds: [SentencePieceModel.Kind]
  private let userDefined: TokenSearch

  /// Marks a user-defined piece, which merges with nothing.
  private static let frozen: Int32 = -2
  private static let free: Int32 = -1

  init(
    pieces: [SentencePieceModel.Piece], vocabulary: Vocabulary, userDefined: TokenSearch
  ) {
    self.vocabulary = vocabulary
    self.userDefined = userDefined
    kinds = pieces.map(\.kind)
    var rankOfScore: [Float: UInt32] = [:]
    for score in Set(pieces.map(\.score)).sorted(by: >) {
      rankOfScore[score] = UInt32(truncatingIfNeeded: rankOfScore.count)
    }
    ranks = pieces.map { rankOfScore[$0.score] ?? .max }
  }

  /// Cuts normalized text into pieces; `found` is given the range and the id, nil where none fits.
  func segment(_ text: UnsafeBufferPointer<UInt8>, _ found: (Range<Int>, Int32?) -> Void) {
    let queue = MergeQueue()
    var position = 0
    while position < text.count {
      let symbol = userDefined.longestPrefix(text, at: position)
      let length =
        symbol > 0
        ? symbol : min(UTF8Validation.length(first: text[position]), text.count - position)
      queue.append(id: symbol > 0 ? Self.frozen : Self.free, start: position, length: length)
      position += length
    }
    var unusedSplits: [Int32: Int] = [:]
    merge(text, queue, &unusedSplits)
    var place = 0
    while place >= 0, place < queue.count {
      let symbol = queue.symbols[place]
      let start = Int(symbol.start)
      emit(text, start..<start + Int(symbol.length), unusedSplits, found)
      place = Int(symbol.next)
    }
  }

  private func merge(
    _ text: UnsafeBufferPointer<UInt8>, _ queue: MergeQueue, _ unusedSplits: inout [Int32: Int]
  ) {
    guard queue.count > 1 else { return }
    for place in 0..<queue.count - 1 { propose(text, place, queue, &unusedSplits) }
    while let candidate = queue.pop() {
      let place = candidate.place
      let symbol = queue.symbols[place]
      guard symbol.length > 0, symbol.next >= 0,
        symbol.length + queue.symbols[Int(symbol.next)].length == candidate.proof
      else { continue }
      queue.join(place, id: Self.free)
      let joined = queue.symbols[place]
      if joined.previous >= 0 { propose(text, Int(joined.previous), queue, &unusedSplits) }
      propose(text, place, queue, &unusedSplits)
    }
  }

  @inline(__always)
  private func propose(
    _ text: UnsafeBufferPointer<UInt8>, _ place: Int, _ queue: MergeQueue,
    _ unusedSplits: inout [Int32: Int]
  ) {
    let left = queue.symbols[place]
    guard left.next >= 0 else { return }
    let right = queue.symbols[Int(left.next)]
    let length = Int(left.length) + Int(right.length)
    guard left.id != Self.frozen, right.id != Self.frozen, length <= vocabulary.longestToken,
      let id = vocabulary.id(of: Self.raw(text, Int(left.start), length))
    else { return }
    switch kinds[Int(id)] {
    case .normal, .userDefined: break
    case .unused: unusedSplits[id] = Int(left.length)
    case .unknown, .control, .byte: return
    }
    queue.push(
      rank: ranks[Int(id)], place: place, proof: Int32(truncatingIfNeeded: length))
  }

  /// An unused piece helps others to be built, but is itself given back as its parts.
  private func emit(
    _ text: UnsafeBufferPointer<UInt8>, _ range: Range<Int>, _ unusedSplits: [Int32: Int],
    _ found: (Range<Int>, Int32?) -> Void
  ) {
    var rest = [range]
    while let range = rest.popLast() {
      let id = vocabulary.id(of: Self.raw(text, range.lowerBound, range.count))
      if let id, kinds[Int(id)] == .unused, let left = unusedSplits[id], left < range.count {
        let middle = range.lowerBound + left
        rest.append(middle..<range.upperBound)
        rest.append(range.lowerBound..<middle)
      } else {
        found(range, id)
      }
    }
  }

  @inline(__always)
  private static func raw(
    _ text: UnsafeBufferPointer<UInt8>, _ start: Int, _ length: Int
  ) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(UnsafeBufferPointer(rebasing: text[start..<start + length]))
  }
}
