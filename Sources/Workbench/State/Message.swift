package import Engine
package import TerminalUI

/// Everything that can change the state; a session file is a log of these.
///
/// Every value is labelled, so that the JSON reads well and survives change.
package enum Message: Hashable, Sendable, Codable {
  /// The program was started, maybe with a model, and that maybe held against another.
  case launch(model: String?, against: String? = nil)
  /// The user or the terminal did something.
  case input(event: InputEvent)
  /// Time since the program started; the only clock that `update` knows.
  case tick(milliseconds: Int)
  case job(event: JobEvent)
  /// What can be chosen from has changed.
  case catalog(part: CatalogPart)
  /// A recording began at `path`, or ended (nil).
  case recording(path: String?)
  /// Something happened to a lesson from outside: it begins, a stretch was watched.
  case lesson(event: LessonEvent)
  /// The words to explain, those on the screen first.
  case glossary(terms: [GlossaryTerm])
  /// Nothing can be measured from here on, and why; nil once it can.
  case readOnly(reason: String?)
  /// What a path that is typed could lead to.
  case paths(listing: PathListing)
  /// An effect has something to say: where a text was written, why a theme was refused.
  case notice(kind: Notice.Kind, text: String)
}

extension Message {
  /// The terminal has another size.
  package static func resize(_ size: Size) -> Message { .input(event: .resize(size: size)) }

  /// A key was pressed.
  package static func key(_ press: KeyPress) -> Message { .input(event: .key(press: press)) }
}

/// A short text that is shown for a while.
package struct Notice: Hashable, Sendable, Codable {
  package enum Kind: String, Hashable, Sendable, Codable {
    case information
    case done
    case problem
  }

  package var kind: Kind
  package var text: String
  /// When it appeared, in milliseconds of `State.now`.
  package var since: Int

  package init(kind: Kind, text: String, since: Int) {
    self.kind = kind
    self.text = text
    self.since = since
  }

  /// How long a notice stays, in milliseconds; problems stay longer, since they have to be read.
  package var lifetime: Int { kind == .problem ? 12_000 : 5_000 }
}
