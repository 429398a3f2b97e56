/// One line of a session after the header: when, and what.
///
/// `{"at":120,"message":{…}}`, `{"at":900,"marker":"calibrated"}`, `{"at":950,"say":"…"}`, and so on. A kind that is
/// not known is kept as `unknown`, so that newer files still play.
package struct SessionLine: Hashable, Sendable {
  package enum Item: Hashable, Sendable {
    case message(Message)
    /// A place to jump to.
    case marker(title: String)
    /// A remark by whoever recorded or edited it.
    case note(text: String)
    /// Narration of a lesson.
    case say(text: String)
    case task(LessonTask)
    case question(LessonQuestion)
    /// A piece of a message that is too long for one line.
    case part(MessagePart)
    case unknown(kind: String)
  }

  /// Milliseconds since the session began.
  package var at: Int
  package var item: Item

  package init(at: Int, item: Item) {
    self.at = at
    self.item = item
  }

  /// The latest time a file may tell: about 115 days.
  static let longest = 10_000_000_000
}

/// A piece of the JSON of a long message; the pieces follow one another, `index` from 0 to `count` - 1.
package struct MessagePart: Hashable, Sendable, Codable {
  package var index: Int
  package var count: Int
  package var text: String
}

extension SessionLine: Codable {
  private enum Key: String, CodingKey, CaseIterable {
    case at, message, marker, note, say, task, question, part
  }

  private struct AnyKey: CodingKey {
    var stringValue: String
    var intValue: Int? { nil }
    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
  }

  package init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Key.self)
    at = try container.decode(Int.self, forKey: .at)
    if let message = try container.decodeIfPresent(Message.self, forKey: .message) {
      item = .message(message)
    } else if let title = try container.decodeIfPresent(String.self, forKey: .marker) {
      item = .marker(title: title)
    } else if let text = try container.decodeIfPresent(String.self, forKey: .note) {
      item = .note(text: text)
    } else if let text = try container.decodeIfPresent(String.self, forKey: .say) {
      item = .say(text: text)
    } else if let task = try container.decodeIfPresent(LessonTask.self, forKey: .task) {
      item = .task(task)
    } else if let question = try container.decodeIfPresent(LessonQuestion.self, forKey: .question) {
      item = .question(question)
    } else if let part = try container.decodeIfPresent(MessagePart.self, forKey: .part) {
      item = .part(part)
    } else {
      let all = try decoder.container(keyedBy: AnyKey.self)
      let other = all.allKeys.map(\.stringValue).first { $0 != "at" }
      item = .unknown(kind: other ?? "")
    }
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    try container.encode(at, forKey: .at)
    switch item {
    case .message(let message): try container.encode(message, forKey: .message)
    case .marker(let title): try container.encode(title, forKey: .marker)
    case .note(let text): try container.encode(text, forKey: .note)
    case .say(let text): try container.encode(text, forKey: .say)
    case .task(let task): try container.encode(task, forKey: .task)
    case .question(let question): try container.encode(question, forKey: .question)
    case .part(let part): try container.encode(part, forKey: .part)
    case .unknown: break
    }
  }
}
