import Engine
import Operators
import Profiling
import TerminalUI
import Testing
import Workbench

/// The screen of providers, and the layers and the memory of the profile.
@Suite struct ProviderScreenTests {
  private static func opened() -> Play {
    var play = Play()
    play.send(.launch(model: nil))
    play.press("P")
    return play
  }

  @Test func itSaysWhatItIsForBeforeAComparison() {
    ScreensTests.expect(
      ProviderScreen.id,
      shows: ["Nothing is measured yet", "Enter", "compare providers", "Nothing is quantized"],
      in: Self.opened())
    ScreensTests.expect(
      ProviderScreen.id, shows: ["open a model first"], in: Play(catalog: false))
  }

  @Test func itTellsTheLessonInASentence() {
    var play = Self.opened()
    play.press("enter")
    ScreensTests.expect(
      ProviderScreen.id,
      shows: [
        "With linear_int4_bf16 disabled it decodes", "0.99x of BF16", "instead of 2.41x", "generic",
        "avx512", "int4_bf16", "2.20 GB", "decode against BF16",
      ], in: play)
    play.press("end")
    ScreensTests.expect(
      ProviderScreen.id,
      shows: [
        "avx512 without int4_bf16", "linear_bf16_bf16_avx512", "linear_int4_bf16 is disabled",
      ],
      in: play)
    play.press("v")
    #expect(play.screen().contains("prefill against BF16"))
    play.press("enter")
    #expect(play.state.screen == ProfileScreen.id)
  }

  @Test func anotherRecipeForgetsIt() {
    var play = Self.opened()
    play.press("enter")
    #expect(play.state.facts.providers != nil)
    play.press("3", "down", "enter", "enter")
    #expect(play.state.facts.providers == nil)
  }

  @Test func itIsDrawnAtEverySize() {
    var play = Self.opened()
    #expect(play.screen(width: 80, height: 24).contains("Nothing is measured yet"))
    for (key, lines) in [
      ("enter", ["decode against BF16"]),
      ("end", ["decode against BF16", "avx512 without int4_bf16"]),
      ("v", ["prefill against BF16"]),
    ] {
      play.press(key)
      ScreensTests.expectEverySize(
        play, shows: lines + ["why is it not faster?", "ways to run it"])
    }
  }

  /// A profile of two blocks on the profile screen.
  private static func profiled() -> Play {
    var play = Play.walk()
    func row(
      _ block: Int, _ name: String, _ seconds: Double, _ bandwidth: Double, _ rate: Double,
      linear: Bool = true
    ) -> LayerProfile.Row {
      LayerProfile.Row(
        block: block, name: name, operator: linear ? "linear W4 g128 x A16 (BF16)" : name,
        kernel: linear ? "linear_int4_bf16_avx512" : "\(name)_avx512", calls: 64, seconds: seconds,
        bytes: 1e9 * seconds * bandwidth * 42, operations: 1e9 * seconds * rate,
        bandwidthShare: bandwidth, rateShare: rate,
        bound: LayerProfile.bound(bandwidthShare: bandwidth, rateShare: rate))
    }
    var rows: [LayerProfile.Row] = [row(-1, "rms_norm", 0.001, 0.1, 0, linear: false)]
    for block in 0..<2 {
      rows += ["q_proj", "k_proj", "v_proj", "o_proj"].map { row(block, $0, 0.01, 0.82, 0.02) }
      rows += [
        row(block, "rope", 0.001, 0.2, 0, linear: false),
        row(block, "attention FP16", 0.02, 0.1, 0.05, linear: false),
        row(block, "down_proj", 0.05, 0.9, 0.03),
      ]
    }
    var state = play.state
    state.facts[BenchJob.self]?.quantized.layers = LayerProfile(prefill: [], decode: rows)
    state.facts[BenchJob.self]?.memory = ProcessMemoryUse(
      residentBytes: 300_000_000, hugePageBytes: 120_000_000,
      kinds: [
        .init(name: "packed weights, quantized", bytes: 21_300_000),
        .init(name: "packed weights, FP", bytes: 58_700_000),
        .init(name: ProcessMemoryUse.rest, bytes: 220_000_000),
      ])
    play.store = Store(state: state)
    play.press("7")
    return play
  }

  @Test func theProfileShowsWhatBoundsEachLayer() {
    var play = Self.profiled()
    play.press("i", "down", "right")
    ScreensTests.expect(
      ProfileScreen.id,
      shows: [
        "by layer: decode, quantized", "attn", "down", "block 0 q_proj", "bound by memory",
        "82 % of reading", "overhead",
      ], in: play)
    for _ in 0..<4 { play.press("right") }
    #expect(play.screen().contains("bound by neither: overhead"), "\(play.screen())")
    play.press("b")
    #expect(play.screen().contains("measured without layers"))
    play.press("b", "i")
    #expect(play.screen().contains("kernels of decode"))
  }

  /// Another program's figures stand in a line of their own, with how ours compare.
  @Test func theProfileShowsWhatAnotherProgramNeeded() {
    var play = Self.profiled()
    #expect(!play.screen().contains("llama.cpp"))
    var state = play.state
    let rates = [
      BenchReport.Rate([800, 800]), .init([50, 50]), .init([400, 400]), .init([60, 60]),
    ]
    state.facts[BenchJob.self]?.witnesses = [
      WitnessSpeed(
        program: "llama.cpp", version: "0.3.36", artifact: "gguf", part: .model, threads: 2,
        prefill: rates[0], decode: rates[1], ourPrefill: rates[2], ourDecode: rates[3],
        kernels: ["AVX2 = 1"])
    ]
    play.store = Store(state: state)
    ScreensTests.expect(
      ProfileScreen.id, shows: ["llama.cpp", "prefill 800/s", "decode 50.0/s", "1.20x"], in: play)
    // Which program is asked is one of the settings.
    play.press("tab", "tab")
    ScreensTests.expect(ProfileScreen.id, shows: ["next to", "none"], in: play)
    play.press("down", "down", "down", "down", "right")
    ScreensTests.expect(ProfileScreen.id, shows: ["next to", "llama.cpp"], in: play)
    #expect(play.state.choices[ProfileScreen.self].bench.witness == .llamaCpp)
  }

  /// Why another program could not be asked stands on the screen that asked it.
  @Test func theProfileTellsWhatItsFiguresDoNotSay() {
    var play = Self.profiled()
    var state = play.state
    state.facts[BenchJob.self]?.notes = ["gguf cannot hold the recipe: its inputs are quantized."]
    play.store = Store(state: state)
    ScreensTests.expect(ProfileScreen.id, shows: ["gguf cannot hold the recipe"], in: play)
  }

  /// Shares of what the machine gave in the same seconds stand in the last line.
  @Test func theProfileShowsWhatWasReachedOfTheLimits() throws {
    var play = Self.profiled()
    #expect(!play.screen().contains("limits"))
    var state = play.state
    let side = try #require(state.facts[BenchJob.self]?.quantized)
    let limits = MachinePeaks(
      name: "", memoryBytes: 0, readBandwidth: 40e9, fp32Rate: 1e12, bf16Rate: 1e12, int8Rate: 4e12,
      threads: 2, isMeasured: true)
    let seconds = side.decodeKernels.reduce(0) { $0 + $1.bytes } / 40e9
    state.facts[BenchJob.self]?.quantized.decodeLimit = LimitShare(
      side.decodeKernels, rounds: [(seconds * 1.25, limits)])
    play.store = Store(state: state)
    ScreensTests.expect(
      ProfileScreen.id, shows: ["decode 80 %", "of reading (40.0 GB/s)"], in: play)
    play.press("b")
    #expect(!play.screen().contains("limits"), "the baseline has none")
  }

  @Test func theProfileShowsWhatTheProcessHolds() {
    var play = Self.profiled()
    play.press(".")
    ScreensTests.expect(
      ProfileScreen.id,
      shows: ["memory of this process", "300", "in huge pages", "packed weights"], in: play)
    play.press(".")
    #expect(play.screen().contains("memory by kind"))
  }
}
