import Checkpoints
import FoundationEssentials
import Platform
import Tensors
import TestSupport
import Testing

/// Commands that read a prompt, on the built-in model: tokens, logits, generate.
@Suite(.serialized) struct PromptCommandsTests {
  private static let prompt = ["--prompt", "Once upon a time there was a", "--threads", "2"]

  @Test func tokensAreThoseThatLogitsWereTakenOf() throws {
    let folder = try TemporaryFolder()
    let json = try Ran(["tokens", "--json"] + Self.prompt).json()
    let ids = try #require(json[path: "ids"]?.array).compactMap(\.integer)
    #expect(ids.count > 5)
    #expect(json[path: "tokens"]?.array?.count == ids.count)
    let plain = Ran(["tokens"] + Self.prompt)
    #expect(plain.out == ids.map { "\($0)" }.joined(separator: " ") + "\n")

    let path = folder.path("logits.safetensors")
    let report = try Ran(["logits", "-o", path, "--json"] + Self.prompt).json()
    #expect(report[path: "tokens"]?.integer == ids.count)
    let file = try Checkpoint(path: path)
    let vocabulary = try #require(report[path: "vocabulary"]?.integer)
    #expect(file["ids"]?.shape.dimensions == [ids.count])
    let logits = try file.view("logits").floats()
    #expect(logits.count == ids.count * vocabulary)
    #expect(logits.allSatisfy { $0.isFinite })

    // The likeliest token after the prompt is what is generated first.
    let last = logits.suffix(vocabulary)
    let likeliest = last.indices.max { last[$0] < last[$1] }.map { $0 - last.startIndex }
    let made = try Ran(["generate", "--tokens", "4", "--json"] + Self.prompt).json()
    #expect(made[path: "tokens.0"]?.integer == likeliest)
    #expect(made[path: "ending"]?.string == "length")
    made.expectNumbers(["promptTokens", "promptSeconds", "decodeSeconds"])
  }

  @Test func aRecipeChangesTheLogits() throws {
    let folder = try TemporaryFolder()
    func logits(_ recipe: [String], _ name: String) throws -> [Float] {
      let path = folder.path(name)
      let ran = Ran(["logits", "-o", path, "--tokens", "3"] + recipe + Self.prompt)
      #expect(ran.code == 0, "\(ran.error)")
      #expect(ran.out.contains("logits of 3 tokens"))
      return try Checkpoint(path: path).view("logits").floats()
    }
    let (plain, again) = (try logits([], "a"), try logits([], "b"))
    #expect(plain == again)
    #expect(try logits(["--weights", "rtn:4:128"], "c") != plain)
  }

  @Test func generatedTextComesAsItIsMade() throws {
    let ran = Ran(["generate", "--tokens", "8"] + Self.prompt)
    #expect(ran.code == 0)
    let json = try Ran(["generate", "--tokens", "8", "--json"] + Self.prompt).json()
    #expect(ran.out == (json[path: "text"]?.string ?? "") + "\n")
    #expect(ran.error.contains("8 tokens"))
  }

  @Test func whatIsNoPromptIsNamed() throws {
    let folder = try TemporaryFolder()
    // The built-in model has no chat template.
    let chat = Ran(["generate", "--chat"] + Self.prompt)
    #expect(chat.code == 1 && chat.error.contains("chat template"), "\(chat.error)")
    let path = folder.path("messages.json")
    for (text, words) in [
      ("{", "expected JSON"), ("[]", "expected an array of messages"),
      ("[{\"role\": \"user\"}]", "message 1: expected an object with the strings role and content"),
    ] {
      try text.write(toFile: path, atomically: true, encoding: .utf8)
      let ran = Ran(["tokens", "--messages", path])
      #expect(ran.code == 1 && ran.error.contains(words), "\(text): \(ran.error)")
    }
    let missing = Ran(["tokens", "--file", folder.path("nothing")])
    #expect(missing.code == 1 && missing.error.contains("expected a file that can be read"))
  }
}
