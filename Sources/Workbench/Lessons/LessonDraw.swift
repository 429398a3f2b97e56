import Platform

/// What is drawn when a lesson begins: one workload of the several that a stop has, the same ones for the same seed.
struct LessonDraw {
  let seed: UInt64

  /// The stops with what they have of their own drawn, and what they have of others taken over.
  func drawn(_ stops: [LessonStop]) -> [LessonStop] {
    var generator = SeededGenerator(seed: seed)
    var drawn: [LessonStop] = []
    for var stop in stops {
      if let workloads = stop.workloads, !workloads.isEmpty {
        let place = seed == 0 ? 0 : Int(generator.next() % UInt64(workloads.count))
        stop.workload = workloads[place]
        stop.workloads = nil
      }
      if let like = stop.like, let other = drawn.first(where: { $0.id == like }) {
        stop.workload = other.workload
      }
      drawn.append(stop)
    }
    return drawn
  }
}
