/// Continuous batching on one machine: who is computed in the next step, and who has to wait or to begin again.
///
/// First come, first served. A step gives every sequence that is past its prompt one token, and computes up to
/// `limits.chunk` tokens of prompts, the earliest first. A prompt enters when its blocks are free; a cached sequence takes
/// a block whenever its length passes one (arXiv 2309.06180). When none is free, prefixes that nobody holds go first, then
/// the sequence that entered last gives all of its own back and is computed again later, what it had generated included.
///
/// A step costs the same whatever the number of sequences in it: what they need is kept in sums, and sequences are looked
/// at only when they enter, end or are given up. It knows no clock; simulation and the real engine both ask it.
package struct BatchScheduler {
  /// Part of a prompt that a step computes.
  package struct Chunk: Hashable, Sendable {
    package var seat: Int
    /// Tokens of the sequence that are cached before it.
    package var start: Int
    package var count: Int
    /// Whether the prompt ends with it, so that its last token yields the next.
    package var isLast: Bool
  }

  /// Who came in, who went out: what an engine has to follow, as `next` and `complete` tell it.
  package struct Events: Sendable {
    /// Seats that were taken: of which request, and how many tokens of which cached prefix they start with.
    package var admitted: [(seat: Int, request: Int, prefix: Int?, cached: Int)] = []
    /// Seats that were given up, to be computed again later.
    package var preempted: [Int] = []
    /// Prefixes that are no longer cached.
    package var evicted: [Int] = []
    package var chunks: [Chunk] = []
    /// Prefixes whose blocks a seat has computed, so that others share them.
    package var entered: [(seat: Int, prefix: Int, tokens: Int)] = []
    /// Requests that got their first token, and those that got their last.
    package var began: [Int] = []
    package var finished: [(seat: Int, request: Int)] = []

    package init() {}
  }

  /// A sequence that is on the machine.
  private struct Seat {
    var request: Int32 = -1
    /// Tokens that have to be in the cache before it goes on one by one.
    var goal: Int32 = 0
    var computed: Int32 = 0
    /// Tokens it still has to get after that of its prompt.
    var remaining: Int32 = 0
    /// The number of the decode step before its first; -1 while its prompt is computed.
    var entered = -1
    /// The deepest prefix that it shares.
    var node: Int32 = -1
    /// Whether what it computes may still become a shared prefix.
    var isSharing = true
    var use: UInt32 = 0
    var before: Int32 = -1
    var after: Int32 = -1
  }

  package let limits: ServingLimits
  package private(set) var requests: [ServedRequest] = []
  package private(set) var events = Events()
  /// Sequences given up, over all requests.
  package private(set) var preemptions = 0
  /// Tokens of prompts that were in the cache already.
  package private(set) var cachedTokens = 0
  /// Requests that no machine of this size can serve.
  package private(set) var refused = 0
  /// Blocks that nobody has.
  package private(set) var free: Int
  /// Sequences that get a token a step, and those on the machine in all.
  package private(set) var decoding = 0
  package private(set) var running = 0

  /// Tokens each request has got before it was given up last.
  private var generated: [Int32] = []
  /// The first request that has never been on the machine.
  private var waitingFrom = 0
  /// Requests that were given up, the one that came first on top.
  private var returned: [Int32] = []
  private var seats: [Seat]
  private var freeSeats: [Int32]
  private var lastSeat: Int32 = -1
  private var firstSeat: Int32 = -1
  /// Seats whose prompt is not computed yet, in the order they entered.
  private var filling: [Int32] = []
  private var prefixes: PrefixBlocks
  private var finish = FinishQueue()
  /// Decode steps so far.
  private var tick = 0
  /// Cached tokens of all sequences that get a token a step.
  private var depth = 0
  /// How many of those take a block before the decode steps whose number leaves this remainder.
  private var takers: [Int]
  /// What was asked for last and is not completed yet.
  private var step = ServingStep()

  package init(_ limits: ServingLimits, prefixes tree: PrefixTree = PrefixTree()) {
    self.limits = limits
    free = limits.blocks
    seats = .init(repeating: Seat(), count: limits.seats)
    freeSeats = (0..<Int32(limits.seats)).reversed()
    prefixes = PrefixBlocks(tree, blockTokens: limits.blockTokens)
    takers = .init(repeating: 0, count: limits.blockTokens)
  }

  /// Requests that have come and are not on the machine.
  package var waiting: Int { requests.count - waitingFrom + returned.count }
  /// Requests that have come and are not finished.
  package var inFlight: Int { waiting + running }
  /// Blocks that sequences hold, prefixes that somebody shares counted once.
  package var usedBlocks: Int { limits.blocks - free - prefixes.evictable }
  /// Blocks of prefixes that nobody holds at the moment.
  package var idlePrefixBlocks: Int { prefixes.evictable }

  /// Takes a request that has come.
  package mutating func offer(_ request: ServedRequest) {
    requests.append(request)
    generated.append(0)
  }

  /// The seats that get a token in the step `next` gave, in the order they entered.
  package var decodingSeats: [Int] {
    var found: [Int] = []
    var seat = firstSeat
    while seat >= 0 {
      if seats[Int(seat)].entered >= 0 { found.append(Int(seat)) }
      seat = seats[Int(seat)].after
    }
    return found
  }

  /// What the next step computes; nil where there is nothing to do until a request comes.
  package mutating func next() -> ServingStep? {
    events.clear()
    step = ServingStep()
    let isTight = secureBlocks()
    step.decodes = decoding
    step.decodeReads = Double(depth + decoding)
    var budget = limits.chunk
    for seat in filling where budget > 0 { budget -= plan(seat, budget) }
    while budget > 0, !isTight, let seat = admit() { budget -= plan(seat, budget) }
    return step.isEmpty ? nil : step
  }

  /// Counts the step as computed.
  package mutating func complete() {
    if step.decodes > 0 {
      tick += 1
      depth += step.decodes
    }
    while let first = finish.first, first.tick <= tick {
      finish.pop()
      guard seats[Int(first.seat)].use == first.use else { continue }
      end(first.seat)
    }
    for chunk in events.chunks { fill(Int32(chunk.seat), chunk) }
    if events.chunks.contains(where: \.isLast) {
      filling.removeAll { seats[Int($0)].entered >= 0 || seats[Int($0)].request < 0 }
    }
    step = ServingStep()
  }
}

extension BatchScheduler {
  /// Takes the blocks that decoding goes on into.
  ///
  /// - Returns: whether somebody had to be given up for them.
  private mutating func secureBlocks() -> Bool {
    var isTight = false
    while decoding > 0 {
      let needed = takers[tick % limits.blockTokens]
      if free >= needed {
        free -= needed
        return isTight
      }
      if !evict() {
        isTight = true
        preempt()
      }
    }
    return isTight
  }

  private mutating func evict() -> Bool {
    guard let gone = prefixes.evict() else { return false }
    free += gone.blocks
    events.evicted.append(Int(gone.node))
    return true
  }

  /// Plans the next tokens of a prompt and yields how many.
  private mutating func plan(_ index: Int32, _ budget: Int) -> Int {
    let seat = seats[Int(index)]
    let count = min(budget, Int(seat.goal - seat.computed))
    step.addChunk(start: Int(seat.computed), count: count)
    events.chunks.append(
      Chunk(
        seat: Int(index), start: Int(seat.computed), count: count,
        isLast: Int(seat.computed) + count == Int(seat.goal)))
    return count
  }

  /// Lets the request that came first onto the machine, where there is room.
  private mutating func admit() -> Int32? {
    // What never fits is told of and passed over.
    while returned.isEmpty, waitingFrom < requests.count,
      limits.blocks(of: requests[waitingFrom]) > limits.blocks
    {
      waitingFrom += 1
      refused += 1
    }
    guard let request = returned.last ?? (waitingFrom < requests.count ? Int32(waitingFrom) : nil),
      let index = freeSeats.last
    else { return nil }
    let asked = requests[Int(request)]
    let goal = asked.prompt + Int(generated[Int(request)])
    let node =
      limits.sharesPrefixes
      ? prefixes.found(towards: Int32(asked.prefix ?? -1), before: goal) : -1
    let needed =
      (goal + limits.blockTokens - 1) / limits.blockTokens - prefixes.sharedBlocks(node)
      + limits.seatBlocks
    // One of a hundred blocks stays free, so that who enters is not given up at once.
    let spare = running > 0 ? limits.blocks / 100 : 0
    let room = free + prefixes.evictable - prefixes.unpinned(upTo: node)
    guard room >= needed + spare else { return nil }
    prefixes.pin(node)
    while free < needed, evict() {}
    free -= needed
    freeSeats.removeLast()
    if returned.popLast() == nil { waitingFrom += 1 }
    var seat = Seat()
    seat.request = request
    seat.goal = Int32(goal)
    seat.computed = Int32(prefixes.sharedTokens(node))
    seat.remaining = Int32(asked.generated) - generated[Int(request)] - 1
    seat.node = node
    seat.isSharing = limits.sharesPrefixes && asked.prefix != nil
    seat.use = seats[Int(index)].use
    seat.before = lastSeat
    seats[Int(index)] = seat
    if lastSeat >= 0 { seats[Int(lastSeat)].after = index } else { firstSeat = index }
    lastSeat = index
    filling.append(index)
    running += 1
    cachedTokens += Int(seat.computed)
    events.admitted.append(
      (Int(index), Int(request), node < 0 ? nil : Int(node), Int(seat.computed)))
    return index
  }

  /// Gives up the sequence that entered last.
  private mutating func preempt() {
    let index = lastSeat
    let seat = seats[Int(index)]
    if seat.entered >= 0 {
      generated[Int(seat.request)] += Int32(tick - seat.entered) + 1
    } else {
      filling.removeAll { $0 == index }
    }
    returned.append(seat.request)
    preemptions += 1
    events.preempted.append(Int(index))
    leave(index)
  }

  /// A sequence that has its last token.
  private mutating func end(_ index: Int32) {
    events.finished.append((Int(index), Int(seats[Int(index)].request)))
    leave(index)
  }

  /// Frees a seat and what only it holds.
  private mutating func leave(_ index: Int32) {
    let seat = seats[Int(index)]
    var length = Int(seat.goal)
    if seat.entered >= 0 {
      length += tick - seat.entered
      decoding -= 1
      depth -= length
      takers[taking(seat)] -= 1
    }
    free +=
      (length + limits.blockTokens - 1) / limits.blockTokens
      - prefixes.sharedBlocks(seat.node) + limits.seatBlocks
    prefixes.unpin(seat.node)
    if seat.before >= 0 {
      seats[Int(seat.before)].after = seat.after
    } else {
      firstSeat = seat.after
    }
    if seat.after >= 0 {
      seats[Int(seat.after)].before = seat.before
    } else {
      lastSeat = seat.before
    }
    seats[Int(index)] = Seat()
    seats[Int(index)].use = seat.use &+ 1
    freeSeats.append(index)
    running -= 1
  }

  /// The remainder of the numbers of the decode steps before which a sequence takes a block: those at whole blocks.
  private func taking(_ seat: Seat) -> Int {
    let rest = (seat.entered - Int(seat.goal)) % limits.blockTokens
    return rest < 0 ? rest + limits.blockTokens : rest
  }

  /// Counts part of a prompt as computed; the last part yields a token.
  private mutating func fill(_ index: Int32, _ chunk: Chunk) {
    seats[Int(index)].computed += Int32(chunk.count)
    share(index)
    guard chunk.isLast else { return }
    let seat = seats[Int(index)]
    if generated[Int(seat.request)] == 0 { events.began.append(Int(seat.request)) }
    guard seat.remaining > 0 else { return end(index) }
    seats[Int(index)].entered = tick
    decoding += 1
    depth += Int(seat.goal)
    takers[taking(seats[Int(index)])] += 1
    finish.push(.init(tick: tick + Int(seat.remaining), seat: index, use: seat.use))
  }

  /// Makes prefixes that a seat has computed common.
  private mutating func share(_ index: Int32) {
    let seat = seats[Int(index)]
    guard seat.isSharing, let goal = requests[Int(seat.request)].prefix else { return }
    for node in prefixes.missing(
      from: seat.node, to: Int32(goal), tokens: min(Int(seat.computed), Int(seat.goal)))
    {
      // Another computed the same meanwhile: this one keeps its own copy.
      guard !prefixes.contains(node) else {
        seats[Int(index)].isSharing = false
        return
      }
      _ = prefixes.enter(node)
      seats[Int(index)].node = node
      events.entered.append((Int(index), Int(node), prefixes.sharedTokens(node)))
      if Int(node) == goal { seats[Int(index)].isSharing = false }
    }
  }
}

extension BatchScheduler.Events {
  fileprivate mutating func clear() {
    admitted.removeAll(keepingCapacity: true)
    preempted.removeAll(keepingCapacity: true)
    evicted.removeAll(keepingCapacity: true)
    chunks.removeAll(keepingCapacity: true)
    entered.removeAll(keepingCapacity: true)
    began.removeAll(keepingCapacity: true)
    finished.removeAll(keepingCapacity: true)
  }
}
