import TerminalUI
import Testing
import Workbench

/// A session as a page: everything in one file, nothing from a network, nothing that ends a tag.
@Suite struct SessionPageTests {
  private static func page(_ change: (inout Session) -> Void = { _ in }) -> String {
    var session = PlayerTests.walk
    change(&session)
    return SessionPage(session).html
  }

  @Test func itHoldsPicturesMarkersAndFiguresAndNoNetwork() {
    let page = Self.page { session in
      session.lines.insert(SessionLine(at: 0, item: .marker(title: "the start")), at: 0)
      session.lines.insert(SessionLine(at: 0, item: .note(text: "look here")), at: 0)
    }
    #expect(!page.contains("http:") && !page.contains("https:") && !page.contains("src="))
    #expect(page.contains("What was done") && page.contains("<td>KL</td>"))
    #expect(page.contains("the start") && page.contains("look here"))
    #expect(page.contains(#"type="range""#) && page.contains("\"pictures\":[["))
    // Equal rows are held once: the whole page is shorter than its pictures would be.
    #expect(page.utf8.count < 2_000_000)
  }

  @Test func whatIsInItCannotEndATag() {
    let page = Self.page { session in
      session.header.title = "</title><script>alert(1)</script>"
      session.lines.insert(
        SessionLine(at: 0, item: .note(text: "</script><b>\u{1B}[2J")), at: 0)
    }
    #expect(!page.contains("<script>alert") && !page.contains("</script><b>"))
    #expect(!page.contains("\u{1B}"))
    #expect(page.components(of: "</script>") == 2)
  }

  @Test func rowsKeepWideCharactersInTwoCellsAndEscapeText() {
    var buffer = Look().buffer(Size(width: 10, height: 1))
    buffer.put("한<&", x: 0, y: 0, style: Look().style(.bad))
    var cells = HTMLCells()
    let row = cells.rows(of: buffer)[0]
    #expect(row.contains("<span class=\"w\">한</span>&lt;&amp;"))
    #expect(cells.rules.contains(".s0{") && cells.rules.contains("width:2ch"))
  }
}

extension String {
  fileprivate func components(of part: String) -> Int {
    var count = 0
    var rest = self[...]
    while let found = rest.firstRange(of: part) {
      count += 1
      rest = rest[found.upperBound...]
    }
    return count
  }
}
