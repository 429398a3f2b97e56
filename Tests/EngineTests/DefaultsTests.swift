import Engine
import Evaluation
import FoundationEssentials
import Models
import Planning
import Quantization
import Synchronization
import TestSupport
import Testing

/// What nobody chose fits the model and is told; what nobody asked for is not done.
@Suite(.serialized) struct DefaultsTests {
  /// A model 32 wide that is not the built-in one.
  private static var model: String {
    var parts = #filePath.split(separator: "/", omittingEmptySubsequences: false)
    parts.removeLast()
    return parts.joined(separator: "/") + "/Cases/gptq-dead-channel"
  }

  private func laboratory(_ workspace: String? = nil) throws -> Laboratory {
    let laboratory = try Laboratory(threads: 2, workspace: Workspace(directory: workspace))
    _ = try perform(laboratory, LoadJob(path: Self.model))
    return laboratory
  }

  private func quantized(
    _ laboratory: Laboratory, _ recipe: String, text: String? = "/text.txt", samples: Int = 2,
    compares: Bool = true
  ) throws -> (report: QuantizeReport, said: [String]) {
    let said = Mutex<[String]>([])
    let report = try perform(
      laboratory,
      QuantizeJob(
        recipe: try RecipeText.recipe(recipe),
        calibration: CalibrationOptions(
          text: text.map { Self.model + $0 }, samples: samples, length: 32),
        keeping: .nothing, compares: compares)
    ) { event in
      if case .log(_, let text) = event { said.withLock { $0.append(text) } }
    }
    return (report, said.withLock { $0 })
  }

  private func refusal(_ body: () throws -> Void) throws -> String {
    let ended = try #require(throws: Ended.self) { try body() }
    guard case .failed(_, let message)? = ended.event else { return "" }
    return message
  }

  @Test(arguments: ["rtn", "gptq", "awq", "hqq"])
  func aStandardGroupFitsTheModelAndSaysSo(method: String) throws {
    let laboratory = try laboratory()
    let found = try quantized(laboratory, "weights=\(method)")
    #expect("\(found.report.recipe)" == "weights \(method):4:32")
    #expect(found.report.notes?.first?.contains("does not divide the 32 input channels") == true)
    #expect(found.said.contains { $0.hasPrefix("Note: ") && $0.contains("groups of 32") })
    let price = try perform(
      laboratory,
      AssessJob(
        recipe: try RecipeText.recipe("weights=\(method)"),
        calibration: CalibrationOptions(samples: 2, length: 32)))
    #expect(price.problems.isEmpty && "\(price.recipe)" == "weights \(method):4:32")
    #expect(price.warnings?.contains { $0.contains("groups of 32") } == true)
  }

  @Test func aGroupThatWasChosenIsRefusedWithTheWayOut() throws {
    let laboratory = try laboratory()
    let message = try refusal { _ = try quantized(laboratory, "weights=rtn:4:128") }
    #expect(message.contains("group size 128 does not divide the 32 input channels of every q"))
    #expect(message.contains("the nearest that does is 32"))
  }

  @Test func aTextThatIsNotTheModelsIsTold() throws {
    let laboratory = try laboratory()
    let own = try quantized(laboratory, "weights=gptq:4:32")
    #expect(own.report.notes == nil)
    let foreign = try quantized(laboratory, "weights=gptq:4:32", text: nil)
    #expect(foreign.report.notes?.count == 1)
    #expect(foreign.said.contains { $0.contains("calibrated on the built-in text") })
    let unread = try quantized(laboratory, "weights=rtn:4:32", text: nil)
    #expect(unread.report.notes == nil, "RTN looks at no text")
    let data = try JSONEncoder().encode(foreign.report)
    #expect(try JSONDecoder().decode(QuantizeReport.self, from: data) == foreign.report)
  }

  @Test func windowsThatOverlapAreTold() throws {
    let found = try quantized(laboratory(), "weights=gptq:4:32", samples: 400)
    let note = try #require(found.report.notes?.first)
    #expect(note.contains("the 400 calibration windows overlap: of their 12800 tokens only "))
  }

  @Test func nobodyPaysForAComparisonThatWasNotAskedFor() throws {
    let laboratory = try laboratory()
    let plain = try quantized(laboratory, "weights=rtn:4:32", compares: false)
    #expect(!plain.said.contains { $0.contains("windows of") }, "no text is read")
    #expect(plain.report.comparesWeights == true)
    #expect(plain.report.layers.allSatisfy { $0.relativeError > 1e-4 && $0.relativeError < 0.1 })
    #expect(plain.report.maps.map(\.title) == ["weight error of each layer: weights rtn:4:32"])
    let cache = try quantized(laboratory, "kv=int8", compares: false)
    #expect(cache.report.layers.isEmpty && cache.report.maps.isEmpty)
    let asked = try quantized(laboratory, "weights=rtn:4:32")
    #expect(asked.said.contains { $0.contains("2 windows of 32 tokens") })
    #expect(asked.report.comparesWeights == nil && asked.report.maps.count == 3)
    // What calibrates reads its text all the same, and makes the same weights.
    let options = EvaluationOptions(text: Self.model + "/text.txt", window: 32, windows: 4)
    _ = try quantized(laboratory, "weights=gptq:4:32", compares: false)
    let without = try perform(laboratory, EvaluateJob(options: options))
    _ = try quantized(laboratory, "weights=gptq:4:32")
    #expect(try perform(laboratory, EvaluateJob(options: options)).kl == without.kl)
  }

  /// Runs of this model go before what is said of methods in general.
  @Test func thePlanRanksByWhatWasMeasuredHere() throws {
    let folder = try TemporaryFolder()
    let laboratory = try laboratory(folder.path)
    func plan() throws -> [PlanReport.RankedMethod] {
      let report = try perform(
        laboratory, PlanJob(workload: Workload(context: 64), machine: nil))
      return report.advice.first { $0.target == .weights }?.ranking ?? []
    }
    let general = try plan()
    #expect(general.allSatisfy { $0.measured == nil })
    let bits = general.first { $0.name == "rtn" }?.bits.map { Int($0) } ?? 4
    for recipe in ["weights=rtn:\(bits):32", "weights=gptq:4:32 weights.zero-dead=true"] {
      _ = try quantized(laboratory, recipe, text: "/lower.txt", samples: 8)
      _ = try perform(
        laboratory,
        EvaluateJob(
          options: EvaluationOptions(
            text: Self.model + "/text.txt", protocol: .paper, window: 32, windows: 8)))
      _ = try perform(laboratory, SaveJob())
    }
    let found = try plan()
    let rtn = try #require(found.first { $0.name == "rtn" })
    let gptq = try #require(found.first { $0.name == "gptq" })
    #expect(gptq.measured?.kl ?? 0 > (rtn.measured?.kl ?? .infinity))
    #expect(rtn.why.hasPrefix("measured here: KL ") && rtn.why.contains("(run 0001-weights-rtn"))
    #expect(rtn.why.contains("; in general: "))
    #expect(found.first { $0.name == "hqq" }?.measured == nil)
  }
}
