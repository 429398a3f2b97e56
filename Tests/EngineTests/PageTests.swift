import Quantization
import Testing

@testable import Engine

/// Pages as Markdown and as HTML.
@Suite struct PageTests {
  private static let page = Page(
    title: "a <model> & more",
    parts: [
      .decision("Take `rtn:4`."), .heading("Checks"),
      .table(head: ["", "mark"], rows: [["1", "pass"], ["a|b", "fail"]]), .list(["one", "two"]),
      .heatmap(
        PageHeatmap(
          columns: ["q", "down"],
          rows: [
            PageHeatmap.Row(name: "0", values: [0.001, 0.1]),
            PageHeatmap.Row(name: "1", values: [0.01, nil]),
          ])),
      .scatter(
        PageScatter(
          x: "bytes", y: "KL",
          points: [
            PageScatter.Point(name: "a", x: 1, y: 0.1, isChosen: true, isOnFrontier: true),
            PageScatter.Point(name: "b", x: 2, y: 0.2, isChosen: false, isOnFrontier: false),
          ])),
    ])

  @Test func markdown() {
    #expect(
      Self.page.markdown == """
        # a <model> & more

        **Take `rtn:4`.**

        ## Checks

        |  | mark |
        | --- | --- |
        | 1 | pass |
        | a\\|b | fail |

        - one
        - two

        ```
          q    down
        0 ··   ██
        1 ▒▒

        0.00100 ·░▒▓█ 0.100, relative error of a layer's output
        ```

        | | recipe | bytes | KL |
        |---|---|---|---|
        | **chosen** frontier | a | 1.00 | 0.100 |
        |  | b | 2.00 | 0.200 |

        """)
  }

  @Test func html() {
    let html = Self.page.html
    #expect(html.hasPrefix("<!doctype html>"))
    #expect(html.contains("<h1>a &lt;model&gt; &amp; more</h1>"))
    #expect(html.contains("Take <code>rtn:4</code>."))
    #expect(html.contains("<td class=\"pass\">PASS</td>"))
    #expect(
      html.split(separator: "<rect", omittingEmptySubsequences: false).count == 4,
      "a cell a layer that is there")
    #expect(html.split(separator: "<circle", omittingEmptySubsequences: false).count == 3)
    #expect(!html.contains("<script") && !html.contains("http"), "nothing runs, nothing is fetched")
  }

  @Test func theFrontierIsWhatNothingBeats() {
    #expect(
      Frontier.members([(1, 3), (2, 2), (3, 1), (3, 3), (2, 2)]) == [true, true, true, false, true])
    #expect(Frontier.members([]).isEmpty)
  }

  /// What its user called a run, and said of it, is on its page, and so is what it was.
  @Test func aRunIsCalledAsItsUserDoes() throws {
    var record = RunRecord(
      id: "run-1", model: "m", recipe: Recipe(weights: MethodChoice(method: "rtn")))
    #expect(RunPage(record).page.markdown.hasPrefix("# m: \(record.recipe)\n"))
    record.title = "for Monday"
    record.note = "the | second try"
    let text = RunPage(record).page.markdown
    #expect(text.hasPrefix("# m: for Monday\n"))
    #expect(text.contains("| recipe | \(record.recipe) |"))
    #expect(text.contains("| note | the \\| second try |"))
  }
}
