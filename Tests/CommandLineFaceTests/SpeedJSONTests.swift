import FoundationEssentials
import Platform
import TestSupport
import Testing

/// The JSON that scripts rely on, of the commands that measure speed, on the built-in model and on random layers.
@Suite(.serialized) struct SpeedJSONTests {
  private static let sides = [
    "prefill.tokensPerSecond", "decode.tokensPerSecond", "weightBytes", "kvBytesPerToken",
    "peakResidentBytes", "threads",
  ]

  @Test func bench() throws {
    let json = try Ran(
      ["bench", "--weights", "rtn:4:128", "--prompt", "16", "--generate", "4"]
        + ["--repetitions", "1", "--threads", "2", "--json"]
    ).json()
    json.expectNumbers(Self.sides + Self.sides.map { "baseline." + $0 })
    json.expectTexts(["provider", "baseline.provider"])
    for side in [json, try #require(json[path: "baseline"])] {
      let kernels = try #require(side[path: "kernels"]?.array)
      #expect(!kernels.isEmpty)
      for kernel in kernels {
        kernel.expectTexts(["operator", "kernel"])
        kernel.expectNumbers(["calls", "bytes", "seconds"])
        let native = kernel[path: "native"]
        #expect(native == .bool(true) || native == .bool(false))
        if native == .bool(false) { kernel.expectTexts(["reason"]) }
      }
    }
    #expect(
      json[path: "weightBytes"]?.double ?? 0 < json[path: "baseline.weightBytes"]?.double ?? 0)
  }

  @Test func benchWithoutBaseline() throws {
    let json = try Ran(
      ["bench", "--no-baseline", "--prompt", "8", "--generate", "2", "--repetitions", "1"]
        + ["--threads", "1", "--json"]
    ).json()
    json.expectNumbers(Self.sides)
    #expect(json[path: "baseline"]?.object == nil)
    #expect(json[path: "threads"]?.integer == 1)
  }

  @Test func depth() throws {
    let json = try Ran(
      ["depth", "--kv", "int8", "--depth", "32", "--steps", "2", "--repetitions", "1"]
        + ["--threads", "2", "--json"]
    ).json()
    let rows = try #require(json[path: "rows"]?.array)
    #expect(rows.count == 2)
    for row in rows { row.expectNumbers(["depth"]) }
  }

  @Test func batch() throws {
    let json = try Ran(
      ["batch", "--batches", "1,2", "--forms", "bf16,w4a16", "--depth", "8", "--prompt", "0"]
        + ["--steps", "2", "--repetitions", "1", "--threads", "2", "--json"]
    ).json()
    json.expectTexts(["model"])
    let points = try #require(json[path: "points"]?.array)
    #expect(points.count == 4)
    for point in points {
      point.expectTexts(["form"])
      point.expectNumbers(["batch", "decode.tokensPerSecond"])
    }
  }

  @Test func layer() throws {
    let json = try Ran(
      ["layer", "--rows", "64", "--columns", "128", "--tokens", "64", "--repetitions", "1"]
        + ["--weights", "gptq:4:128", "--threads", "2", "--json"]
    ).json()
    json.expectNumbers([
      "rows", "columns", "tokens", "relativeError", "nearestRelativeError", "bits",
      "total.seconds",
    ])
    #expect(json[path: "phases"]?.array?.isEmpty == false)
  }

  @Test func linear() throws {
    let json = try Ran(
      ["linear", "--rows", "64", "--columns", "128", "--tokens", "4", "--rounds", "1"]
        + ["--threads", "2", "--json"]
    ).json()
    let forms = try #require(json[path: "forms"]?.array)
    #expect(forms.count == 2)
    for form in forms {
      form.expectTexts(["form", "kernel"])
      form.expectNumbers(["seconds", "rate", "packedBytes"])
    }
  }

  @Test func providers() throws {
    let json = try Ran(
      ["providers", "--weights", "rtn:4:128", "--prompt", "8", "--generate", "2"]
        + ["--repetitions", "1", "--compared", "8", "--seconds", "60", "--threads", "2", "--json"]
    ).json()
    let rows = try #require(json[path: "rows"]?.array)
    #expect(!rows.isEmpty)
    for row in rows {
      row.expectTexts(["provider"])
      row.expectNumbers(["prefill.tokensPerSecond", "decode.tokensPerSecond", "nativeShare"])
    }
  }

  @Test func kernels() throws {
    let ran = Ran(
      ["kernels", "--tokens", "16", "--decoded", "4", "--form", "W8A8", "--threads", "2", "--json"])
    let json = try ran.json()
    #expect(json[path: "rows"]?.array != nil)
    json.expectTexts(["model", "text"])
  }
}

/// Runs that are kept, and receipts that are verified.
@Suite(.serialized) struct KeptRunsTests {
  @Test func anEvaluationIsKeptAndVerified() throws {
    let folder = try TemporaryFolder()
    let runs = folder.path("runs")
    let kept = Ran(
      ["evaluate", "--weights", "rtn:4:64", "--windows", "2", "--window", "64", "--keep"]
        + ["--workspace", runs, "--threads", "2"])
    #expect(kept.code == 0, "\(kept.error)")
    #expect(kept.out.contains("Kept as \(runs)/0001-weights-rtn-4-64"))
    let data = try #require(
      FileManager.default.contents(atPath: runs + "/0001-weights-rtn-4-64/receipt.json"))
    let receipt = try StrictJSON.parse(Array(data))
    #expect(
      receipt[path: "command"]?.string?.hasPrefix(
        "nibble evaluate --weights rtn:4:64 --windows 2 --window 64 --keep") == true)
    let json = try Ran(
      ["verify", "0001-weights-rtn-4-64", "--workspace", runs, "--threads", "2", "--json"]
    ).json()
    #expect(json[path: "holds"] == .bool(true))
    json.expectTexts(["words"])
    let rows = try #require(json[path: "verification.rows"]?.array)
    #expect(rows.count >= 6)
    for row in rows { row.expectNumbers(["now", "moved"]) }
    let missing = Ran(["verify", "0009-none", "--workspace", runs])
    #expect(missing.code == 1 && missing.error.contains("0009-none"))
  }

  @Test func benchMeasuresAPlannedWorkload() throws {
    let json = try Ran(
      ["bench", "--weights", "rtn:4:64", "--prompt", "16", "--generate", "4", "--repetitions", "1"]
        + ["--context", "128", "--requests", "2", "--batch", "2", "--threads", "2", "--json"]
    ).json()
    json.expectNumbers([
      "workload.quantized.times.stepSeconds", "workload.quantized.times.stepSpeedup.median",
      "workload.baseline.times.request", "workload.phaseShare",
    ])
    #expect(json[path: "workload.extent.batch"]?.integer == 2)
    json.expectTexts(["workload.phase", "workload.resource", "workload.machine"])
  }
}
