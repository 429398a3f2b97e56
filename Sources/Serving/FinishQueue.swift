/// Which sequences end at which decode step, the nearest first: a binary heap.
struct FinishQueue {
  struct Entry {
    /// The number of the decode step after which it ends.
    var tick: Int
    var seat: Int32
    /// Which use of the seat is meant: one that was given up since is passed over.
    var use: UInt32
  }

  private var heap: [Entry] = []

  var first: Entry? { heap.first }

  mutating func push(_ entry: Entry) {
    heap.append(entry)
    var index = heap.count - 1
    while index > 0 {
      let parent = (index - 1) / 2
      guard heap[index].tick < heap[parent].tick else { return }
      heap.swapAt(index, parent)
      index = parent
    }
  }

  mutating func pop() {
    guard let last = heap.popLast(), !heap.isEmpty else { return }
    heap[0] = last
    var index = 0
    while true {
      var least = index
      for child in [2 * index + 1, 2 * index + 2]
      where child < heap.count && heap[child].tick < heap[least].tick {
        least = child
      }
      guard least != index else { return }
      heap.swapAt(index, least)
      index = least
    }
  }
}
