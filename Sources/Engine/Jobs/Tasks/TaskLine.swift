import Platform

/// One line of a file of tasks.
struct TaskLine {
  let path: String
  let number: Int

  typealias Read = (id: String, isLogged: Bool, question: TaskText.Question)

  func wrong(_ field: String, _ expected: String, _ found: String?) -> PromptError {
    PromptError(
      file: path, place: "line \(number)" + (field.isEmpty ? "" : ", \(field)"),
      expected: expected, found: found)
  }

  func item(_ line: [UInt8]) throws -> Read {
    let value: JSONValue
    do { value = try StrictJSON.parse(line) } catch { throw wrong("", "JSON", "\(error)") }
    guard let object = value.object else { throw wrong("", "an object", value.kind) }
    if object["arguments"] != nil { return try logged(object) }
    let id = object["id"]?.string ?? object["id"]?.integer.map { "\($0)" } ?? "line \(number)"
    let context = try text(object, "context")
    if let found = object["choices"] {
      let choices = try texts(found, "choices", least: 2)
      guard let answer = object["answer"]?.integer, choices.indices.contains(answer) else {
        throw wrong("answer", "0 to \(choices.count - 1), the right choice", object["answer"]?.kind)
      }
      let joined = choices.map { choice in
        let touches = context.last?.isWhitespace == false && choice.first?.isWhitespace == false
        return touches ? " " + choice : choice
      }
      return (
        id, false,
        .choice(
          context: context, choices: joined, lengths: choices.map(Self.length), answer: answer)
      )
    }
    guard let found = object["expected"] else {
      throw wrong("choices", "\"choices\" with \"answer\", or \"expected\"", nil)
    }
    return (
      id, false,
      .answer(
        context: context, expected: try texts(found, "expected", least: 1),
        stops: try object["until"].map { try texts($0, "until", least: 0) } ?? ["\n"],
        most: try most(object["max_tokens"], "max_tokens"))
    )
  }

  /// A sample as lm-evaluation-harness logs it.
  private func logged(_ object: JSONObject) throws -> Read {
    guard let id = object["doc_id"]?.integer else {
      throw wrong("doc_id", "a whole number", object["doc_id"]?.kind)
    }
    let pairs = try arguments(object["arguments"] ?? .null)
    guard let target = object["target"], target != .null else { throw wrong("target", "one", nil) }
    let first = pairs[0]
    if let settings = first.1.object {
      let expected = try target.integer.map { ["\($0)"] } ?? texts(target, "target", least: 1)
      return (
        "\(id)", true,
        .answer(
          context: first.0, expected: expected,
          stops: try settings["until"].map { try texts($0, "arguments.until", least: 0) } ?? ["\n"],
          most: try most(settings["max_gen_toks"], "arguments.max_gen_toks"))
      )
    }
    let choices = try pairs.enumerated().map { place, pair in
      guard let choice = pair.1.string, !choice.isEmpty else {
        throw wrong("arguments[\(place)]", "a choice, a text", pair.1.kind)
      }
      guard pair.0 == first.0 else {
        throw wrong("arguments[\(place)]", "the context of the first", "another")
      }
      return choice
    }
    let plain = choices.map { $0.first == " " ? String($0.dropFirst()) : $0 }
    let answer =
      target.integer ?? target.string.flatMap { text in Int(text) ?? plain.firstIndex(of: text) }
    guard choices.count >= 2 else { throw wrong("arguments", "two choices or more", "one") }
    guard let answer, choices.indices.contains(answer) else {
      throw wrong("target", "0 to \(choices.count - 1), or a choice", target.kind)
    }
    return (
      "\(id)", true,
      .choice(
        context: first.0, choices: choices, lengths: plain.map(Self.length), answer: answer)
    )
  }

  private func arguments(_ value: JSONValue) throws -> [(String, JSONValue)] {
    var found: [(String, JSONValue)] = []
    if let list = value.array {
      for (place, entry) in list.enumerated() {
        guard let pair = entry.array, pair.count == 2, let context = pair[0].string else {
          throw wrong("arguments[\(place)]", "a context and what follows it", entry.kind)
        }
        found.append((context, pair[1]))
      }
    } else if let object = value.object {
      while let entry = object["gen_args_\(found.count)"] {
        guard let context = entry.object?["arg_0"]?.string, let rest = entry.object?["arg_1"] else {
          throw wrong(
            "arguments.gen_args_\(found.count)", "\"arg_0\", a text, and \"arg_1\"", entry.kind)
        }
        found.append((context, rest))
      }
    }
    guard !found.isEmpty else {
      throw wrong("arguments", "a list of pairs, or \"gen_args_0\" and so on", value.kind)
    }
    return found
  }

  private func text(_ object: JSONObject, _ field: String) throws -> String {
    guard let text = object[field]?.string else {
      throw wrong(field, "a text", object[field]?.kind)
    }
    return text
  }

  private func texts(_ value: JSONValue, _ field: String, least: Int) throws -> [String] {
    if let text = value.string, least <= 1 { return [text] }
    guard let list = value.array, list.count >= least else {
      throw wrong(
        field, least > 1 ? "a list of \(least) texts or more" : "a text or a list of texts",
        value.kind)
    }
    return try list.enumerated().map { place, entry in
      guard let text = entry.string, !text.isEmpty || field == "until" else {
        throw wrong("\(field)[\(place)]", "a text", entry.kind)
      }
      return text
    }
  }

  private func most(_ value: JSONValue?, _ field: String) throws -> Int {
    guard let value else { return TaskText.standardTokens }
    guard let count = value.integer, (1...4096).contains(count) else {
      throw wrong(field, "1 to 4096", value.kind)
    }
    return count
  }

  /// Code points, which is what Python counts.
  private static func length(_ text: String) -> Int { text.unicodeScalars.count }
}
