import CommandLineFace
import Testing

/// What a wrong command line is answered with: exit code 2, and words that name what was expected and what was found.
@Suite struct UsageTests {
  /// One wrong command line a command at least, with the words it is answered with.
  static let wrong: [(line: String, words: [String])] = [
    ("workbench --color pink", ["--color: expected mono, 8, 16, 256 or truecolor, found 'pink'"]),
    ("screen model --size 3", ["--size: expected columns x rows such as 80x24", "found '3'"]),
    ("evaluate --bos each", ["--bos: expected window, text or none, found 'each'"]),
    ("cache --prefill half", ["--prefill: expected passes or full, found 'half'"]),
    ("inspect --threads 0", ["--threads: expected 1 to 256, found 0"]),
    ("inspect --provider mmx", ["--provider: expected one of generic", "found 'mmx'"]),
    ("plan --requests 0", ["--requests: expected 1 to 100000000, found 0"]),
    ("plan --prefix-share 2", ["--prefix-share: expected 0 to 1, found 2.0"]),
    ("plan --memory much", ["--memory: expected a size such as 24GB or 512MB, found 'much'"]),
    ("plan --kv-widths 8,x", ["--kv-widths: expected", "found '8,x'"]),
    ("quantize", ["Missing expected argument", "--output"]),
    ("quantize -o x --blocks 3", ["--blocks: expected A..B such as 0..7, found '3'"]),
    ("quantize -o x --blocks 3..1", ["--blocks: expected A..B", "found '3..1'"]),
    ("quantize -o x --blocks 0..1 --resume", ["--blocks: expected none with --resume"]),
    ("quantize -o x --samples 0", ["--samples: expected 1 to 100000, found 0"]),
    (
      "calibration --imatrix x --weights rtn:4",
      ["--imatrix: expected the model in full precision, found the recipe"]
    ),
    ("calibration --sample-length 1", ["--sample-length: expected 8 to 65536, found 1"]),
    ("outliers --threshold=-1", ["--threshold: expected a number above 0, found -1.0"]),
    ("lab --windows 1", ["--windows: expected 2 to 100000, found 1"]),
    ("lab --factors 3", ["--factors"]),
    ("allocate", ["Missing expected argument", "--budget"]),
    ("allocate --budget 1", ["--budget: expected bits a weight from 2 to 16", "found '1'"]),
    ("evaluate --protocol mine", ["--protocol: expected llama.cpp or paper, found 'mine'"]),
    ("evaluate --baseline f8", ["--baseline: expected bf16 or f32, found 'f8'"]),
    ("evaluate --baseline no-such.bin", ["found 'no-such.bin', which is no file of logits either"]),
    (
      "evaluate --write-logits x --protocol paper",
      ["--write-logits: expected --protocol llama.cpp", "found paper"]
    ),
    ("evaluate --prefill half", ["--prefill: expected passes or full, found 'half'"]),
    ("evaluate --prefill full --protocol paper", ["--prefill full: expected --protocol llama.cpp"]),
    ("evaluate --with ollama", ["--with: expected llama.cpp or transformers, found 'ollama'"]),
    ("evaluate --with llama.cpp", ["--with: expected a MODEL and --text"]),
    ("evaluate --windows 0", ["--windows: expected 1 or more, found 0"]),
    ("evaluate --windows two", ["--windows", "two"]),
    ("generate", ["expected one of --prompt, --file and --messages, found none"]),
    ("generate --prompt a --temperature=-1", ["temperature", "expected 0 or more", "found -1.0"]),
    ("tokens --prompt a --file b", ["expected one of --prompt, --file and --messages, found 2"]),
    ("tokens --messages m --chat", ["--chat: expected none with --messages"]),
    ("logits --prompt a", ["Missing expected argument", "--output"]),
    ("logits --prompt a -o x --tokens 0", ["--tokens: expected 1 to 10000000, found 0"]),
    ("cache --depth 0", ["--depth: expected 1 to 10000000, found 0"]),
    ("cache --kv nothing:9", ["--kv", "nothing"]),
    ("depth --steps 0", ["--steps: expected 1 to 10000000, found 0"]),
    ("batch --batches none", ["none"]),
    ("batch --forms fp3", ["fp3"]),
    ("serve-sim --rate 0", ["--rate: expected requests a second above 0", "found 0.0"]),
    ("serve-sim --limit ttft=soon", ["--limit: expected ttft=SECONDS", "found 'ttft=soon'"]),
    ("serve-sim --kv-widths 8", ["--kv-widths: expected a described machine", "found this one"]),
    ("serve-sim --machine H200 --execute", ["--execute: expected this machine, found H200"]),
    ("serve-sim --machine H200 --fleet 4 --split 2", ["--link: expected bytes a second"]),
    ("serve-sim --machine H200 --fleet 3 --split 2 --link 1GB", ["--fleet: expected a multiple"]),
    ("serve-sim --try nothing", ["nothing"]),
    ("sweep plan", ["Missing expected argument", "file"]),
    ("sweep run", ["Missing expected argument", "run"]),
    ("sweep run x --jobs 0", ["--jobs: expected 1 to 1024, found 0"]),
    ("sweep run x --retries=-1", ["--retries: expected 0 to 100, found -1"]),
    ("sweep resume x --max-fail 0", ["--max-fail: expected 1 or more, found 0"]),
    ("sweep task x", ["expected one of --index and --index-env"]),
    ("sweep task x --index 0 --pack 0", ["--pack: expected 1 to 100000, found 0"]),
    ("sweep collect x --csv --json", ["--csv: expected none with --json"]),
    ("sweep plan no-such.toml", ["no-such.toml: expected a TOML file"]),
    ("bench --prompt 0", ["--prompt: expected 1 to 10000000, found 0"]),
    (
      "bench --with transformers",
      ["--with: expected llama.cpp or onnxruntime, found 'transformers'"]
    ),
    ("compare --threads 2", ["--threads"]),
    ("coverage --runtime nothing", ["--runtime: expected a part of one of", "found 'nothing'"]),
    ("conformance", ["Missing expected argument", "directory"]),
    ("replay", ["Missing expected argument", "file"]),
    ("replay x --at soon", ["--at: expected seconds or 'end', found 'soon'"]),
    ("replay x --size big", ["--size: expected COLUMNSxROWS such as 100x30, found 'big'"]),
    ("sessions --asciicast out.cast", ["--asciicast needs the session to export"]),
    ("sessions diff one", ["Missing expected argument", "other"]),
    ("sessions markdown", ["Missing expected argument", "name"]),
    ("sessions verify", ["Missing expected argument", "name"]),
    ("sessions export x", ["expected --html, --cast or --markdown with a file, found none"]),
    ("sessions export x --cast y --cast-version 4", ["--cast-version: expected 2 or 3, found 4"]),
    ("sessions export x --html y --size big", ["--size: expected COLUMNSxROWS"]),
    ("lessons --asciicast out.cast", ["--asciicast"]),
    ("lessons list --language fr", ["--language: expected en or ko, found 'fr'"]),
    ("lessons run", ["expected a lesson or --class FILE, found neither"]),
    ("lessons run targets --seed=-1", ["--seed: expected 0 to 2147483647, found -1"]),
    ("lessons run targets --learner a/b", ["--learner: expected a name without '/', found 'a/b'"]),
    ("lessons handout targets", ["Missing expected", "--output"]),
    ("lessons table", ["Missing expected argument", "files"]),
    ("lessons table a --hardest=-1", ["--hardest: expected 0 to 1000, found -1"]),
    ("lessons new", ["Missing expected argument", "folder"]),
    ("glossary --language fr", ["--language: expected en or ko, found 'fr'"]),
    ("themes --color pink", ["--color: expected", "found 'pink'"]),
    ("synthesize", ["Missing expected argument", "directory"]),
    ("synthesize out --shape huge", ["--shape: expected one of", "found 'huge'"]),
    ("doctor --color pink", ["--color: expected", "found 'pink'"]),
    ("layer --rows 0", ["--rows: expected 1 to", "found 0"]),
    ("layer --input f --columns 8", ["--columns: expected none with --input"]),
    ("layers --samples 0", ["--samples: expected 1 to 100000, found 0"]),
    ("layers --weights-only --text t", ["--text: expected none with --weights-only"]),
    ("linear --form w1", ["--form: expected one of", "found 'w1'"]),
    ("linear --rounds 0", ["--rounds: expected 1 to 10000, found 0"]),
    ("providers --seconds 0", ["--seconds: expected 1 to 86400, found 0"]),
    ("providers --provider generic", ["expected neither, since all of them are compared"]),
    ("choose --limit kl=x", ["--limit kl: expected nats from 0 to 100, found 'x'"]),
    (
      "choose --limit speed=2",
      ["--limit: expected kl=NUMBER, top1=SHARE or bytes=SIZE, found 'speed=2'"]
    ),
    ("choose --time soon", ["--time: expected a time such as 15m, 90s or 1h, found 'soon'"]),
    ("verify", ["receipt"]),
    ("bench --requests 4", ["--requests: expected --context next to it"]),
    ("bench --context 512 --prefix-share 2", ["--prefix-share: expected 0 to 1, found 2.0"]),
    ("kernels --tokens 1", ["--tokens: expected 8 to 1000000, found 1"]),
    ("kernels --decoded 144", ["--decoded: expected 0 to 143, found 144"]),
  ]

  @Test(arguments: wrong) func isRefused(line: String, words: [String]) {
    let ran = Ran(line.split(separator: " ").map(String.init))
    #expect(ran.code == 2, "\(line)")
    #expect(ran.out.isEmpty)
    for word in words { #expect(ran.error.contains(word), "\(line): \(ran.error)") }
  }

  /// Every command that takes a recipe refuses what is no recipe in the same words.
  @Test(arguments: [
    ("evaluate --weights nearest:4", ["nearest", "rtn"]),
    ("evaluate --weights rtn:5:128", ["5", "one of"]),
    ("evaluate --weights rtn:4:128:1", ["rtn:4:128:1", "expected"]),
    ("bench --activations w9", ["w9", "smoothquant"]),
    ("quantize -o nowhere --kv int7", ["int7", "kivi"]),
    ("plan --kv-key maybe", ["maybe"]),
    ("evaluate --weights rtn --set weights.bitz=4", ["bitz", "bits"]),
    ("evaluate --set weights.bits=4", ["weights"]),
    ("evaluate --set what", ["what", "KEY=VALUE"]),
    ("evaluate --layer 5.down", ["5.down"]),
    ("evaluate --head many", ["many"]),
  ])
  func noRecipe(line: String, words: [String]) {
    let ran = Ran(line.split(separator: " ").map(String.init))
    #expect(ran.code == 2, "\(line): \(ran.error)")
    #expect(ran.out.isEmpty)
    for word in words { #expect(ran.error.contains(word), "\(line): \(ran.error)") }
  }

  /// No command is forgotten above.
  @Test func everyCommandIsRefusedSomething() {
    let tried = Set(Self.wrong.map { String($0.line.prefix { $0 != " " }) })
    #expect(Set(Program.commandNames) == tried)
  }

  @Test func anUnknownOptionIsNamed() {
    // What a command cannot do without is given, so that only the option is wrong.
    let needed = [
      "quantize": ["-o", "x"], "allocate": ["--budget", "4"], "conformance": ["x"],
      "replay": ["x"], "synthesize": ["x"], "generate": ["--prompt", "x"],
      "tokens": ["--prompt", "x"], "screen": ["model"], "verify": ["x"],
      "logits": ["--prompt", "x", "-o", "y"],
    ]
    for name in Program.commandNames {
      let ran = Ran([name] + (needed[name] ?? []) + ["--no-such-option"])
      #expect(ran.code == 2, "\(name)")
      #expect(ran.error.contains("--no-such-option"), "\(name): \(ran.error)")
    }
  }

  @Test func helpAndVersionAreAnswersAndNoErrors() {
    for arguments in [["--help"], ["help", "bench"], ["evaluate", "--help"]] {
      let ran = Ran(arguments)
      #expect(ran.code == 0)
      #expect(ran.out.contains("USAGE: nibble"))
      #expect(ran.error.isEmpty)
    }
    #expect(Ran(["--version"]).out.contains("."))
  }
}
