import Platform
import Testing
import Tokenizers

/// Chat templates give the text that Jinja gives in `transformers`.
///
/// `Fixtures/chat-templates.json` is made by `Tests/Peers/chat_templates.py`.
struct ChatTemplateTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var name: String
    var template: String
    var variables: JSONObject
    var text: String?
    var refusal: String?
    var testDescription: String { name }
  }

  static func cases() throws -> [Case] {
    let root = try #require(try Fixture.json("chat-templates.json").object)
    let templates = try #require(root["templates"]?.array).compactMap(\.string)
    let variables = try #require(root["variables"]?.array).compactMap(\.object)
    return try #require(root["cases"]?.array).map { entry in
      let entry = try #require(entry.object)
      return Case(
        name: try #require(entry["name"]?.string),
        template: templates[try #require(entry["template"]?.integer)],
        variables: variables[try #require(entry["variables"]?.integer)],
        text: entry["text"]?.string, refusal: entry["refused"]?.string)
    }
  }

  private static let now = ChatTemplate.Moment(
    year: 2026, month: 3, day: 7, hour: 15, minute: 4, second: 9, weekday: 6, dayOfYear: 66)

  @Test(arguments: try Self.cases())
  func agreesWithJinja(template: Case) throws {
    let read = try ChatTemplate(template.template)
    if let wanted = template.text {
      let found = try read.render(template.variables, now: Self.now)
      // Byte for byte: `String` equality would take NFC and NFD for equal.
      #expect(Array(found.utf8) == Array(wanted.utf8), "\(found)")
    } else {
      let error = #expect(throws: ChatTemplateError.self) {
        try read.render(template.variables, now: Self.now)
      }
      if let refusal = template.refusal { #expect(error == .refused(refusal)) }
    }
  }

  @Test func thereAreCasesOfEachKind() throws {
    let cases = try Self.cases()
    #expect(cases.count > 60)
    #expect(cases.filter { $0.text != nil }.count > 55)
    #expect(cases.filter { $0.refusal != nil }.count >= 5)
  }

  /// Refused when the template is read, with the line.
  @Test(arguments: [
    ("a\n{{ x | escape }}", 2, "the filter \"escape\""), ("{% include 'x' %}", 1, "{% include %}"),
    ("{% extends 'x' %}", 1, "{% extends %}"), ("\n\n{{ x is weird }}", 3, "the test \"weird\""),
    ("{{ 2 ** 3 }}", 1, "\"**\""), ("{% for x in y recursive %}{% endfor %}", 1, "recursive"),
    ("{{ f(*x) }}", 1, "arguments from a list"), ("{% call f() %}{% endcall %}", 1, "{% call %}"),
  ])
  func whatIsNotKnownIsNamed(template: String, line: Int, words: String) {
    let error = #expect(throws: ChatTemplateError.self) { try ChatTemplate(template) }
    guard case .unsupported(line, let construct) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(construct.contains(words))
  }

  @Test(arguments: [
    "{{", "{{ x", "{% if %}", "{% if x %}", "{% if x %}{% endfor %}", "{% endif %}", "{{ 'a }}",
    "{# x",
    "{{ x. }}", "{{ [1, }}", "{{ {1} }}", "{{ 1 + }}", "{% for x %}{% endfor %}", "{{ x[1 2] }}",
    "{% set %}", "{{ }}", "{% raw %}", "{{ x | }}", "{{ ) }}", "{% macro m( %}",
    "{{ 99999999999999999999 }}",
    "{% else %}", "{{ @ }}", "{% set x = 1 %}{% set y %}", "{{ \"\\uZZZZ\" }}",
  ])
  func wrongTemplatesAreRefused(template: String) {
    #expect(throws: ChatTemplateError.self) { try ChatTemplate(template) }
  }

  private static func text(_ template: String) throws -> String {
    try ChatTemplate(template).render(JSONObject(), now: now)
  }

  /// No template stops the program, runs for ever or takes all memory.
  @Test(arguments: [
    String(repeating: "(", count: 10_000), "{{ " + String(repeating: "(", count: 10_000),
    "{{ " + String(repeating: "-", count: 10_000) + "1 }}",
    "{{ " + String(repeating: "not ", count: 10_000) + "1 }}",
    String(repeating: "{% if x %}", count: 10_000),
    "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}",
    "{% set n = namespace(x='a') %}{% for a in range(100) %}{% set n.x = n.x ~ n.x %}{{ n.x }}{% endfor %}",
    "{% set n = namespace(x=[]) %}{% for a in range(1000) %}{% set n.x = [n.x] %}{% endfor %}",
    "{% set n = namespace() %}{% set n.n = n %}{{ n.n }}", "{{ 'a' * 99999999999 }}",
    "{{ range(10000000) }}", "{{ 9223372036854775807 + 1 }}", "{{ 1 // 0 }}", "{{ 1 % 0 }}",
    "{{ 1 / 0 }}",
    "{{ 9223372036854775807 * 2 }}", "{{ range(0, 1, 0) }}", "{{ -9223372036854775807 - 2 }}",
    "{{ 'abc'[::0] }}", "{{ 'x'.split('') }}", "{{ 'x'.replace('', 'y') }}", "{{ 'x' | round }}",
    "{{ strftime_now('%Q') }}", "{{ strftime_now('%') }}", "{{ none.x.y }}", "{{ [] | max < 1 }}",
    "{{ namespace | tojson }}", "{% for x in 5 %}{% endfor %}", "{% set a, b = [1] %}",
  ])
  func hostileTemplatesAreErrors(template: String) {
    if template.hasPrefix("(") {
      #expect((try? Self.text(template)) == template)
    } else {
      #expect(throws: ChatTemplateError.self) { try Self.text(template) }
    }
  }

  /// A row of operations holds each the one before: it nests without a bracket.
  @Test(arguments: [
    ("1", " + 1"), ("1", " or 1"), ("1", " and 1"), ("1", " < 1"), ("1", " in x"),
    ("'a'", " ~ 'a'"),
    ("'a'", " | trim"), ("x", "[0]"), ("x", "[1:]"), ("x", ".y"), ("x", "()"), ("x", " is none"),
    ("x", " if x"),
  ])
  func longRowsAreErrors(first: String, link: String) throws {
    let row = "{{ \(first)\(String(repeating: link, count: 30_000)) }}"
    let error = #expect(throws: ChatTemplateError.self) { try ChatTemplate(row) }
    #expect("\(error.map(String.init(describing:)) ?? "")".contains("400 operations"))
    // What people write is far below.
    _ = try ChatTemplate("{{ \(first)\(String(repeating: link, count: 300)) }}")
  }

  /// Macros that call themselves from deep inside of expressions.
  @Test func deepCallsAreErrors() throws {
    let row = String(repeating: " + 1", count: 390)
    let macro = "{% macro m(x) %}{{ m(x)\(row) }}{% endmacro %}{{ m(1) }}"
    let error = #expect(throws: ChatTemplateError.self) { try Self.text(macro) }
    #expect("\(error.map(String.init(describing:)) ?? "")".contains("inside one another"))
  }

  @Test func anInstanceOfATokenizer() throws {
    let tokenizer = try Fixture.tokenizer(
      vocab: #""a":0"#,
      added: #"{"id":1,"content":"<s>","special":true},{"id":2,"content":"</s>","special":true}"#)
    let messages: [JSONValue] = []
    #expect(try tokenizer.chatText(messages, addGenerationPrompt: true, now: Self.now) == nil)
    var file = GGUFVocabulary(
      file: "x", model: "llama", tokens: ["<s>", "</s>", "a"].map { Array($0.utf8) })
    file.scores = [0, 0, -1]
    file.kinds = [3, 3, 1]
    file.bosID = 0
    file.eosID = 1
    file.templates = ChatTemplates(
      standard:
        "{{ bos_token }}{{ messages | length }}{{ eos_token if add_generation_prompt }}{{ mode }}")
    var more = JSONObject()
    more.append("mode", .string("m"))
    let text = try Tokenizer(gguf: file).chatText(
      messages, addGenerationPrompt: true, more: more, now: Self.now)
    #expect(text == "<s>0</s>m")
  }
}
