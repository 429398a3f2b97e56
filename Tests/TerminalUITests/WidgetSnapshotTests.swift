import TerminalUI
import Testing

/// What widgets look like, as text; how the samples are made stands in `WidgetSamples`.
///
/// With NIBBLE_RECORD_SNAPSHOTS set, what is drawn now is written into this file, and the test fails once.
@Suite struct WidgetSnapshotTests {
  private func text(_ name: String, _ look: Look, _ width: Int, _ height: Int) -> String {
    guard let sample = WidgetSamples.all.first(where: { $0.name == name }) else { return "" }
    var buffer = look.buffer(Size(width: width, height: height))
    let widget: any Widget = sample.widget
    buffer.draw(widget, in: buffer.bounds, look: look)
    return buffer.snapshot()
  }

  /// Expects a widget to be drawn as `expected`.
  private func expect(
    _ name: String, _ look: Look, _ width: Int, _ height: Int, _ expected: String,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let drawn = text(name, look, width, height)
    if drawn != expected, RecordedSnapshot.isRecording {
      RecordedSnapshot.replace(expected, with: drawn, in: #filePath)
    }
    #expect(drawn == expected, sourceLocation: sourceLocation)
  }

  private let color = Look()
  private let mono = Look(depth: .mono)
  private let ascii = Look(depth: .mono, glyphs: .ascii)

  @Test func box() {
    expect(
      "box", color, 24, 4,
      #"""
      ╭▸title ───────── over ╮
      │                      │
      │                      │
      ╰───────────── 4 of 12 ╯
      """#)
    expect(
      "box", ascii, 12, 3,
      #"""
      +>title ---+
      |          |
      +- 4 of 12 +
      """#)
  }

  @Test func gauge() {
    expect(
      "gauge", color, 30, 1,
      #"""
      ███████████████▎────│──── 61 %
      """#)
    expect(
      "gauge", ascii, 30, 1,
      #"""
      ###############.....|.... 61 %
      """#)
  }

  @Test func segments() {
    expect(
      "segments", color, 40, 1,
      #"""
            weights           KV     ─────────
      """#)
  }

  @Test func bars() {
    expect(
      "bars", color, 44, 3,
      #"""
      weights     ████████████████▏      │ 16.1 GB
      KV cache    ████████▋              │  8.6 GB
      activations █▋                     │  1.6 GB
      """#)
    expect(
      "bars", color, 24, 3,
      #"""
      weights  ████▊ │ 16.1 GB
      KV cache ██▌   │  8.6 GB
      activat… ▌     │  1.6 GB
      """#)
  }

  @Test func sparkline() {
    expect(
      "sparkline", color, 40, 2,
      #"""
        ▃█▄▇▁▇▄▇ ▇▄▄█    █▄▄▇▇▅▅▇▇▄▄█▃   █▄▄▇▁
      ▁▄████████▅████▇▁▂▇█████████████▂▁▄█████
      """#)
  }

  @Test func histogram() {
    expect(
      "histogram", color, 40, 6,
      #"""
                       ▂▄▆█▆▄▂
                   ▂▄▆█████████▆▄▂
               ▂▄▆█████████████████▆▄▂
           ▂▄▆█████████████████████████▆▄▂
       ▂▄▆█████████████████████████████████▆▄▂
      -1.0 ──────────────0──────────────── 1.0
      """#)
    expect(
      "histogram", ascii, 40, 6,
      #"""
                       _.:#:._
                   _.:#########:._
               _.:#################:._
           _.:#########################:._
       _.:#################################:._
      -1.0 --------------0---------------- 1.0
      """#)
  }

  @Test func plot() {
    expect(
      "plot", color, 50, 12,
      #"""
      error                              ● GPTQ  ◆ AWQ
           │⡄
           │⠸⡀
       0.01┤ ⠙⡄  ◆ five
           │  ⠈⠦⡀
           │    ⠈⠒⢤⡀
           │       ⠈⠑⠒⠤⣀⣀                   ◆
      0.001┤            ⠈⠉⠓⠒⠤⠤⣀⣀⡀
           │                    ⠈⠉⠉⠒⠒⠒⠦⠤⠤⢄⣀⣀⣀⡀
           │                                 ⠈⠉⠉⠉⠓⠒⠒⠒⠒
           ╰┬────────────────────┬──────────────────────
            0                   20                 block
      """#)
    expect(
      "plot", ascii, 50, 12,
      #"""
      error                              o GPTQ  + AWQ
           |o
           | o
       0.01+ oo  + five
           |  ooo
           |    oooo
           |        oooooo                  +
      0.001+              ooooooooo
           |                       oooooooooooooooo
           |                                      oooo
           ++--------------------+----------------------
            0                   20                 block
      """#)
  }

  @Test func roofline() {
    expect(
      "roofline", color, 70, 14,
      #"""
      FLOP/s
           │
           │                                     ⣀⡠ INT8 860 GFLOP/s ⠒⠒⠒⠒⠒⠒⠒
           │                                ⣀⡠⠔⠒⠉
           │                           ⣀⡠⠔⠒⠉
           │                      ⣀⡠⠔⠒⠉
      100 G┤                  ⣀⠤⠴⠭ 42 GB/s ⠤⠤⠤⠤⠤⠤⠤⠤ FP32 110 GFLOP/s ⠤⠤⠤⠤⠤⠤⠤
           │             ⣀⠤⠔⠊⠉
           │        ⣀⠤●⠊decode
           │   ⣀⠤⠔⠊⠉
           │⠔⠊⠉
           │
           ╰──────────┬─────────────────────┬───────────────────────────────
                      1                    10                  FLOP per byte
      """#)
  }

  @Test func heatmap() {
    expect(
      "heatmap", color, 60, 20,
      #"""
            q       k       v       o     gate     up     down
       0   0.00    1.90    3.80    5.70    7.60     •      1.40

       1   3.30   F5.20    7.10    9.00    0.90    2.80    4.70

       2   6.60    8.50    0.40    2.30    4.20    6.10    8.00

      ▸3   9.90    1.80  [ 3.70 ]  5.60    7.50    9.40    1.30
                         [      ]
       4   3.20    5.10    7.00    8.90    0.80    2.70    4.60

       5   6.50    8.40    0.30    2.20    4.10    6.00    7.90

       6   9.80    1.70    3.60    5.50    7.40    9.30    1.20

       7   3.10    5.00    6.90    8.80    0.70    2.60    4.50


      min 0         max 0.0099  cells in 10⁻³  median 0.0047

      """#)
    expect(
      "heatmap", mono, 60, 12,
      #"""
            q       k       v       o     gate     up     down
       0 ░ 0.00 ░░ 1.90 ░▒ 3.80 ▒▓ 5.70 ▓█ 7.60 █   •    ░ 1.40 ░
       1 ▒ 3.30 ▒▓F5.20 ▓▓ 7.10 ▓█ 9.00 █░ 0.90 ░▒ 2.80 ▒▒ 4.70 ▒
       2 ▓ 6.60 ▓█ 8.50 █░ 0.40 ░░ 2.30 ░▒ 4.20 ▒▓ 6.10 ▓█ 8.00 █
      ▸3 █ 9.90 █░ 1.80 ░[ 3.70 ]▓ 5.60 ▓█ 7.50 ██ 9.40 █░ 1.30 ░
       4 ▒ 3.20 ▒▓ 5.10 ▓▓ 7.00 ▓█ 8.90 █░ 0.80 ░▒ 2.70 ▒▒ 4.60 ▒
       5 ▓ 6.50 ▓█ 8.40 █░ 0.30 ░░ 2.20 ░▒ 4.10 ▒▓ 6.00 ▓█ 7.90 █
       6 █ 9.80 █░ 1.70 ░▒ 3.60 ▒▓ 5.50 ▓▓ 7.40 ▓█ 9.30 █░ 1.20 ░
       7 ▒ 3.10 ▒▓ 5.00 ▓▓ 6.90 ▓█ 8.80 █░ 0.70 ░▒ 2.60 ▒▒ 4.50 ▒

      min 0 ░░▒▓▓██ max 0.0099  cells in 10⁻³  median 0.0047

      """#)
    expect(
      "heatmap", ascii, 24, 12,
      #"""
         q     v     gate  do~
       0 ..0::1==3**5##7 * ::1
       1 ==3+F5##7@@9..0--2++4
       2 ##6%%8..0--2==4**6%%8
      >3 @@9::1[=]**5##7@@9::1
       4 --3++5##7@@8..0--2++4
       5 **6%%8..0--2==4**6%%7
       6 @@9::1==3++5##7@@9::1
       7 --3++5##6@@8..0--2++4

      min 0 .=#@ max 0.0099

      """#)
  }

  @Test func largeHeatmap() {
    expect(
      "large heatmap", mono, 70, 10,
      #"""
          0   16  32  48  64  80  96  112 128 144 160 176 192
        0 ▓███▓███▓███▓███▓████████▓███▓███▓███▓███▓████████
        1 ▓███▓███▓███▓███▓████████▓███▓███▓███▓███▓████████
        2 ▓███▓███▓███▓███▓████████▓███▓███▓███▓███▓████████
       ▸3 ▓███▓███▓███▓███▓████████▓███▓███▓███▓███▓████████
        4 ▓███▓███▓███▓███▓████████▓███▓███▓███▓███▓████████
        5 ▓███▓███▓███▓███▓████████▓███▓███▓███▓███▓████████
        6 ▓███▓███▓███▓███▓████████▓███▓███▓███▓███▓████████

      min 0 ░░▒▒▓▓██ max 0.0099  largest of 4 columns a cell  median 0.0049
      """#)
  }

  @Test func table() {
    expect(
      "table", color, 60, 6,
      #"""
        recipe          KL▲    bytes  verdict
        baseline     0.0004  2.20 GB  ✓ pass
      ▸ gptq:4:128   0.0213   733 MB  ▲ warn
        한국어 이름    0.11   550 MB  ✗ fail
        awq:4:128    0.0190   733 MB  ✓ pass

      """#)
    expect(
      "table", color, 30, 4,
      #"""
        recipe      KL▲    bytes …
        baseli…  0.0004  2.20 GB   █
      ▸ gptq:4…  0.0213   733 MB   █
        한국어…    0.11   550 MB   │
      """#)
  }

  @Test func list() {
    expect(
      "list", color, 30, 6,
      #"""
      built in                     █
        demo model          2.1 MB █
        모델 0             16.0 GB █
      ▸ 모델 1             16.1 GB │
        모델 2             16.2 GB │
        모델 3             16.3 GB │
      """#)
  }

  @Test func form() {
    expect(
      "form", color, 48, 5,
      #"""
        model        Llama-3-8B
      ▸ context    ‹ 32 768 › tokens
        act-order    [x] on
        budget       24 GBx   ✗ no unit

      """#)
    expect(
      "form", color, 24, 3,
      #"""
        model        Llama-3…█
      ▸ context    ‹ 32 768 …█
        act-order    [x] on  │
      """#)
  }

  @Test func walk() {
    expect(
      "walk", color, 80, 1,
      #"""
       nibble  1 Model✓ ▸ 2 TARGET ▸ 3 Method ▸ 4 Calibrate                     ● rec
      """#)
    expect(
      "walk", color, 44, 1,
      #"""
       nibble  1✓ ▸ 2 TARGET ▸ 3 Method ▸ 4 ● rec
      """#)
    expect(
      "walk", color, 24, 1,
      #"""
       nibble  1✓ ▸ 2 … ● rec
      """#)
  }

  @Test func hints() {
    expect(
      "hints", color, 50, 1,
      #"""
       ↑↓ field   Enter open                     q quit
      """#)
    expect(
      "hints", color, 24, 1,
      #"""
       ↑↓ field        q quit
      """#)
  }

  @Test func modal() {
    expect(
      "modal", color, 50, 9,
      #"""


      ╭▸leave? ────────────────────────────────────────╮
      │ One line.                                      │
      │ Another 한국어 line that wraps somewhere.      │
      ╰────────────────────────────────────────────────╯



      """#)
  }

  @Test func paragraph() {
    expect(
      "paragraph", color, 24, 5,
      #"""
      KV CACHE, then weights.
      At 16 × 32k 한국어 the
      cache.


      """#)
  }

  @Test func message() {
    expect(
      "message", color, 24, 1,
      #"""
      ▲ lm_head is tied
      """#)
  }

  @Test func tooSmall() {
    expect(
      "too small", color, 40, 5,
      #"""

                     Too small
               now 40×5, needs 60×16
                      q quits

      """#)
  }

  /// Colours are part of the picture: the selected row of a table, run by run.
  @Test func stylesOfASelection() {
    var buffer = color.buffer(Size(width: 20, height: 2))
    buffer.draw(
      Table([.init("a"), .init("b")], rows: [["x", .good("y")]], selected: 0), in: buffer.bounds,
      look: color)
    #expect(
      buffer.styleSnapshot() == """
        0-1 #cdd3de/#14161b; 2-2 #9db0c8/#14161b; 3-4 #cdd3de/#14161b; 5-5 #9db0c8/#14161b; \
        6-19 #cdd3de/#14161b
        0-0 #f3f5f9/#26374f bold; 1-4 #f3f5f9/#26374f; 5-5 #5ccfb8/#26374f; 6-19 #f3f5f9/#26374f
        """)
  }
}
