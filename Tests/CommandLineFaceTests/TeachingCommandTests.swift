import Platform
import TestSupport
import Testing

/// Sessions and lessons from the command line: pages, casts, a class and its table.
@Suite struct TeachingCommandTests {
  private static let sessions: String = {
    var parts = #filePath.split(separator: "/", omittingEmptySubsequences: false)
    parts.removeLast(3)
    return parts.joined(separator: "/") + "/Sessions"
  }()

  @Test func aSessionIsExportedInEveryForm() throws {
    let folder = try TemporaryFolder()
    let ran = Ran([
      "sessions", "export", "\(Self.sessions)/kv-int4.session", "--html", folder.path("a.html"),
      "--cast", folder.path("a.cast"), "--cast-version", "3", "--markdown", folder.path("a.md"),
    ])
    #expect(ran.code == 0, "\(ran.error)")
    #expect(ran.out.split(separator: "\n").count == 3)
    let html = String(decoding: try folder.bytes("a.html"), as: UTF8.self)
    #expect(html.hasPrefix("<!doctype html>") && html.contains("The verdict"))
    let cast = String(decoding: try folder.bytes("a.cast"), as: UTF8.self)
    #expect(cast.hasPrefix("{\"version\":3,\"term\":{\"cols\":100,\"rows\":30,"))
    #expect(cast.contains(",\"m\",\"The verdict\"]"))
    #expect(String(decoding: try folder.bytes("a.md"), as: UTF8.self).contains("## The verdict"))
  }

  @Test func aClassGivesLessonsAndTakesTables() throws {
    let folder = try TemporaryFolder()
    let file = try folder.file(
      "class.toml", "lessons = [\"rounding\", \"targets\"]\nlanguage = \"ko\"\nminutes = 9\n")
    let first = try Ran(["lessons", "run", "--class", file, "--sessions", Self.sessions, "--json"])
      .json()
    #expect(first[path: "id"]?.string == "rounding" && first[path: "language"]?.string == "ko")
    #expect(first[path: "limit"]?.integer == 540)
    let broken = try folder.file("broken.toml", "minutes = \"many\"\n")
    let refused = Ran(["lessons", "run", "--class", broken, "--sessions", Self.sessions])
    #expect(refused.code == 1 && refused.error.contains("broken.toml, line 1: minutes"))
    let sheet = try folder.file(
      "ada.json",
      #"{"format":1,"learner":"ada","program":"0.1.0","lessons":{"targets":{"language":"en","isFinished":true,"stops":{"a":{"isDone":true,"isSkipped":false,"isRecorded":false,"isRight":false,"answer":"kv","figures":{}}}}}}"#
    )
    let bad = try folder.file("bad.json", "{")
    let table = Ran(["lessons", "table", sheet, bad])
    #expect(table.code == 3 && table.error.contains("bad.json"))
    #expect(table.out.contains("ada") && table.out.contains("0/1"))
    #expect(table.out.contains("targets a") && table.out.contains("kv (1)"))
  }

  @Test func theSameSeedGivesTheSameCases() throws {
    func cases(_ seed: Int) -> String {
      Ran(["lessons", "run", "decide", "--sessions", Self.sessions, "--json", "--seed", "\(seed)"])
        .out
    }
    #expect(cases(3) == cases(3))
    #expect((1...8).contains { cases($0) != cases(3) })
  }
}
