import Engine
import Models
import Quantization
import TerminalUI
import Testing
import Workbench

/// The heatmap of a mixture of experts: a column a role, and the experts of a block where one asks for them.
@Suite struct MixtureHeatmapTests {
  private static let experts = 6
  private static let roles = ["q", "k", "v", "o"]
  private static let kinds = ["gate", "up", "down"]

  /// Errors by layer; expert 4 of block 2 has the largest of all gates.
  private static func error(_ block: Int, _ role: String, _ expert: Int?) -> Double {
    block == 2 && role == "gate" && expert == 4
      ? 0.09 : 0.001 * Double(block + 1) + 0.0001 * Double(expert ?? 0)
  }

  private static let map: ErrorMap = {
    let columns =
      roles
      + (0..<experts).flatMap { expert in kinds.map { "\($0)-\(expert)" } }
    return ErrorMap(
      target: .weights, title: "output error of each layer", rows: (0..<3).map { "\($0)" },
      columns: columns,
      cells: (0..<3).map { block in
        roles.map { ErrorMap.Cell(values: [.relativeError: error(block, $0, nil)]) }
          + (0..<experts).flatMap { expert in
            kinds.map {
              ErrorMap.Cell(
                values: [.relativeError: error(block, $0, expert)],
                fallback: block == 1 && expert == 5 ? "few tokens came" : nil)
            }
          }
      }, metrics: [.relativeError])
  }()

  /// The heatmap after a mixture was quantized.
  private static func heatmap() -> Play {
    var play = Play()
    play.send(.launch(model: nil))
    play.press("2", "3", "down", "enter")  // GPTQ into the recipe
    play.send(.tick(milliseconds: 9000))
    play.answers = false
    play.press("enter")  // quantize
    let id = play.state.jobs.jobs.last?.id ?? JobID(number: -1)
    var report = SampleRun.quantized
    report.maps = [map]
    play.job(.finished(id: id, QuantizeJob.self, report))
    play.press("5")
    return play
  }

  private static func right(_ play: inout Play, _ times: Int) {
    for _ in 0..<times { play.press("right") }
  }

  @Test func aColumnStandsForAllExpertsOfARole() {
    var play = Self.heatmap()
    let screen = play.screen(width: 80, height: 24)
    for name in Self.roles + Self.kinds { #expect(screen.contains(name), "\(screen)") }
    #expect(!screen.contains("gate-"), "\(screen)")
    play.press("down", "down")
    Self.right(&play, 4)
    #expect(play.screen(width: 140).contains("block 2.gate, 6 experts"))
    // The worst of them.
    #expect(play.screen(width: 140).contains("0.09"))
    play.press("up")
    #expect(play.screen(width: 160).contains("1 of 6 experts: few tokens came"))
  }

  @Test func expertsAreOpenedAndClosedAgain() {
    var play = Self.heatmap()
    play.press("down", "down")
    Self.right(&play, 4)
    play.press("enter")
    let screen = play.screen(width: 140)
    #expect(screen.contains("experts of block 2"), "\(screen)")
    for number in 0..<Self.experts { #expect(screen.contains("e\(number)")) }
    // The cursor is on the worst.
    #expect(play.state[HeatmapScreen.self].row == 4)
    #expect(screen.contains("block 2.gate-4"), "\(screen)")
    play.press("enter")
    let cell = play.started(CellJob.self).last?.job
    #expect(cell == CellJob(map: 0, row: 2, column: 4 + 4 * 3))
    play.press("backspace", "backspace")
    #expect(play.state[HeatmapScreen.self].block == nil)
    #expect(play.state[HeatmapScreen.self].row == 2)
    #expect(play.state[HeatmapScreen.self].column == 4)
    #expect(!play.screen(width: 140).contains("experts of block"))
  }

  @Test func marksSpeakOfWholeRolesAndOfOneExpert() {
    var play = Self.heatmap()
    play.press("down", "down")
    Self.right(&play, 4)
    play.press("f")
    #expect(play.screen(width: 140).contains("2.gate"))
    play.press("u")
    #expect(play.state.choices.recipe.exceptions.map(\.description) == ["2.gate=fp"])
    play.press("f", "enter", "f", "u")
    #expect(
      play.state.choices.recipe.exceptions.map(\.description).contains("2.gate-4=fp"))
    play.press("f", "-")
    #expect(
      Self.map.exceptions(for: play.state[HeatmapScreen.self].restored).map(\.description)
        == ["2.gate-4=fp", "2.up-4=fp", "2.down-4=fp"])
    play.press("-", "backspace", "|")
    #expect(
      Self.map.exceptions(for: play.state[HeatmapScreen.self].restored).map(\.description)
        == ["*.gate=fp"])
  }
}
