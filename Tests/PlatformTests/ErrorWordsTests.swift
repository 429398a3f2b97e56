import FoundationEssentials
import Platform
import Testing

@Suite struct ErrorWordsTests {
  private struct Shape: Decodable {
    var sides: [Int]
  }

  private func words(_ text: String) -> String {
    do {
      _ = try JSONDecoder().decode(Shape.self, from: Data(text.utf8))
      return ""
    } catch {
      return ErrorWords.of(error)
    }
  }

  @Test func decodersSpeakPlainly() {
    #expect(words("{}") == "expected 'sides' at the top, found nothing")
    #expect(words("{\"sides\": [1, \"x\"]}") == "the wrong kind of value at sides.[1]")
    #expect(words("[") == "it is no JSON document")
  }

  @Test func filesSpeakPlainly() {
    func words(_ body: () throws -> Void) -> String {
      do {
        try body()
        return ""
      } catch {
        return ErrorWords.of(error)
      }
    }
    let absent = "/nonexistent-folder/x"
    for body: () throws -> Void in [
      { try FileManager.default.removeItem(atPath: absent) },
      { _ = try FileManager.default.contentsOfDirectory(atPath: absent) },
      {
        try FileManager.default.createDirectory(
          atPath: "/proc/x/y", withIntermediateDirectories: false)
      },
    ] {
      let found = words(body)
      #expect(found.hasSuffix("No such file or directory"), "\(found)")
      #expect(!found.contains("Error") && !found.contains("Cocoa"))
    }
    #expect(words { throw PlatformError.notText(path: "a") } == "a: expected text in UTF-8")
  }
}
