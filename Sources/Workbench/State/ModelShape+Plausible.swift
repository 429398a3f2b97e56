package import Models

extension ModelShape {
  /// Whether every size lies within what any model has, so that products of them cannot overflow.
  ///
  /// A session file may claim any numbers; this is where they are stopped.
  package var isPlausible: Bool {
    func lies(_ value: Int, below bits: Int) -> Bool { value >= 0 && value < 1 << bits }
    return lies(blocks, below: 16) && lies(blocksWithCache, below: 16)
      && lies(hiddenSize, below: 20) && lies(intermediateSize, below: 22)
      && lies(heads, below: 12) && lies(kvHeads, below: 12) && lies(headDimension, below: 12)
      && lies(vocabularySize, below: 26) && lies(context, below: 40)
      && lies(slidingWindow, below: 40)
      && (windows.map { $0.count == blocks && $0.allSatisfy { lies($0, below: 40) } } ?? true)
      && (cacheOwners.map { $0.count == blocks && $0.allSatisfy { lies($0, below: 16) } } ?? true)
  }
}
