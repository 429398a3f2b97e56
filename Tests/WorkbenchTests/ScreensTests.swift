import TerminalUI
import Testing
import Workbench

/// The vital lines of each screen at the three sizes: what a reader must find there.
@Suite struct ScreensTests {
  static let sizes = [
    Size(width: 80, height: 24), Size(width: 100, height: 30), Size(width: 200, height: 60),
  ]

  static func expect(
    _ id: String, shows lines: [String], in play: Play = .walk(), _ comment: String = ""
  ) {
    var state = play.state
    state.show(id)
    for size in sizes {
      let text = WorkbenchView.text(state, size: size)
      for line in lines {
        #expect(
          text.contains(line), "\(id) at \(size.width)x\(size.height) lacks \"\(line)\"\n\(text)")
      }
    }
  }

  /// A picture at every size: where there is room for a screen it shows `lines`, and where there is none it says so.
  static func expectEverySize(_ play: Play, shows lines: [String]) {
    for size in sizes + [Size(width: 60, height: 16)] {
      let text = WorkbenchView.text(play.state, size: size)
      let rows = text.split(separator: "\n", omittingEmptySubsequences: false)
      let title = Screens.current(play.state).title.uppercased()
      #expect(rows[0].contains(title) || size.width < 80, "\(title) is not named:\n\(text)")
      #expect(
        rows.dropFirst().dropLast(2).contains { $0.contains("─") }, "no frame is drawn:\n\(text)")
      for line in lines where size.width >= 80 {
        #expect(
          text.contains(line), "\(size.width)x\(size.height) lacks \"\(line)\"\n\(text)")
      }
    }
    for size in [Size(width: 40, height: 12), Size(width: 20, height: 6)] {
      let text = WorkbenchView.text(play.state, size: size)
      #expect(text.contains("mall"), "\(text)")
      #expect(!text.contains("─"), "no screen is squeezed into it:\n\(text)")
    }
  }

  @Test func model() {
    Self.expect(
      ModelScreen.id,
      shows: [
        "Nibble demo 27M", "✓ open", "llama, 8 blocks", "29.4 M", "8.19 kB a token", "feed-forward",
        "86 %",
      ])
  }

  @Test func target() {
    Self.expect(
      TargetScreen.id,
      shows: [
        "context", "2 048", "weights", "16.1 GB", "KV cache", "8.60 GB", "what binds", "bandwidth",
        "capacity", "what fits", "[16]", "KV CACHE", "At 16 requests",
      ])
  }

  @Test func targetReadsOn() {
    var play = Play.walk()
    play.press("2", ",", ",")
    Self.expect(
      TargetScreen.id, shows: ["KV 8", "% of room", "15.4 k tokens", "30 requests", "[<1]"],
      in: play)
    play.press("v")
    Self.expect(
      TargetScreen.id, shows: ["methods", "1 int8", "8.5 bits a value", "Would change"], in: play
    )
    play.press("v")
    Self.expect(
      TargetScreen.id,
      shows: ["who runs KV INT8 g32", "✓", "llama.cpp (CPU)", "▲", "TensorRT-LLM", "FP8 cache"],
      in: play)
    play.press("z")
    Self.expect(
      TargetScreen.id, shows: ["the cache", "sequences", "planned", "resident", "0.6 %", "16"],
      in: play)
  }

  @Test func method() {
    Self.expect(
      MethodScreen.id,
      shows: [
        "gptq:4:128", "FP, as it is", "RTN", "GPTQ", "AWQ", "58.7 MB → 21.3 MB", "about 48 s",
        "412 MB",
        "✓ native", "▲ expanded", "✗ refused", "llama.cpp",
      ])
  }

  @Test func calibrate() {
    Self.expect(
      CalibrateScreen.id,
      shows: [
        "✓ done", "56 of 56", "100 %", "7.down", "0.00631", "SQNR dB", "tokens/s",
        "Cholesky failed",
      ])
  }

  @Test func heatmap() {
    Self.expect(
      HeatmapScreen.id,
      shows: ["GPTQ W4 g128", "map 1 of 3", "down", "5.down", "0.0141", "min", "max"])
    var play = Play.walk()
    play.press("5", "v")
    Self.expect(HeatmapScreen.id, shows: ["keys: INT8", "K0", "map 2 of 3"], in: play)
    play.press("v", "v", "i", "enter", "right", "f", "m")
    Self.expect(HeatmapScreen.id, shows: ["KL 0.0213 → 0.0183", "14 % lower"], in: play)
    play.press("left", "enter")
    Self.expect(
      HeatmapScreen.id, shows: ["before", "after", "outlier columns", "17 (21", "scales"], in: play)
  }

  @Test func quality() {
    Self.expect(
      QualityScreen.id,
      shows: [
        "0.0213 ± 0.0011", "noise floor", "53 ×", "p99", "4.312 → 4.389 ± 0.052", "+1.8 %",
        "94.1 % ± 0.2", "llama.cpp", "▸morning", "6/8",
      ])
  }

  @Test func profile() {
    Self.expect(
      ProfileScreen.id,
      shows: [
        "16.7", "52.3", "3.1 × ✓", "17 % of the time in fallbacks", "▲ fallback", "packed weights",
        "21.3 MB",
      ])
    var play = Play.walk()
    play.press("7", "down", "down")
    Self.expect(ProfileScreen.id, shows: ["why: no kernel for head dimension 64"], in: play)
    play.press("tab")
    Self.expect(ProfileScreen.id, shows: ["roofline", "decode quantized", "BF16"], in: play)
  }

  @Test func verdict() {
    Self.expect(
      VerdictScreen.id,
      shows: [
        "▲ WARN", "✓ PASS", "Is it the right tensor?", "Does quality hold?",
        "Does the quantized operator run?", "Did the bottleneck shrink?", "compressed-te",
        "2026-11-23-1",
      ])
  }

  @Test func compare() {
    Self.expect(
      CompareScreen.id,
      shows: ["rtn:8:128", "gptq:4:128", "KL▲", "0.0262", "○✓▲✓", "best: bottom left"])
    var play = Play.walk()
    play.press("9", "space", "down", "space")
    Self.expect(CompareScreen.id, shows: ["side by side", "B for A"], in: play)
    play.press("space", "up", "space", "/", "awq", "enter")
    #expect(!play.screen().contains("rtn:8:128 "))
    #expect(play.screen().contains("awq:4:128 "))
  }

  @Test func sessionsAndLessons() {
    Self.expect(SessionsScreen.id, shows: ["A first run", "1 min 23 s"])
    Self.expect(LessonsScreen.id, shows: ["Three tensors", "3/12", "Enter begins it"])
    var play = Play()
    play.press("L", ".")
    #expect(play.screen().contains("세 가지 텐서"))
  }

  @Test func emptyScreensSayWhatFillsThem() {
    let play = Play(catalog: false)
    let words = [
      (ModelScreen.id, "No model is open"), (TargetScreen.id, "No model is open"),
      (CalibrateScreen.id, "Nothing runs"), (HeatmapScreen.id, "Nothing is quantized yet"),
      (QualityScreen.id, "Not measured yet"), (ProfileScreen.id, "Not measured yet"),
      (VerdictScreen.id, "unknown"), (CompareScreen.id, "No runs yet"),
      (SessionsScreen.id, "Nothing here yet"),
    ]
    for (id, word) in words { Self.expect(id, shows: [word], in: play) }
  }
}
