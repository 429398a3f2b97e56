import Testing

/// A file has one idea; past 400 lines it has several.
@Suite struct FileSizeTests {
  static let most = 400

  @Test(arguments: [".swift", ".c", ".h"])
  func noFileIsTooLong(suffix: String) throws {
    for folder in ["Sources", "Tests"] {
      let files = try SourceTree.files(folder, suffix: suffix)
      if folder == "Sources" { #expect(!files.isEmpty, "no \(suffix)") }
      for file in files {
        let count = try SourceTree.lines(file).count
        #expect(count <= Self.most, "\(file) has \(count) lines")
      }
    }
  }
}
