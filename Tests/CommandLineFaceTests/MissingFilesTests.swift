import Testing

/// Files that are not there: exit code 1, and the words name the file.
@Suite struct MissingFilesTests {
  static let lines = [
    "workbench /no/such/model", "inspect /no/such/model", "plan /no/such/model",
    "quantize /no/such/model -o /tmp/nibble-never-written --weights rtn",
    "calibration /no/such/model --weights gptq", "outliers /no/such/model", "lab /no/such/model",
    "allocate /no/such/model --budget 4", "evaluate /no/such/model", "cache /no/such/model",
    "depth /no/such/model", "batch /no/such/model", "bench /no/such/model",
    "layers /no/such/model --against built-in", "evaluate --against /no/such/model",
    "compare /no/such/run", "conformance /no/such/fixtures", "replay /no/such/session",
    "sessions /no/such/session", "lessons /no/such/lesson", "providers /no/such/model",
    "kernels /no/such/model", "layer --input /no/such/layer.safetensors",
    "evaluate --text /no/such/text", "evaluate --recipe /no/such/recipe.toml",
    "quantize -o /tmp/nibble-never-written --weights gptq --calibration /no/such/text",
    "cache --recall /no/such/documents", "inspect --machines /no/such/machines.toml",
  ]

  @Test(arguments: lines) func isToldByName(line: String) {
    let ran = Ran(line.split(separator: " ").map(String.init))
    #expect(ran.code == 1, "\(line): \(ran.error)")
    #expect(ran.out.isEmpty, "\(line): \(ran.out)")
    #expect(ran.error.contains("/no/such/"), "\(line): \(ran.error)")
  }
}
