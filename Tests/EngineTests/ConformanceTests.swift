import Engine
import FoundationEssentials
import Platform
import TestSupport
import Testing

@Suite struct ConformanceTests {
  @Test func shippedFixturesPass() throws {
    var done: [Int] = []
    let report = try Conformance.run(
      directory: ConformanceFolder.shipped, pool: WorkerPool(threads: 2)
    ) { count, total, item in
      done.append(count)
      #expect(total >= count)
      #expect(!item.id.isEmpty)
    }
    for item in report.cases {
      #expect(item.status == .passed, "\(item.id): \(item.reason ?? "")")
      #expect(item.reason == nil)
      #expect(!item.checks.isEmpty)
    }
    #expect(report.cases.count >= 18)
    #expect(report.passed == report.cases.count)
    #expect(done == Array(1...report.cases.count))
  }

  @Test(
    .enabled(
      if: SharedMaterial.has("fixtures/manifest.json"),
      "\(SharedMaterial.without("fixtures/manifest.json"))"))
  func noReferenceFixtureFails() throws {
    let directory = try #require(SharedMaterial.path("fixtures"))
    let report = try Conformance.run(directory: directory, pool: WorkerPool(threads: 2))
    for item in report.cases {
      #expect(item.status != .failed, "\(item.id): \(item.reason ?? "")")
    }
    #expect(report.passed >= 58)
  }

  @Test func reportsAreReadableAsJSON() throws {
    let report = try Conformance.run(directory: ConformanceFolder.shipped)
    let data = try JSONEncoder().encode(report)
    #expect(try JSONDecoder().decode(ConformanceReport.self, from: data) == report)
    let text = String(decoding: data, as: UTF8.self)
    for field in ["\"cases\"", "\"status\":\"passed\"", "\"measured\"", "\"allowed\"", "\"kind\""] {
      #expect(text.contains(field))
    }
  }

  @Test func aChangedFileFailsByItsHash() throws {
    let folder = try ConformanceFolder()
    try folder.copy("manifest.json")
    try folder.copy("rtn_ties.safetensors")
    var bytes = try folder.bytes("rtn_ties.safetensors")
    bytes[bytes.count - 1] ^= 1
    try folder.write("rtn_ties.safetensors", bytes)
    let report = try Conformance.run(directory: folder.path)
    let ties = try #require(report.cases.first { $0.id == "rtn_ties" })
    #expect(ties.status == .failed)
    #expect(ties.reason?.contains("SHA-256") == true)
    // The files that were not copied.
    let other = try #require(report.cases.first { $0.id == "kv_ggml_rows" })
    #expect(other.status == .failed)
    #expect(other.reason?.contains("kv_ggml_rows.safetensors") == true)
  }

  @Test func aWrongNumberFailsItsCheck() throws {
    let folder = try ConformanceFolder()
    try folder.copy("rtn_ties.safetensors")
    var bytes = try folder.bytes("rtn_ties.safetensors")
    // The tail of the last tensor: an input or output, in either case no longer consistent.
    for index in bytes.indices.suffix(40) { bytes[index] ^= 0x11 }
    try folder.write("rtn_ties.safetensors", bytes)
    let digest = bytes.withUnsafeBytes { SHA256.hexDigest($0) }
    let shipped = try manifest(of: "rtn_ties")
    try folder.write("manifest.json", manifest(shipped, sha256: digest))
    let report = try Conformance.run(directory: folder.path)
    #expect(report.failed == 1)
    #expect(report.cases[0].checks.contains { !$0.passed })
    #expect(report.cases[0].reason?.contains("checks failed") == true)
  }

  @Test func outputsThatAreNotComputedAreNotPassed() throws {
    let folder = try ConformanceFolder()
    try folder.tensors(
      "a.safetensors",
      [
        "in.x": [1, 2], "out.e4m3fn_decode_all": [0], "out.nothing": [1],
      ])
    let digest = try folder.bytes("a.safetensors").withUnsafeBytes { SHA256.hexDigest($0) }
    func run(_ method: String, _ id: String) throws -> ConformanceReport.Case {
      try folder.write(
        "manifest.json",
        """
        {"cases": [{"id": "\(id)", "method": "\(method)", "file": "a.safetensors",
          "sha256": "\(digest)", "params": {"bits": 4},
          "tensors": {"in.x": {"shape": [2], "dtype": "float32"},
            "out.nothing": {"shape": [1], "dtype": "float32"}},
          "tolerance": {"*": {"kind": "exact"}}}]}
        """)
      return try Conformance.run(directory: folder.path).cases[0]
    }
    let unknown = try run("Divination", "x")
    #expect(unknown.status == .unsupported)
    #expect(unknown.reason?.contains("Divination") == true)
    let unnamed = try run("RTN", "rtn_gptqgrid_x")
    #expect(unnamed.status == .unsupported)
    #expect(unnamed.reason?.contains("nothing") == true)
  }

  @Test(arguments: [
    "", "[]", "{}", "{\"cases\": 3}", "{\"cases\": [3]}", "{\"cases\": [{\"id\": \"\"}]}",
    "{\"cases\": [{\"id\": \"a\", \"method\": \"RTN\", \"file\": \"../x\", \"sha256\": \"0\"}]}",
    "{\"cases\": [{\"id\": \"a\", \"method\": \"RTN\", \"file\": \"x\", \"sha256\": \"0\"}]}",
    """
    {"cases": [{"id": "a", "method": "RTN", "file": "x", "sha256": "0",
      "tensors": {"out.a": {"shape": [-1], "dtype": "float32"}}}]}
    """,
    """
    {"cases": [{"id": "a", "method": "RTN", "file": "x", "sha256": "0",
      "tensors": {"out.a": {"shape": [1], "dtype": "float32"}},
      "tolerance": {"a": {"kind": "allclose", "rtol": -1}}}]}
    """,
  ])
  func manifestsThatAreWrongAreRefused(text: String) throws {
    let folder = try ConformanceFolder()
    try folder.write("manifest.json", text)
    #expect(throws: ConformanceError.self) { try Conformance.run(directory: folder.path) }
  }

  @Test func casesOfOneNameAreRefused() throws {
    let folder = try ConformanceFolder()
    let item = try manifest(of: "rtn_ties")
    try folder.write("manifest.json", "{\"cases\": [\(item), \(item)]}")
    #expect(throws: ConformanceError.duplicateCase(id: "rtn_ties")) {
      try Conformance.run(directory: folder.path)
    }
  }

  @Test func aMissingManifestIsNamed() throws {
    #expect {
      try Conformance.run(directory: "/nowhere/at/all")
    } throws: { error in
      "\(error)".contains("/nowhere/at/all/manifest.json")
    }
  }

  @Test func filesThatAreNoTensorsFailTheirCase() throws {
    let folder = try ConformanceFolder()
    try folder.write("rtn_ties.safetensors", [UInt8](repeating: 0xff, count: 40))
    let digest = try folder.bytes("rtn_ties.safetensors").withUnsafeBytes { SHA256.hexDigest($0) }
    try folder.write("manifest.json", manifest(manifest(of: "rtn_ties"), sha256: digest))
    let report = try Conformance.run(directory: folder.path)
    #expect(report.failed == 1)
    #expect(report.cases[0].checks.isEmpty)
  }

  @Test func tensorsMustBeWhatTheManifestSays() throws {
    let folder = try ConformanceFolder()
    try folder.copy("rtn_ties.safetensors")
    let item = try manifest(of: "rtn_ties")
    for (from, to) in [
      ("[4,64]", "[64,4]"), ("\"int8\"", "\"uint8\""), ("out.W4.codes", "out.W4.x"),
    ] {
      let changed = item.replacing(from, with: to)
      #expect(changed != item)
      try folder.write("manifest.json", "{\"cases\": [\(changed)]}")
      #expect(try Conformance.run(directory: folder.path).failed == 1)
    }
  }

  /// The text of one case of the shipped manifest.
  private func manifest(of id: String) throws -> String {
    let path = ConformanceFolder.shipped + "/manifest.json"
    let bytes = Array(try Data(contentsOf: URL(filePath: path)))
    let root = try StrictJSON.parse(bytes)
    let list = try #require(root.object?["cases"]?.array)
    return try #require(list.first { $0.object?["id"]?.string == id }).text()
  }

  /// A manifest of one case with another hash.
  private func manifest(_ item: String, sha256: String) throws -> String {
    let value = try StrictJSON.parse(Array(item.utf8))
    var object = try #require(value.object)
    object.set("sha256", .string(sha256))
    return "{\"cases\": [\(JSONValue.object(object).text())]}"
  }
}
