extension KernelTrace {
  /// Seconds that one record takes, its two readings of the clock included: the mean over `calls` calls of `operators`
  /// operators in turn, as a pass makes them.
  package static func secondsPerRecord(
    operators: Int, calls: Int = 1_000_000
  ) -> Double {
    let trace = KernelTrace()
    let operators = max(1, operators)
    let owners = (0..<operators).map { _ in Owner() }
    let calls = max(1, calls)
    let start = trace.now()
    var index = 0
    for _ in 0..<calls {
      let owner = owners[index]
      let begin = trace.now()
      let seconds = trace.now() - begin
      trace.add(
        Call(block: index / 16, part: .linear, owner: owner), owner: owner, bytes: 1, operations: 1,
        seconds: seconds
      ) { Name(operator: "operator", kernel: "kernel") }
      index = index + 1 < operators ? index + 1 : 0
    }
    return (trace.now() - start) / Double(calls)
  }

  private final class Owner {}
}
