/// The symbols of one word as a linked list, and the possible merges between neighbours as a heap.
///
/// The queue of both merge algorithms, reused from word to word. The smallest rank comes first, of equal
/// ranks the leftmost place. Nothing is removed when it goes stale: whoever takes a candidate checks it.
/// n symbols cost O(n log n).
final class MergeQueue {
  struct Symbol {
    /// A token's id, or a value that the algorithm defines.
    var id: Int32
    /// Where the symbol begins in the word, in bytes.
    var start: Int32
    /// Its length in bytes; 0 once it has been merged into its left neighbour.
    var length: Int32
    /// The neighbours' places, -1 at the ends.
    var previous: Int32
    var next: Int32
  }

  struct Candidate {
    /// Rank in the upper half, place of the left symbol in the lower.
    var order: UInt64
    /// What tells whether the candidate is stale: the merged id or the merged length.
    var proof: Int32

    var place: Int { Int(order & 0xffff_ffff) }
  }

  /// A word of more symbols than places can be numbered is never built: texts are limited before.
  static let longestText = 1 << 30

  private(set) var symbols: UnsafeMutableBufferPointer<Symbol> = .allocate(capacity: 64)
  private(set) var count = 0
  private var heap: UnsafeMutableBufferPointer<Candidate> = .allocate(capacity: 64)
  private var heapCount = 0

  deinit {
    symbols.deallocate()
    heap.deallocate()
  }

  /// Empties the queue for the next word.
  func reset() {
    // What one giant word took is given back.
    if symbols.count > 1 << 20, count < 1 << 16 {
      symbols.deallocate()
      heap.deallocate()
      symbols = .allocate(capacity: 64)
      heap = .allocate(capacity: 64)
    }
    count = 0
    heapCount = 0
  }

  /// Adds a symbol at the end of the word.
  @inline(__always)
  func append(id: Int32, start: Int, length: Int) {
    if count == symbols.count { symbols = Self.grown(symbols, used: count) }
    let place = Int32(truncatingIfNeeded: count)
    symbols[count] = Symbol(
      id: id, start: Int32(truncatingIfNeeded: start), length: Int32(truncatingIfNeeded: length),
      previous: place - 1, next: -1)
    if count > 0 { symbols[count - 1].next = place }
    count += 1
  }

  /// Adds a possible merge of the symbol at `place` with the next one.
  @inline(__always)
  func push(rank: UInt32, place: Int, proof: Int32) {
    if heapCount == heap.count { heap = Self.grown(heap, used: heapCount) }
    let candidate = Candidate(
      order: UInt64(rank) << 32 | UInt64(truncatingIfNeeded: place), proof: proof)
    var index = heapCount
    heapCount += 1
    while index > 0 {
      let parent = (index - 1) / 2
      guard candidate.order < heap[parent].order else { break }
      heap[index] = heap[parent]
      index = parent
    }
    heap[index] = candidate
  }

  /// Takes the first candidate, or nil when there is none left.
  @inline(__always)
  func pop() -> Candidate? {
    guard heapCount > 0 else { return nil }
    let first = heap[0]
    heapCount -= 1
    let moved = heap[heapCount]
    var index = 0
    while true {
      var child = index * 2 + 1
      guard child < heapCount else { break }
      if child + 1 < heapCount, heap[child + 1].order < heap[child].order { child += 1 }
      guard heap[child].order < moved.order else { break }
      heap[index] = heap[child]
      index = child
    }
    heap[index] = moved
    return first
  }

  /// Joins the symbol at `place` with the next one, which must be there.
  @inline(__always)
  func join(_ place: Int, id: Int32) {
    let right = Int(symbols[place].next)
    symbols[place].id = id
    symbols[place].length += symbols[right].length
    symbols[place].next = symbols[right].next
    symbols[right].length = 0
    let after = Int(symbols[place].next)
    if after >= 0 { symbols[after].previous = Int32(truncatingIfNeeded: place) }
  }

  private static func grown<Element>(
    _ buffer: UnsafeMutableBufferPointer<Element>, used: Int
  ) -> UnsafeMutableBufferPointer<Element> {
    let larger = UnsafeMutableBufferPointer<Element>.allocate(capacity: buffer.count * 2)
    _ = larger.update(fromContentsOf: buffer[..<used])
    buffer.deallocate()
    return larger
  }
}
