import Operators
import Profiling
import Testing

/// Crossovers of made-up rates, and what they say.
@Suite struct BatchReportTests {
  private static let peaks = MachinePeaks(
    name: "m", memoryBytes: 1e9, readBandwidth: 10e9, fp32Rate: 0.1e12, bf16Rate: 0.4e12,
    int8Rate: 0.8e12, threads: 2, isMeasured: true)

  /// Rounds around a rate; `spread` of each, alternating.
  private static func rounds(_ rate: Double, spread: Double = 0) -> [Double] {
    (0..<4).map { rate * ($0.isMultiple(of: 2) ? 1 + spread : 1 - spread) }
  }

  private static func crossover(
    _ first: [(Int, Double)], _ second: [(Int, Double)], spread: Double = 0
  ) -> BatchCrossover {
    BatchCrossover(
      first: "A", second: "B",
      comparisons: zip(first, second).map { one, other in
        BatchCrossover.compare(
          batch: one.0, rounds(one.1, spread: spread), rounds(other.1, spread: -spread))
      })
  }

  @Test func aCrossingIsInterpolatedInLogBatch() throws {
    // Log ratios of -1 at 2 and +1 at 8: half way in log batch is 4.
    let found = Self.crossover([(2, 10), (8, 40)], [(2, 20), (8, 20)])
    let change = try #require(found.changes.first)
    #expect(found.start == "B" && found.changes.count == 1)
    #expect(abs(change.batch - 4) < 1e-9)
    #expect((change.from, change.to) == (2, 8) && change.faster == "A")
    #expect(found.short == "A beats B from 4.0 on")
    #expect(
      found.sentence
        == "B is faster up to batch 4.0, A beyond: B 2.00 times at 2, A 2.00 times at 8.")
  }

  @Test func theSteeperSideIsNearer() throws {
    // Log ratios of +3 at 1 and -1 at 2: three quarters of the way.
    let found = Self.crossover([(1, 80), (2, 10)], [(1, 10), (2, 20)])
    let change = try #require(found.changes.first)
    #expect(abs(change.batch - 1.681_792_8) < 1e-6)
    #expect(found.short == "A beats B up to 1.7")
  }

  @Test func oneFormMayWinThroughout() {
    let always = Self.crossover([(1, 30), (4, 50), (64, 66)], [(1, 10), (4, 20), (64, 55)])
    #expect(always.start == "A" && always.changes.isEmpty)
    #expect(always.short == "A beats B from 1 on")
    #expect(
      always.sentence
        == "A is faster than B at batch 1 to 64: A 3.00 times at 1, 1.20 times at 64.")
    let never = Self.crossover([(1, 10), (64, 55)], [(1, 30), (64, 66)])
    #expect(never.start == "B" && never.changes.isEmpty)
    #expect(never.short == "A never beats B up to 64")
  }

  @Test func whatIsWithinTheNoiseDecidesNothing() {
    // Apart by less than 2 %.
    let near = Self.crossover([(1, 10), (2, 10.1)], [(1, 10.1), (2, 10)])
    #expect(near.start == nil && near.changes.isEmpty)
    #expect(near.short == "A and B are alike")
    #expect(near.sentence.hasPrefix("A and B are alike at batch 1 to 2"))
    // Apart by more, but rounds disagree: two for one, two for the other.
    let loose = Self.crossover([(1, 10.6)], [(1, 10)], spread: 0.2)
    #expect(loose.comparisons[0].ratio > 1.02 && !loose.comparisons[0].isDecided)
    #expect(loose.start == nil)
    // A tie between two decisions is passed over, at both ends it is told.
    let between = Self.crossover(
      [(1, 20), (2, 10.05), (4, 10)], [(1, 10), (2, 10), (4, 20)])
    #expect(between.changes.count == 1 && between.changes[0].from == 1)
    #expect((2.0...2.03).contains(between.changes[0].batch), "\(between.changes[0].batch)")
    let end = Self.crossover([(1, 20), (2, 15), (4, 10)], [(1, 10), (2, 10), (4, 10)])
    #expect(
      end.sentence
        == "A is faster than B at batch 1 to 2, alike beyond: A 2.00 times at 1, 1.00 times at 4.")
    #expect(end.short == "A beats B at 1 to 2, alike beyond")
    let behind = Self.crossover([(1, 10), (2, 10), (4, 10)], [(1, 20), (2, 15), (4, 10)])
    #expect(behind.short == "A never beats B up to 4, alike beyond 2")
  }

  @Test func severalChangesAreAllTold() {
    let found = Self.crossover(
      [(1, 20), (4, 10), (16, 40)], [(1, 10), (4, 20), (16, 20)])
    #expect(found.changes.map(\.faster) == ["B", "A"])
    #expect(found.changes.map { $0.batch.rounded() } == [2, 8])
    #expect(found.short == "A beats B up to 2.0, and changes again")
    #expect(found.sentence.hasPrefix("A is faster up to batch 2.0, B up to 8.0, A beyond"))
  }

  @Test func whatIsMissingOrZeroIsLeftOut() {
    let found = Self.crossover([(1, 0), (2, 10)], [(1, 10), (2, 20)])
    #expect(found.comparisons.map(\.batch) == [2] && found.start == "B")
    let none = BatchCrossover(first: "A", second: "B", comparisons: [])
    #expect(none.short == "A and B are alike" && none.sentence.contains("not measured together"))
    #expect(BatchCrossover.compare(batch: 1, [1, 2], []).isDecided == false)
  }

  // MARK: Reports

  /// A form on the roofline: bytes of weights, the unit, and the share of the limit it reaches.
  private static func point(
    _ form: String, _ batch: Int, bytes: Double, _ unit: MachineLimit, share: Double
  ) -> BatchReport.Point {
    let operations = 2e9 * Double(batch)
    let memory = bytes / peaks.readBandwidth
    let compute = operations / peaks[unit]
    let limit = max(memory, compute)
    let rate = Double(batch) * share / limit
    return BatchReport.Point(
      form: form, batch: batch,
      decode: BenchReport.Rate(tokensPerSecond: rate, lowest: rate, highest: rate),
      rounds: rounds(rate), weightBytes: bytes, cacheBytes: 0, operations: operations,
      memorySeconds: memory, computeSeconds: compute, limitSeconds: limit, linearSeconds: limit,
      attentionSeconds: 0, otherSeconds: 0, unit: unit, kernel: "k")
  }

  private static let report: BatchReport = {
    let batches = [1, 4, 16, 64, 256]
    return BatchReport(
      model: "m", provider: .generic, threads: 2, depth: 0, prompt: 0, steps: 1, repetitions: 4,
      peaks: peaks,
      forms: ["BF16", "W4A16", "W8A8"].map {
        BatchReport.Form(name: $0, recipe: "", weightBytes: 1, kvBytesPerToken: 1)
      }, batches: batches,
      points: batches.flatMap { batch in
        [
          point("BF16", batch, bytes: 2e9, .bf16, share: 1),
          point("W4A16", batch, bytes: 0.5e9, .bf16, share: 0.8),
          point("W8A8", batch, bytes: 1e9, .int8, share: 0.9),
        ]
      })
  }()

  @Test func aPointTellsWhatBindsIt() throws {
    let report = Self.report
    let alone = try #require(report.point("BF16", batch: 1))
    #expect(alone.bound == .memory && abs(alone.intensity - 1) < 1e-12)
    #expect(abs(alone.bandwidth - 10e9) < 1 && abs(alone.limitShare - 1) < 1e-12)
    let many = try #require(report.point("W4A16", batch: 64))
    #expect(many.bound == .compute && abs(many.intensity - 256) < 1e-9)
    #expect(abs(many.rate - 0.32e12) < 1e3 && abs(many.limitShare - 0.8) < 1e-12)
    #expect(abs(many.tokensPerSequence * 64 - many.decode.tokensPerSecond) < 1e-9)
  }

  @Test func theBendIsWhereBytesAndOperationsTakeAsLong() throws {
    // 2e9 bytes at 10e9 a second are 0.2 s; 2e9 operations a sequence at 0.4e12 are 5 ms: batch 40.
    let bf16 = try #require(Self.report.bend(of: "BF16"))
    #expect(abs(bf16 - 40) < 1e-6)
    #expect(abs(try #require(Self.report.bend(of: "W4A16")) - 10) < 1e-6)
    #expect(abs(try #require(Self.report.bend(of: "W8A8")) - 40) < 1e-6)
    #expect(Self.report.bend(of: "none") == nil)
  }

  @Test func crossoversFollowFromPoints() throws {
    let found = Self.report.crossovers()
    #expect(
      found.map { "\($0.first)/\($0.second)" } == ["W4A16/BF16", "W8A8/BF16", "W8A8/W4A16"])
    // The unpacking costs W4A16 a fifth where both multiply in BF16; the limits know nothing of that.
    let w4 = found[0]
    #expect(w4.start == "W4A16" && w4.changes.count == 1 && w4.changes[0].faster == "BF16")
    let limits = Self.report.limitCrossover("W4A16", "BF16")
    #expect(limits.changes.isEmpty && limits.start == "W4A16")
    #expect(found[1].start == "W8A8" && found[1].changes.isEmpty)
    #expect(found[2].start == "W4A16" && found[2].changes[0].faster == "W8A8")
    #expect(Self.report.best(batch: 1) == "W4A16" && Self.report.best(batch: 256) == "W8A8")
    #expect(Self.report.best(batch: 3) == nil)
    #expect(Self.report.best(batch: 1, of: .prefill) == nil, "prefill was left out")
  }

  @Test func wordsGiveReasons() throws {
    let report = Self.report
    let reason = try #require(report.reason(report.crossovers()[0]))
    for part in [
      "W4A16 beats BF16 at 1 to 16, alike beyond", "reads 500 MB", "2.00 GB",
      "both multiply in BF16",
      "80 % and 100 %",
    ] {
      #expect(reason.contains(part), "\(part): \(reason)")
    }
    let unlike = try #require(report.reason(report.crossovers()[1]))
    #expect(unlike.contains("W8A8 multiplies in INT8, 2.0 times the rate of BF16"), "\(unlike)")
    let bounds = report.bounds
    #expect(bounds.count == 3)
    #expect(
      bounds[1].hasPrefix("W4A16 is bound by memory up to batch 10, by BF16 arithmetic beyond"),
      "\(bounds[1])")
    #expect(report.words.count == 9)
  }
}
