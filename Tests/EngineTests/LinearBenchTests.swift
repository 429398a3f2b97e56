import Operators
import Platform
import Tensors
import Testing

@testable import Engine

@Suite struct LinearBenchTests {
  private let pool = WorkerPool(threads: 2)

  @Test func formsAreReadByName() throws {
    #expect(LinearForm("w8a8")?.activation == .int8PerToken)
    #expect(LinearForm("W4A16")?.weight.bits == 4)
    let split = try #require(LinearForm("llm.int8:2.5"))
    #expect(split.activation == .int8WithOutliers(OutlierSplit(threshold: 2.5, form: .paper)))
    let own = try #require(LinearForm("llm.int8-bnb:0"))
    #expect(own.activation == .int8WithOutliers(OutlierSplit(threshold: 0, form: .bitsandbytes)))
    for bad in ["", "w9a9", "llm.int8", "llm.int8:-1", "llm.int8:nan", "llm.int8:inf", "w8a8:3"] {
      #expect(LinearForm(bad) == nil, "\(bad)")
    }
    for name in LinearForm.names where !name.contains(":") { #expect(LinearForm(name) != nil) }
  }

  /// Of forms of four bits, blocks of GGUF files among them, and of those that keep more.
  private func fourBits(_ form: String) -> Double {
    ["w4", "q4", "iq4", "mxfp4"].contains { form.hasPrefix($0) } ? 0.2 : 0.06
  }

  @Test func everyFormComputesNearlyTheSame() throws {
    let names = LinearForm.names.map { $0.replacing("THRESHOLD", with: "3") }
    let report = try LinearBench(
      rows: 96, columns: 256, tokens: 20, forms: names.compactMap(LinearForm.init), pool: pool
    ).run(rounds: 2)
    #expect(report.forms.map(\.form) == names)
    for row in report.forms {
      let allowed =
        row.form.hasPrefix("w2") ? 0.9 : row.form.hasPrefix("w3") ? 0.4 : fourBits(row.form)
      #expect(row.distance < allowed, "\(row.form)")
      #expect(row.seconds > 0 && row.fastest <= row.seconds)
      #expect(row.limit == (row.form == "f32" ? .fp32 : isInt8(row.form) ? .int8 : .bf16))
      #expect(row.limitRate > 0 && row.limitShare > 0)
      #expect((row.reason != nil) == row.form.contains("fp8"), "\(row.form)")
    }
    // The distance is not that of the first form to itself for all of them.
    #expect(report.forms[1].distance > 0)
  }

  private func isInt8(_ form: String) -> Bool {
    form.contains("a8") || form.hasPrefix("llm.int8")
  }

  @Test func copiesComputeTheSame() throws {
    let forms = ["bf16", "w4a16"].compactMap(LinearForm.init)
    func report(_ copyBytes: Int) throws -> LinearBench.Report {
      try LinearBench(
        rows: 96, columns: 256, tokens: 1, forms: forms, copyBytes: copyBytes, pool: pool
      ).run(rounds: 3)
    }
    let one = try report(0)
    let several = try report(200_000)
    for (a, b) in zip(one.forms, several.forms) {
      #expect(a.distance == b.distance && a.packedBytes == b.packedBytes)
      #expect(b.limit == .readBandwidth && b.limitShare > 0)
    }
  }

  @Test func bothPathsAreCounted() throws {
    let forms = ["bf16", "llm.int8:0", "llm.int8:3", "llm.int8:0.001"].compactMap(LinearForm.init)
    let report = try LinearBench(
      rows: 64, columns: 128, tokens: 12, forms: forms, spread: 1, pool: pool
    ).run(rounds: 1)
    #expect(report.forms[0].paths == nil)
    let paths = report.forms.dropFirst().map { row in
      (row.paths ?? []).map(\.columns).filter { $0 > 0 }
    }
    #expect(paths[0] == [128], "no threshold, no outliers")
    #expect(paths[1].count == 2 && paths[1].reduce(0, +) == 128)
    #expect(paths[2] == [128], "everything is an outlier")
    // Exact but for the baseline's BF16 inputs.
    #expect(report.forms[3].distance < 0.01)
  }

  @Test func sizesOutOfRangeAreRefused() {
    #expect(throws: EngineError.self) {
      try LinearBench(rows: 0, columns: 8, tokens: 1, forms: [], pool: pool)
    }
    #expect(throws: EngineError.self) {
      try LinearBench(rows: 8, columns: 1 << 18, tokens: 1, forms: [], pool: pool)
    }
  }
}
