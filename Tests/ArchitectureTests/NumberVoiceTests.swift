import Testing

/// Numbers have one voice, `Quantity`, and columns one measure, `ScalarWidth`: no file makes up its own.
@Suite struct NumberVoiceTests {
  /// A form that is not to be written by hand, and the files that may: those it is made in, and those where it is no
  /// number for people.
  private struct Form: Sendable {
    var what: String
    var instead: String
    var allowed: Set<String> = []
    var isIn: @Sendable (Substring) -> Bool
  }

  private static let forms = [
    Form(what: "String(format:", instead: "Quantity.fixed") { $0.contains("String(format") },
    Form(what: "a percentage by hand", instead: "Quantity.percent") { line in
      line.contains("* 100") && (line.contains("%\"") || line.contains(" %"))
    },
    Form(what: "a number cut to Int in text", instead: "Quantity.fixed") { line in
      line.contains("\"") && line.contains("\\(Int(")
    },
    Form(
      what: "a unit of time after an interpolation", instead: "Quantity.seconds",
      allowed: ["Sources/Workbench/Sessions/SessionError.swift"]
    ) { line in
      [") ms", ") s\"", ") s ", ") s,", ") min ", ") m \\(", ") h \\("].contains {
        line.contains($0) && line.contains("\\(")
      }
    },
    Form(what: "a unit of bytes after an interpolation", instead: "Quantity.bytes") { line in
      ["kB", "MB", "GB", "TB", "KiB", "MiB", "GiB"].contains { line.contains(") \($0)") }
        || line.contains("+ \"B\"")
    },
    Form(what: "a ratio by hand", instead: "Quantity.times") { line in
      line.contains("+ \"x\"") || line.contains("))x\"") || line.contains("))x)")
    },
    Form(
      what: "padding by characters", instead: "PlainTable.padded or TextLayout.fit",
      allowed: [
        "Sources/Wording/PlainTable.swift", "Sources/TerminalUI/Text/TextLayout.swift",
        "Sources/Platform/JSONText.swift", "Sources/Tokenizers/ChatTemplate/TemplateFilters.swift",
        "Sources/Tokenizers/ChatTemplate/TemplateFunctions.swift",
      ]
    ) { $0.contains("String(repeating: \" \"") },
    Form(what: "a formatter of its own", instead: "Quantity") { line in
      line.contains("NumberText") || line.contains("NumberFormatter")
        || line.contains(".formatted(")
    },
  ]

  @Test func noFileWritesNumbersByHand() throws {
    let files = try SourceTree.files("Sources", suffix: ".swift")
    #expect(files.count > 50)
    for file in files where !file.hasPrefix("Sources/Wording/Quantity") {
      for (number, line) in try SourceTree.lines(file).enumerated() {
        let line = line.drop { $0 == " " }
        guard !line.hasPrefix("//") else { continue }
        for form in Self.forms where !form.allowed.contains(file) && form.isIn(line) {
          Issue.record("\(file):\(number + 1): \(form.what); expected \(form.instead): \(line)")
        }
      }
    }
  }

  /// The forms would be found.
  @Test(arguments: [
    "print(String(format: \"%.2f\", x))", "text = \"\\(Quantity.fixed(share * 100, 1)) %\"",
    "\"\\(Int(share)) of it\"", "\"\\(minutes) min \\(seconds)\"", "\"\\(total / 1000) kB\"",
    "Quantity.fixed(ratio, 2) + \"x\"", "String(repeating: \" \", count: 3)",
    "NumberText.fixed(1, 2)", "\"\\(milliseconds) ms\"",
  ])
  func aHandMadeNumberIsFound(line: String) {
    #expect(Self.forms.contains { $0.isIn(line[...]) })
  }
}
