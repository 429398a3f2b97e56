import DemoModel
import Engine
import Evaluation
import FoundationEssentials
import Models
import Quantization
import TestSupport
import Testing

/// Conversations as calibration and evaluation texts.
@Suite struct ChatTextTests {
  private static let template =
    "{% for m in messages %}<{{ m.role }}>{{ m.content }}\n{% endfor %}"

  /// The built-in model's directory with a chat template.
  private static func model(in folder: TemporaryFolder, hasTemplate: Bool = true) throws -> String {
    let path = folder.path("model")
    try FileManager.default.copyItem(atPath: DemoModel().directory, toPath: path)
    if hasTemplate {
      try folder.file("model/chat_template.jinja", template)
    }
    return path
  }

  private static let line = """
    {"messages": [{"role": "user", "content": "Tell a tale of a dog and a boat on the lake."}, \
    {"role": "assistant", "content": "Once there was a dog who had a little boat."}]}
    """

  @Test func conversationsAreCalibratedAndMeasuredOn() throws {
    let folder = try TemporaryFolder()
    let model = try Self.model(in: folder)
    let lines =
      [String](repeating: Self.line, count: 12) + ["", #"[{"role":"user","content":"x"}]"#]
    let text = try folder.file("a.jsonl", lines.joined(separator: "\n") + "\n")
    let laboratory = try Laboratory(threads: 2)
    _ = try perform(laboratory, LoadJob(path: model))
    let calibration = CalibrationOptions(text: text, samples: 2, length: 64, chat: true)
    _ = try perform(
      laboratory,
      QuantizeJob(
        recipe: RecipeText.recipe("weights=gptq:4:64"), calibration: calibration, keeping: .nothing)
    )
    let chat = try perform(
      laboratory, EvaluateJob(options: EvaluationOptions(text: text, window: 64, chat: true)))
    #expect(chat.text == "a.jsonl (chat)")
    // What the template makes of them, not the JSON.
    let words =
      String(
        repeating: """
          <user>Tell a tale of a dog and a boat on the lake.
          <assistant>Once there was a dog who had a little boat.

          """, count: 12) + "<user>x\n"
    let plain = try folder.file("a.txt", words)
    let expected = try perform(
      laboratory, EvaluateJob(options: EvaluationOptions(text: plain, window: 64)))
    #expect(abs(chat.perplexity / expected.perplexity - 1) < 0.1)
    let raw = try perform(
      laboratory, EvaluateJob(options: EvaluationOptions(text: text, window: 64)))
    #expect(abs(raw.perplexity / expected.perplexity - 1) > 0.2)
  }

  @Test func badLinesAreNamed() throws {
    let folder = try TemporaryFolder()
    let laboratory = try Laboratory(threads: 1)
    _ = try perform(laboratory, LoadJob(path: Self.model(in: folder)))
    func refusal(_ lines: String...) throws -> String {
      let text = try folder.file("bad.jsonl", lines.joined(separator: "\n"))
      do {
        _ = try perform(
          laboratory, EvaluateJob(options: EvaluationOptions(text: text, chat: true)))
        return ""
      } catch let ended as Ended {
        guard case .failed(_, let message) = ended.event else { return "\(ended)" }
        return message
      }
    }
    #expect(try refusal(Self.line, "{").contains("bad.jsonl, line 2: expected JSON"))
    #expect(try refusal("", "{\"a\": 1}").contains("line 2, messages: expected an array"))
    #expect(try refusal("[]").contains("line 1, messages"))
    #expect(
      try refusal(#"[{"role": "user", "content": 3}]"#)
        .contains("line 1, messages[0].content: expected a string"))
    #expect(
      try refusal(#"{"messages": [{"role": "user", "content": "a"}, {"content": "b"}]}"#)
        .contains("messages[1].role: expected a string, found none"))
    #expect(try refusal("", "  ").contains("found no conversation"))
    let none = try TemporaryFolder()
    _ = try perform(laboratory, LoadJob(path: Self.model(in: none, hasTemplate: false)))
    #expect(try refusal(Self.line).contains("chat template"))
  }
}
