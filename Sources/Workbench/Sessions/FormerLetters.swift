import TerminalUI

/// Reads sessions of format 2, whose keys were the letters of that time: each press becomes the key that does the same today.
///
/// What a letter did depended on the screen, so the session is walked through once; text that was typed stays as it is.
package enum FormerLetters {
  /// What a letter of a screen is today, by the id of the screen.
  package static let all: [String: [String: String]] = [
    BudgetScreen.id: ["a": "m"],
    CacheScreen.id: ["s": ",", "w": "."],
    CalibrateScreen.id: ["s": ">", "c": "m", "x": "X"],
    ChooseScreen.id: ["a": "m"],
    CompareScreen.id: ["o": ">", "v": "<", "a": ".", "i": "E", "d": "x"],
    HeatmapScreen.id: [
      "m": ".", "s": "c", "y": "-", "c": "|", "i": "m", "e": "u", "a": "i", "b": "backspace",
    ],
    LessonsScreen.id: ["a": ".", "x": "ctrl+x"],
    MethodScreen.id: ["x": "f", "b": "="],
    ModelScreen.id: ["c": "plus"],
    OutlierScreen.id: ["s": "i", "f": "*", "w": "#", "o": "!"],
    ProfileScreen.id: ["a": "m", "m": ".", "w": "i"],
    ProviderScreen.id: ["a": "m"],
    QualityScreen.id: ["a": "m", "f": "v", "c": "a"],
    TargetScreen.id: ["a": ".", "w": ",", "f": "z"],
    VerdictScreen.id: ["w": "Y", "o": "w", "c": "y"],
  ]

  /// The session with the letters of today, in the format of today; one that has them already as it is.
  package static func translated(_ session: Session) -> Session {
    guard session.header.format == SessionHeader.formerFormat else { return session }
    var session = session
    session.header.format = SessionHeader.currentFormat
    var state = State(size: session.header.size)
    state.theme = session.header.theme
    for index in session.lines.indices {
      switch session.lines[index].item {
      case .message(.input(.key(let press))):
        let message = Message.key(today(press, state))
        session.lines[index].item = .message(message)
        _ = update(&state, message)
      case .message(let message): _ = update(&state, message)
      case .task(var task):
        task.goal.keys = task.goal.keys?.map { today($0, state) }
        session.lines[index].item = .task(task)
      case .marker, .note, .say, .question, .part, .unknown: break
      }
    }
    return session
  }

  /// The key of today; what is typed, or answers a lesson, stays.
  private static func today(_ press: KeyPress, _ state: State) -> KeyPress {
    guard state.overlay == nil,
      !LessonKeys.bindings(state).contains(where: { $0.keys.contains(press) }),
      let name = all[state.screen]?[press.name]
    else { return press }
    return KeyPress(name: name) ?? press
  }
}
