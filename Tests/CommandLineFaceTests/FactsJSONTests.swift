import Platform
import TestSupport
import Testing

/// The JSON of the commands that tell what is there: models, plans, runs, sessions, themes, the machine.
@Suite(.serialized) struct FactsJSONTests {
  /// The root of the checkout.
  private static let root: String = {
    var parts = #filePath.split(separator: "/", omittingEmptySubsequences: false)
    parts.removeLast(3)
    return parts.joined(separator: "/")
  }()

  @Test func inspect() throws {
    let json = try Ran(["inspect", "--json", "--threads", "2"]).json()
    json.expectTexts(["name", "path", "tokenizer", "shape.architecture"])
    json.expectNumbers([
      "tensors", "fileBytes", "kvBytesPerToken", "shape.blocks", "shape.hiddenSize",
      "shape.context",
    ])
  }

  @Test func plan() throws {
    let json = try Ran(
      ["plan", "--context", "1024", "--requests", "4", "--memory", "8GB", "--threads", "2"]
        + ["--json"]
    ).json()
    json.expectNumbers([
      "memory.weights", "memory.kvCache", "memory.activations", "memory.budget", "kvBytesPerToken",
      "prefill.computeSeconds", "decode.weightSeconds", "decode.cacheSeconds",
    ])
    #expect(json[path: "workload.context"]?.integer == 1024)
    #expect(json[path: "memory.budget"]?.double == 8e9)
    let advice = try #require(json[path: "advice"]?.array)
    #expect(!advice.isEmpty)
    for item in advice {
      item.expectTexts(["target", "reason", "methods.0"])
    }
  }

  @Test func compare() throws {
    let folder = try TemporaryFolder()
    let json = try Ran(["compare", "--workspace", folder.path, "--json"]).json()
    #expect(json.array?.isEmpty == true)
  }

  @Test func replay() throws {
    let json = try Ran(
      ["replay", Self.root + "/Sessions/weights-rtn.session", "--size", "80x24", "--json"]
    ).json()
    json.expectTexts(["title"])
    #expect(json[path: "at"]?.string == "end")
    let frame = json[path: "frame"]?.string ?? ""
    #expect(frame.split(separator: "\n", omittingEmptySubsequences: false).count == 24)
  }

  @Test func sessions() throws {
    let json = try Ran(["sessions", "--sessions", Self.root + "/Sessions", "--json"]).json()
    let entries = try #require(json.array)
    #expect(entries.count >= 6)
    for entry in entries {
      entry.expectTexts(["title", "path", "kind"])
      entry.expectNumbers(["milliseconds"])
      #expect(entry.object?["problem"]?.string == nil)
    }
  }

  @Test func lessons() throws {
    let json = try Ran(["lessons", "--sessions", Self.root + "/Sessions", "--json"]).json()
    let entries = try #require(json.array)
    #expect(entries.count == 9)
    for entry in entries {
      entry.expectTexts(["id", "path"])
      entry.expectNumbers(["number", "minutes", "stops", "done"])
      #expect(entry.object?["problem"]?.string == nil)
    }
  }

  @Test func glossary() throws {
    let json = try Ran([
      "glossary", "kl", "--language", "en", "--sessions", Self.root + "/Sessions", "--json",
    ]).json()
    json.expectTexts(["0.word", "0.text"])
    let none = Ran(["glossary", "zebra", "--language", "en", "--sessions", Self.root + "/Sessions"])
    #expect(none.code == 1)
    #expect(none.error.contains("zebra"))
  }

  /// From `lessons new` to a lesson that is checked and told.
  @Test func aLessonOfOnesOwn() throws {
    let folder = try TemporaryFolder()
    let path = folder.path("mine")
    #expect(Ran(["lessons", "new", path]).code == 0)
    #expect(Ran(["lessons", "new", path]).code == 1)
    let checked = Ran(["lessons", "check", path])
    #expect(checked.code == 0, "\(checked.out)\(checked.error)")
    let told = Ran(["lessons", "run", path, "--language", "en"])
    #expect(told.code == 0)
    #expect(told.out.contains("Give every request room"))
    try folder.file("mine/ko.md", "# T\nlanguage: ko\n\n## hello\n안녕\n")
    let lacking = Ran(["lessons", "check", path])
    #expect(lacking.code == 3)
    #expect(lacking.out.contains("ko.md: the stop 'more-context' is missing"))
    #expect(lacking.out.contains("ko.md, line 2: expected 'of: REVISION'"))
  }

  @Test func aSessionThatIsNone() throws {
    let folder = try TemporaryFolder()
    let path = try folder.file("x.session", "{\"nibble\":\"session\",\"format\":99}\n")
    let ran = Ran(["sessions", path, "--json"])
    #expect(ran.code == 3)
    #expect(try ran.json()[path: "0.problem"]?.string?.contains("99") == true)
    #expect(ran.error.contains("1 cannot be played"))
  }

  @Test func asciicast() throws {
    let folder = try TemporaryFolder()
    let path = folder.path("out.cast")
    let ran = Ran([
      "sessions", Self.root + "/Sessions/weights-rtn.session", "--asciicast", path,
    ])
    #expect(ran.code == 0)
    #expect(ran.out.contains(path))
    #expect(try folder.text("out.cast").hasPrefix("{"))
  }

  @Test func themes() throws {
    let json = try Ran(["themes", "--themes", Self.root + "/Themes", "--json"]).json()
    let entries = try #require(json.array)
    #expect(entries.count > 1)
    for entry in entries { entry.expectTexts(["name"]) }
  }

  /// A screen as text, of the size that was asked for, after the keys that were pressed.
  @Test func screen() throws {
    let json = try Ran(["screen", "target", "--plain", "--size", "80x24", "--json"]).json()
    let lines = try #require(json[path: "lines"]?.array)
    #expect(lines.count == 24)
    let text = Ran(["screen", "method", "--plain", "--size", "90x26", "--keys", "2,3"]).out
    #expect(
      text.contains("METHOD")
        && text.split(separator: "\n", omittingEmptySubsequences: false).count == 27)
    let unknown = Ran(["screen", "nowhere"])
    #expect(unknown.code == 2 && unknown.error.contains("found 'nowhere'"))
    let lost = Ran(["screen", "model", "--model", "/nowhere"])
    #expect(lost.code == 1 && lost.error.contains("/nowhere"))
  }

  @Test func synthesize() throws {
    let folder = try TemporaryFolder()
    let json = try Ran(
      ["synthesize", folder.path("made"), "--blocks", "1", "--hidden-size", "64"]
        + [
          "--intermediate-size", "128", "--heads", "2", "--kv-heads", "1", "--head-dimension", "32",
        ]
        + ["--vocabulary", "2048", "--context", "128", "--threads", "2", "--json"]
    ).json()
    json.expectNumbers(["shape.blocks", "shape.hiddenSize", "fileBytes"])
    #expect(json[path: "shape.hiddenSize"]?.integer == 64)
  }

  @Test func doctor() throws {
    let json = try Ran(["doctor", "--threads", "2", "--json"]).json()
    json.expectTexts(["processor", "bestProvider", "workspace"])
    json.expectNumbers(["cores", "memoryBytes", "peaks.readBandwidth", "peaks.int8Rate"])
    #expect(json[path: "isTerminal"]?.bool == false)
    #expect(json[path: "places"]?.array?.isEmpty == false)
  }
}
