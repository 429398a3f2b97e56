/// The ids of words already encoded, within one call; natural text repeats most of its words.
///
/// Bounded: when it is full it answers what it knows and learns nothing more.
final class WordCache {
  private static let longestWord = 64
  private static let mostWords = 1 << 16

  private let words = ByteStringTable(expecting: 1024)
  private var ids: [Int32] = []
  /// The end of each word's ids; its start is the end of the one before.
  private var ends: [Int] = []

  /// Appends the ids of `word` to `output` and returns true when the word is known.
  func append(_ word: UnsafeRawBufferPointer, to output: inout [Int32]) -> Bool {
    guard word.count <= Self.longestWord, let number = words.number(of: word) else { return false }
    let start = number == 0 ? 0 : ends[number - 1]
    output.append(contentsOf: ids[start..<ends[number]])
    return true
  }

  /// Keeps the ids of `word`, if it is short and there is room.
  func learn(_ word: UnsafeRawBufferPointer, _ found: ArraySlice<Int32>) {
    guard word.count <= Self.longestWord, words.count < Self.mostWords,
      words.insert(word).isNew
    else { return }
    ids.append(contentsOf: found)
    ends.append(ids.count)
  }
}
