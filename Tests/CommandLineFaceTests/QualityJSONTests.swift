import Platform
import TestSupport
import Testing

/// The JSON that scripts rely on, of the commands that measure quality, on the built-in model.
@Suite(.serialized) struct QualityJSONTests {
  private static let calibration = ["--samples", "2", "--sample-length", "64", "--threads", "2"]

  @Test func evaluate() throws {
    let json = try Ran(
      ["evaluate", "--weights", "rtn:4:128", "--windows", "2", "--window", "64", "--json"]
        + Self.calibration
    ).json()
    json.expectNumbers([
      "window", "tokens", "weightBytes", "kvBytesPerToken", "perplexity", "perplexityError",
      "baseline.perplexity", "kl.mean", "kl.p99", "kl.max", "topOneAgreement", "noiseFloor.klMean",
      "kl.p999", "figures.lnRatio.mean", "figures.lnRatio.error", "figures.ratio.mean",
      "figures.correlation", "figures.probability.mean.mean", "figures.probability.rms.mean",
      "figures.probability.percentiles.0.change", "figures.flips.lost", "figures.flips.gained",
      "figures.flips.p",
    ])
    let ratio = json[path: "figures.ratio.mean"]?.double ?? 0
    let (own, base) = (
      json[path: "perplexity"]?.double ?? 0, json[path: "baseline.perplexity"]?.double ?? 1
    )
    #expect(abs(ratio - own / base) < 1e-9)
    #expect(json[path: "protocol"]?.string == "llama.cpp")
    #expect(json[path: "window"]?.integer == 64)
    let (mean, p99, most) = (
      json[path: "kl.mean"]?.double ?? -1, json[path: "kl.p99"]?.double ?? -1,
      json[path: "kl.max"]?.double ?? -1
    )
    #expect(0 < mean && mean <= p99 && p99 <= most)
    let agreement = json[path: "topOneAgreement"]?.double ?? -1
    #expect((0...1).contains(agreement))
  }

  /// A quantized cache is always asked for what it holds, and tasks are asked when they are named.
  @Test func evaluateAsks() throws {
    let folder = try TemporaryFolder()
    let tasks = try folder.file(
      "t.jsonl", #"{"context": "Once there was a", "choices": ["boy", "zzq"], "answer": 0}"#)
    let line = ["evaluate", "--kv", "kivi:2", "--windows", "2", "--window", "64", "--tasks", tasks]
    let json = try Ran(line + ["--json"] + Self.calibration).json()
    json.expectNumbers([
      "recall.depths.0.questions", "recall.depths.0.lost", "tasks.scores.0.baseline.share",
      "tasks.scores.0.p", "tasks.items.0.quantized.scores.1", "tail", "kl.mean",
    ])
    let text = Ran(line + Self.calibration)
    #expect(text.code == 0, "\(text.error)")
    for words in [
      "recall          through the cache", "no power", "McNemar's exact test", "accuracy",
    ] {
      #expect(text.out.contains(words), "\(words): \(text.out)")
    }
  }

  @Test func quantize() throws {
    let folder = try TemporaryFolder()
    let json = try Ran(
      ["quantize", "-o", folder.path("made"), "--weights", "rtn:4:128", "--json"]
        + Self.calibration
    ).json()
    json.expectNumbers(["seconds", "peakResidentBytes", "outputBytes"])
    let layers = try #require(json[path: "layers"]?.array)
    #expect(!layers.isEmpty)
    for layer in layers {
      layer.expectNumbers(["block", "bits", "relativeError", "sqnr"])
      layer.expectTexts(["projection"])
      #expect(layer[path: "method"]?.string == "rtn")
      let fallback = layer.object?["fallback"]
      #expect(fallback == nil || fallback == .null || fallback?.string != nil)
    }
    // What was written can be opened, and says what it is; a place that is taken is refused.
    let inspected = try Ran(["inspect", folder.path("made"), "--json"]).json()
    inspected.expectTexts(["recipe"])
    let again = Ran(["quantize", "-o", folder.path("made"), "--weights", "rtn", "--threads", "2"])
    #expect(again.code == 1)
    #expect(again.error.contains("exists already"))
  }

  @Test func dryRun() throws {
    let json = try Ran(
      ["quantize", "-o", "nowhere", "--dry-run", "--weights", "rtn:4:128", "--json"]
        + Self.calibration
    ).json()
    #expect(json.object != nil)
  }

  @Test func calibration() throws {
    let json = try Ran(
      ["calibration", "--weights", "gptq:4:128", "--samples", "4", "--sample-length", "64"]
        + ["--threads", "2", "--json"]
    ).json()
    json.expectTexts(["verdict", "text"])
    json.expectNumbers(["heldOut", "roundedError"])
    let points = try #require(json[path: "points"]?.array)
    #expect(!points.isEmpty)
    for point in points { point.expectNumbers(["windows", "tokens", "error", "agreement"]) }
  }

  @Test func outliers() throws {
    let json = try Ran(["outliers", "--json"] + Self.calibration).json()
    json.expectTexts(["model", "text", "verdict"])
    json.expectNumbers(["windows", "tokens", "columns"])
    let inputs = try #require(json[path: "inputs"]?.array)
    #expect(!inputs.isEmpty)
    for input in inputs {
      input.expectNumbers(["block", "reach.largest", "reach.median", "kurtosis"])
    }
  }

  @Test func lab() throws {
    let json = try Ran(
      ["lab", "--quick", "--factors", "1,8", "--channels", "2", "--windows", "2", "--json"]
        + Self.calibration
    ).json()
    json.expectTexts(["model"])
    #expect(json[path: "words"]?.array?.isEmpty == false)
  }

  @Test func allocate() throws {
    let folder = try TemporaryFolder()
    let json = try Ran(
      [
        "allocate", "--weights", "rtn:4:32", "--budget", "5", "--windows", "2", "--save",
        folder.path("r.toml"), "--json",
      ]
        + Self.calibration
    ).json()
    json.expectNumbers([
      "budgetBytes", "budgetBits", "mixed.bytes", "mixed.bitsPerWeight", "mixed.kl",
      "advised.bytes", "windows", "seconds",
    ])
    let choices = try #require(json[path: "choices"]?.array)
    #expect(!choices.isEmpty)
    for choice in choices { choice.expectNumbers(["block", "bits"]) }
    // The recipe that was saved is one that other commands read.
    let plan = try Ran(["plan", "--recipe", folder.path("r.toml"), "--json"]).json()
    #expect(plan[path: "recipeCoverage"]?.array != nil)
  }

  @Test func cache() throws {
    let json = try Ran(
      ["cache", "--kv", "int8", "--kv", "int4", "--depth", "16", "--tokens", "16"]
        + ["--windows", "1", "--recall-documents", "1", "--generate", "4", "--threads", "2"]
        + ["--json"]
    ).json()
    let rows = try #require(json[path: "rows"]?.array)
    #expect(rows.count == 3)
    #expect(rows.first?[path: "isReference"]?.bool == true)
    for row in rows {
      row.expectTexts(["name"])
      row.expectNumbers(["bytesPerToken", "keyBits", "valueBits", "perplexity.mean", "kl.mean"])
    }
  }

  @Test func conformance() throws {
    var parts = #filePath.split(separator: "/", omittingEmptySubsequences: false)
    parts.removeLast(2)
    let fixtures = parts.joined(separator: "/") + "/EngineTests/Fixtures"
    let ran = Ran(["conformance", fixtures, "--json"])
    #expect(ran.code == 0, "\(ran.error)")
    let json = try ran.json()
    let cases = try #require(json[path: "cases"]?.array)
    #expect(json[path: "passed"]?.integer == cases.count)
    #expect(json[path: "failed"]?.integer == 0)
    #expect(json[path: "unsupported"]?.integer == 0)
    #expect(!cases.isEmpty)
    for item in cases {
      item.expectTexts(["id"])
      #expect(item[path: "status"]?.string == "passed")
      let checks = try #require(item[path: "checks"]?.array)
      #expect(!checks.isEmpty)
      for check in checks {
        check.expectTexts(["tensor", "kind"])
        check.expectNumbers(["measured", "allowed"])
      }
    }
  }
}
