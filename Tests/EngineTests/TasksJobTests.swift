import Engine
import Evaluation
import Models
import Quantization
import Tensors
import TestSupport
import Testing

/// Tasks: files of two forms, what is wrong with them by line and field, and what comes of asking.
@Suite(.serialized) struct TasksJobTests {
  private static func outcome(_ text: String, _ recipe: String? = nil) throws -> Result<
    TaskReport, Ended
  > {
    let folder = try TemporaryFolder()
    let path = try folder.file("t.jsonl", text)
    let laboratory = try Laboratory(threads: 2)
    _ = try perform(laboratory, LoadJob(path: nil))
    if let recipe {
      _ = try perform(
        laboratory,
        QuantizeJob(
          recipe: RecipeText.recipe(recipe),
          calibration: CalibrationOptions(samples: 2, length: 64), keeping: .nothing))
    }
    return Result { try perform(laboratory, TasksJob(path: path)) }.mapError { $0 as! Ended }
  }

  private static let plain = #"""
    {"id": "a", "context": "Once there was a", "choices": ["boy named Theo", "qqz zzq xx"], "answer": 0}
    {"context": "Once there was a ", "choices": ["zz qq", "girl"], "answer": 1}

    {"id": "c", "context": "The sun went down, and all was", "expected": [" well.", "fine"], "until": [".\n", "\n", "."], "max_tokens": 4}
    """#

  @Test func theBaselineIsItsOwnEqual() throws {
    let report = try Self.outcome(Self.plain).get()
    #expect(report.items.map(\.id) == ["a", "line 2", "c"])
    #expect(report.scores.map(\.name) == ["accuracy", "accuracy by length", "exact answers"])
    #expect(report.items.allSatisfy { $0.baseline == $0.quantized })
    #expect(report.scores.allSatisfy { $0.p == 1 && $0.lost == 0 && $0.gained == 0 })
    #expect(report.scores[0].baseline.right == 2)
    #expect(report.scores[0].chance == 0.5)
    // Two items cannot be told from guessing: no tick anywhere.
    #expect(report.scores[0].weakness != nil)
    #expect(report.scores[0].verdict.hasPrefix("no power"))
    #expect(report.items[2].baseline.text != nil)
  }

  /// The same items as the harness logs them, once with named and once with listed arguments.
  @Test func samplesOfTheHarnessAreRead() throws {
    let logged = #"""
      {"doc_id": 0, "doc": {}, "target": "0", "arguments": {"gen_args_0": {"arg_0": "Once there was a", "arg_1": " boy named Theo"}, "gen_args_1": {"arg_0": "Once there was a", "arg_1": " qqz zzq xx"}}, "resps": [], "filter": "none"}
      {"doc_id": 0, "doc": {}, "target": "0", "arguments": {"gen_args_0": {"arg_0": "Once there was a", "arg_1": " boy named Theo"}, "gen_args_1": {"arg_0": "Once there was a", "arg_1": " qqz zzq xx"}}, "resps": [], "filter": "other"}
      {"doc_id": 1, "target": 1, "arguments": [["Once there was a ", "zz qq"], ["Once there was a ", "girl"]]}
      {"doc_id": 2, "target": " well.", "arguments": {"gen_args_0": {"arg_0": "The sun went down, and all was", "arg_1": {"until": [".\n", "\n", "."], "max_gen_toks": 4}}}}
      """#
    let (found, plain) = (try Self.outcome(logged).get(), try Self.outcome(Self.plain).get())
    #expect(found.items.map(\.id) == ["0", "1", "2"])
    #expect(found.items.map(\.baseline.scores) == plain.items.map(\.baseline.scores))
    #expect(found.items.map(\.baseline.text) == plain.items.map(\.baseline.text))
  }

  @Test(arguments: [
    ("{", "line 1: expected JSON"),
    ("[]", "line 1: expected an object, found an array of 0"),
    (#"{"choices": ["a", "b"], "answer": 0}"#, "line 1, context: expected a text, found none"),
    (#"{"context": "x", "choices": ["a"], "answer": 0}"#, "line 1, choices: expected a list of 2"),
    (
      #"{"context": "x", "choices": ["a", 3], "answer": 0}"#,
      "line 1, choices[1]: expected a text, found the number 3"
    ),
    (
      "\n" + #"{"context": "x", "choices": ["a", "b"], "answer": 2}"#,
      "line 2, answer: expected 0 to 1, the right choice, found the number 2"
    ),
    (
      #"{"context": "x"}"#, "line 1, choices: expected \"choices\" with \"answer\", or \"expected\""
    ),
    (
      #"{"context": "x", "expected": "a", "max_tokens": 0}"#,
      "line 1, max_tokens: expected 1 to 4096"
    ),
    (#"{"context": "x", "expected": "a", "until": 3}"#, "line 1, until: expected a text or a list"),
    (
      #"{"id": "a", "context": "x", "expected": "a"}"# + "\n"
        + #"{"id": "a", "context": "x", "expected": "a"}"#, "line 2, id: expected one that no other"
    ),
    (#"{"arguments": []}"#, "line 1, doc_id: expected a whole number, found none"),
    (
      #"{"doc_id": 0, "arguments": [], "target": "a"}"#,
      "line 1, arguments: expected a list of pairs"
    ),
    (
      #"{"doc_id": 0, "arguments": {"gen_args_0": {"arg_0": 1}}, "target": "a"}"#,
      "line 1, arguments.gen_args_0: expected"
    ),
    (
      #"{"doc_id": 0, "arguments": [["x", " a"], ["y", " b"]], "target": 0}"#,
      "line 1, arguments[1]: expected the context of the first, found another"
    ),
    (
      #"{"doc_id": 0, "arguments": [["x", " a"], ["x", " b"]], "target": "c"}"#,
      "line 1, target: expected 0 to 1, or a choice"
    ),
    ("\n \n", "found no task in it"),
  ])
  func brokenLinesAreNamed(text: String, words: String) throws {
    guard case .failure(let ended) = try Self.outcome(text),
      case .failed(_, let found)? = ended.event
    else {
      Issue.record("\(text) was taken")
      return
    }
    #expect(found.contains(words), "\(found)")
    #expect(found.contains("t.jsonl"))
  }

  @Test func theBuiltInTasksHavePowerOnTheirOwnModel() throws {
    let laboratory = try Laboratory(threads: 2)
    _ = try perform(laboratory, LoadJob(path: nil))
    let report = try perform(laboratory, TasksJob(path: nil))
    #expect(report.items.count == 100)
    let accuracy = try #require(report.scores.first)
    #expect(accuracy.baseline.of == 80)
    #expect(accuracy.weakness == nil, "\(accuracy)")
    #expect(accuracy.baseline.share > 0.7, "\(accuracy)")
  }

  /// A model that is ruined loses what its baseline can do, beyond chance, and the verdict says so.
  @Test func ruinIsSeen() throws {
    let laboratory = try Laboratory(threads: 2)
    _ = try perform(laboratory, LoadJob(path: nil))
    _ = try perform(
      laboratory,
      QuantizeJob(
        recipe: RecipeText.recipe("weights=rtn:2:128"),
        calibration: CalibrationOptions(samples: 2, length: 64), keeping: .nothing))
    let report = try perform(laboratory, TasksJob(path: nil))
    let accuracy = try #require(report.scores.first)
    #expect(accuracy.lost > accuracy.gained)
    #expect(accuracy.p < 0.05, "\(accuracy)")
  }

  // MARK: Power

  @Test(arguments: [
    (0, 20, 0.0, true), (1, 20, 0, true), (2, 20, 0, false), (0, 0, 0, true), (30, 60, 0.5, true),
    (30, 60, 0.25, false), (2, 2, 0.5, true),
  ])
  func aBaselineThatFailsTellsNothing(right: Int, of: Int, chance: Double, isWeak: Bool) {
    let share = WilsonShare(right: right, of: of)
    #expect((TestPower.weakness(share, chance: chance) != nil) == isWeak)
  }

  @Test func recallSaysWhatItCannotTell() {
    func report(_ base: Int, _ found: Int) -> RecallReport {
      RecallReport(depths: [
        .init(
          depth: 256, questions: 20, baselineCorrect: base, quantizedCorrect: found,
          lost: max(0, base - found))
      ])
    }
    #expect(report(1, 0).weakness != nil)
    #expect(report(1, 0).words.contains("no power"))
    #expect(report(18, 6).weakness == nil)
    #expect((report(18, 6).p ?? 1) < 0.001)
    let check = Verdict.judge(
      plan: nil, quantize: nil, evaluation: nil, bench: nil, recall: report(18, 6))
    #expect(check.next.contains { $0.contains("Recall through the cache") })
  }

  /// A cache that breaks is seen by the tokens of answers, also where whole answers are too hard for the baseline.
  @Test(arguments: [(60, 50, false), (60, 29, true), (20, 2, false)])
  func aBrokenCacheIsSeen(baseline: Int, now: Int, isBroken: Bool) {
    let report = RecallReport(depths: [
      .init(
        depth: 256, questions: 20, baselineCorrect: 0, quantizedCorrect: 0,
        tokens: .init(count: 100, baselineRight: baseline, quantizedRight: now), lost: 0)
    ])
    #expect(report.isBroken == isBroken)
    let verdict = Verdict.judge(
      plan: nil, quantize: nil, evaluation: nil, bench: nil, recall: report)
    #expect(verdict.next.contains { $0.contains("it may be broken") } == isBroken)
    #expect(verdict.checks[1].evidence.contains("tokens of answers \(baseline).0 %"))
  }

  @Test func factsWithinTheTailAreNotReadInQuantizedForm() {
    let int2 = KVFormat.integer(bits: 2, group: 32)
    let cache = KVFormatPair(keys: int2, values: int2, window: KVWindow(tokens: 128))
    func document(_ start: Int, fact: Int) -> RecallDocument {
      RecallDocument(
        tokens: [Int32](repeating: 1, count: start + 4),
        questions: [.init(start: start, count: 2, fact: fact)])
    }
    let within = RecallDocument.caveat([document(100, fact: 10)], cache: cache)
    #expect(within?.contains("none was read in quantized form") == true)
    #expect(RecallDocument.caveat([document(600, fact: 10)], cache: cache) == nil)
    let one = RecallDocument.caveat(
      [document(600, fact: 10), document(600, fact: 590)], cache: cache)
    #expect(one?.contains("1 of 2 facts") == true)
    #expect(RecallDocument.caveat([document(100, fact: 10)], cache: .fp16) == nil)
  }
}
