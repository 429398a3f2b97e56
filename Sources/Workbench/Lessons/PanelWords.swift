/// The words of the lesson's panel that are the program's, in the language of the lesson; the workbench itself speaks English.
enum PanelWords {
  /// A word of the panel, such as the name of a key; as it is where the language has none.
  static func of(_ word: String, in language: String) -> String {
    language == "ko" ? korean[word] ?? word : word
  }

  /// `page 1/2`.
  static func page(_ page: Int, of pages: Int, in language: String) -> String {
    language == "ko" ? "\(page)/\(pages)쪽" : "page \(page)/\(pages)"
  }

  /// What is left of the time; minutes below zero are over.
  static func left(_ clock: String, isOver: Bool, in language: String) -> String {
    switch (language, isOver) {
    case ("ko", true): "시간이 다 됐습니다"
    case ("ko", false): "\(clock) 남음"
    case (_, true): "time is up"
    case (_, false): "\(clock) left"
    }
  }

  /// What is said when a lesson ends or is left.
  static func ended(_ title: String, in language: String) -> String {
    language == "ko" ? "강의를 마쳤습니다: \(title)" : "End of the lesson: \(title)"
  }

  static func left(_ title: String, in language: String) -> String {
    language == "ko" ? "강의에서 나왔습니다: \(title). L을 누르면 강의 목록" : "Left: \(title). L shows the lessons"
  }

  static func recorded(_ session: String, in language: String) -> String {
    language == "ko"
      ? "수치는 \(session)에 기록된 것입니다" : "The figures are those recorded in \(session)"
  }

  private static let korean = [
    "go on": "계속", "back": "뒤로", "hint": "힌트", "skip": "건너뛰기", "answer": "답", "measure": "재기",
    "watch": "보기", "give the answer": "답하기", "Done.": "됐습니다.", "cancelled": "취소됐습니다",
    "There is no map yet whose cell could be meant": "가리킬 칸이 있는 지도가 아직 없습니다",
  ]
}
