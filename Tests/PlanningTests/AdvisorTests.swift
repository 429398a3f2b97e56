import FoundationEssentials
import Models
import Operators
import Planning
import Platform
import Testing
import Wording

@Suite struct AdvisorTests {
  private static func target(_ workload: Workload) -> QuantizationTarget? {
    PlannerTests.plan(workload).advice.first?.target
  }

  /// A workload, what one field of it becomes, and the advice before and after.
  struct Flip: Sendable, CustomTestStringConvertible {
    var name: String
    var from: QuantizationTarget
    var to: QuantizationTarget
    var workload: Workload
    var change: @Sendable (inout Workload) -> Void

    var testDescription: String { "\(from) to \(to) by \(name)" }
  }

  private static let decoding = Workload(
    context: 65536, promptTokens: 1000, generatedTokens: 50_000, batch: 16)
  private static let short = Workload(context: 2048, promptTokens: 128, generatedTokens: 512)

  /// Each ordered pair of targets, by one field of the workload.
  static let flips: [Flip] = [
    Flip(name: "prompt", from: .weights, to: .activations, workload: short) {
      $0.promptTokens = 2_000_000
    },
    Flip(
      name: "batch", from: .weights, to: .activations,
      workload: Workload(context: 256, promptTokens: 64, generatedTokens: 128)
    ) { $0.batch = 512 },
    Flip(
      name: "answer", from: .activations, to: .weights,
      workload: Workload(context: 4096, promptTokens: 2048, generatedTokens: 1)
    ) { $0.generatedTokens = 512 },
    Flip(name: "context", from: .weights, to: .kvCache, workload: short) { $0.context = 1_000_000 },
    Flip(
      name: "requests", from: .weights, to: .kvCache,
      workload: Workload(context: 32768, memoryBudget: 40e9)
    ) { $0.requests = 16 },
    Flip(
      name: "shared prefix", from: .kvCache, to: .weights,
      workload: Workload(context: 32768, requests: 16, memoryBudget: 40e9)
    ) { $0.sharedPrefix = 1 },
    Flip(name: "context", from: .kvCache, to: .weights, workload: decoding) { $0.context = 1024 },
    Flip(
      name: "requests", from: .activations, to: .kvCache,
      workload: Workload(
        context: 32768, promptTokens: 30_000, generatedTokens: 1, memoryBudget: 40e9)
    ) { $0.requests = 16 },
    Flip(
      name: "answer", from: .activations, to: .kvCache,
      workload: Workload(context: 65536, promptTokens: 60_000, generatedTokens: 1, batch: 16)
    ) { $0.generatedTokens = 50_000 },
    Flip(name: "prompt", from: .kvCache, to: .activations, workload: decoding) {
      $0.promptTokens = 10_000_000
    },
    Flip(
      name: "budget", from: .kvCache, to: .activations,
      workload: Workload(
        context: 32768, requests: 8, promptTokens: 30_000, generatedTokens: 1, memoryBudget: 30e9)
    ) { $0.memoryBudget = 80e9 },
  ]

  @Test(arguments: flips) func oneFieldFlipsTheAdvice(_ flip: Flip) {
    #expect(Self.target(flip.workload) == flip.from)
    var changed = flip.workload
    flip.change(&changed)
    #expect(Self.target(changed) == flip.to)
  }

  @Test func everyOrderedPairIsFlipped() {
    for from in QuantizationTarget.allCases {
      for to in QuantizationTarget.allCases where to != from {
        #expect(Self.flips.contains { $0.from == from && $0.to == to }, "\(from) to \(to)")
      }
    }
  }

  @Test func overBudgetTheTargetThatFitsComesFirst() {
    // 16.1 GB of weights and 68.7 GB of cache in 40 GB: only the cache can bring it under.
    let report = PlannerTests.plan(Workload(context: 32768, requests: 16, memoryBudget: 40e9))
    #expect(report.memory.total > report.memory.budget)
    #expect(report.advice.first?.target == .kvCache)
    #expect(report.advice.first?.reason.contains("this alone brings it under") == true)
  }

  // MARK: Numbers

  /// All numbers of a report's JSON.
  private static func numbers(_ report: PlanReport) throws -> [Double] {
    let encoder = JSONEncoder()
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    let json = try StrictJSON.parse([UInt8](encoder.encode(report)))
    var found: [Double] = []
    func walk(_ value: JSONValue) {
      if let number = value.double {
        found.append(number)
      } else if let list = value.array {
        list.forEach(walk)
      } else if let object = value.object {
        for member in object.members { walk(member.value) }
      }
    }
    walk(json)
    return found
  }

  /// Every way the program writes a number, without its unit.
  private static func words(_ value: Double) -> [String] {
    let whole = Int(min(max(value, -1e15), 1e15))
    let rate = Quantity.rate(value, "OP/s")
    return [
      "\(value)", Quantity.bytes(value), Quantity.percent(value), Quantity.seconds(value),
      Quantity.grouped(whole), Quantity.fixed(value, 0), Quantity.fixed(value, 2),
      Quantity.fixed(value, 3), rate,
    ].flatMap { text in
      let parts = numbers(in: text)
      return parts + parts.map(\.trimmingZeros)
    }
  }

  /// Numbers of a sentence; names such as W4, INT8 and llm.int8 are no numbers.
  private static func numbers(in sentence: String) -> [String] {
    let characters = Array(sentence)
    func isDigit(_ index: Int) -> Bool {
      characters.indices.contains(index) && characters[index].isASCII && characters[index].isNumber
    }
    var found: [String] = []
    var index = 0
    while index < characters.count {
      guard isDigit(index) else {
        index += 1
        continue
      }
      let isName = index > 0 && characters[index - 1].isLetter
      let start = index
      while isDigit(index)
        || (index < characters.count && characters[index] == "." && isDigit(index + 1))
        || (index < characters.count && characters[index] == " "
          && (1...3).allSatisfy { isDigit(index + $0) } && !isDigit(index + 4))
      {
        index += 1
      }
      if !isName { found.append(String(characters[start..<index])) }
    }
    return found
  }

  @Test func numbersAreFoundInSentences() {
    #expect(
      Self.numbers(in: "Weights take 16.1 GB; W4 and INT8 free 1 024 x 2, 71 % (22 ms).")
        == ["16.1", "1 024", "2", "71", "22"])
  }

  /// Every number in the words of the advice is one of the plan.
  @Test func everyNumberInASentenceIsOfThePlan() throws {
    var fast = PlannerTests.gpu
    fast.fp8Rate = 600e12
    let workloads =
      Self.flips.map(\.workload)
      + Self.flips.map { flip in
        var changed = flip.workload
        flip.change(&changed)
        return changed
      } + [
        Workload(context: 8192, memoryBudget: 10e9), Workload(context: 8192, memoryBudget: 4e9),
        Workload(context: 32768, requests: 64, batch: 64),
      ]
    var sentences = 0
    for workload in workloads {
      for (shape, peaks) in [
        (PlannerTests.llama3, PlannerTests.gpu), (PlannerTests.mistral, fast),
      ] {
        let report = PlannerTests.plan(workload, shape, peaks)
        let known = Set(try Self.numbers(report).flatMap(Self.words))
        for advice in report.advice {
          var texts = [advice.reason, advice.wouldChange]
          texts += advice.ranking.flatMap { [$0.why, $0.wouldChange] }
          for text in texts {
            sentences += 1
            // "a scale for 32 values" is what the method is, not a figure of the plan.
            for number in Self.numbers(in: text.replacing("for 32 values", with: "")) {
              #expect(known.contains(number), "\(number) in \"\(text)\"")
            }
          }
        }
      }
    }
    #expect(sentences > 500)
  }
}

extension String {
  /// `3.5` of `3.500`.
  fileprivate var trimmingZeros: String {
    var text = self
    while text.contains("."), text.hasSuffix("0") || text.hasSuffix(".") { text.removeLast() }
    return text
  }
}
