/// A pattern as instructions of a machine whose threads are tried in order (Thompson 1968, Pike 1987).
struct PatternProgram {
  enum Instruction: Equatable {
    /// Takes one character of the set and goes on at the next instruction.
    case set(Int)
    /// Goes on at the first, or else at the second.
    case split(Int, Int)
    case jump(Int)
    case lookahead(set: Int, isNegated: Bool)
    case match
  }

  private(set) var instructions: [Instruction] = []

  private static let most = 4096

  /// - Throws: `PatternError` for a pattern that becomes too long.
  init(_ node: PatternNode) throws(PatternError) {
    guard node.size < Self.most else {
      throw PatternError(found: "more than \(Self.most) steps when it is written out", place: 1)
    }
    add(node)
    instructions.append(.match)
  }

  private mutating func add(_ node: PatternNode) {
    switch node {
    case .set(let set): instructions.append(.set(set))
    case .lookahead(let set, let isNegated):
      instructions.append(.lookahead(set: set, isNegated: isNegated))
    case .sequence(let parts): for part in parts { add(part) }
    case .choice(let choices):
      var jumps: [Int] = []
      for (number, choice) in choices.enumerated() {
        if number == choices.count - 1 {
          add(choice)
        } else {
          let split = reserve()
          add(choice)
          jumps.append(reserve())
          instructions[split] = .split(split + 1, instructions.count)
        }
      }
      for jump in jumps { instructions[jump] = .jump(instructions.count) }
    case .repetition(let body, let least, let most, let isLazy):
      for _ in 0..<least { add(body) }
      if let most {
        var splits: [Int] = []
        for _ in least..<max(most, least) {
          splits.append(reserve())
          add(body)
        }
        for split in splits {
          instructions[split] = fork(split + 1, instructions.count, isLazy)
        }
      } else {
        let split = reserve()
        add(body)
        instructions.append(.jump(split))
        instructions[split] = fork(split + 1, instructions.count, isLazy)
      }
    }
  }

  private mutating func reserve() -> Int {
    instructions.append(.match)
    return instructions.count - 1
  }

  private func fork(_ body: Int, _ after: Int, _ isLazy: Bool) -> Instruction {
    isLazy ? .split(after, body) : .split(body, after)
  }

  /// The threads of `threads` that wait for a character, in order, when the next one is in `members` (nil at
  /// the end of the text); those that come after a finished one are dropped.
  ///
  /// - Parameter steps: counted down.
  func waiting(
    _ threads: [Int], next members: UInt64?, steps: inout Int
  ) -> (threads: [Int], isMatch: Bool) {
    var waiting: [Int] = []
    var seen: Set<Int> = []
    for thread in threads {
      var pending = [thread]
      while let place = pending.popLast() {
        guard seen.insert(place).inserted else { continue }
        steps -= 1
        switch instructions[place] {
        case .set: waiting.append(place)
        case .match: return (waiting, true)
        case .jump(let target): pending.append(target)
        case .split(let first, let second):
          pending.append(second)
          pending.append(first)
        case .lookahead(let set, let isNegated):
          let isThere = members.map { $0 >> UInt64(set) & 1 == 1 } ?? false
          if isThere != isNegated { pending.append(place + 1) }
        }
      }
    }
    return (waiting, false)
  }

  /// Where threads go on that took a character in `members`.
  func advanced(_ threads: [Int], over members: UInt64) -> [Int] {
    threads.compactMap { place in
      guard case .set(let set) = instructions[place], members >> UInt64(set) & 1 == 1 else {
        return nil
      }
      return place + 1
    }
  }
}
