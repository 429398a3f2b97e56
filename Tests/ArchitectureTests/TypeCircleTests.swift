import Testing

/// Files of the workbench that name each other's types in a circle can only be understood together: there are few of them.
///
/// A file points to another when it names a top-level type that the other alone declares. Members reached through values are not seen.
@Suite struct TypeCircleTests {
  /// Files that the largest circle may have at most.
  static let most = 11

  @Test func theWorkbenchHasNoLargeCircle() throws {
    var graph = TypeGraph()
    for file in try SourceTree.files("Sources/Workbench", suffix: ".swift") {
      graph.add(file, text: try SourceTree.lines(file).joined(separator: "\n"))
    }
    #expect(graph.files.count > 60)
    let largest = graph.circles().first ?? []
    #expect(
      largest.count <= Self.most, "\(largest.count) files: \(largest.joined(separator: ", "))")
  }

  /// What holds what is shown knows nothing of what shows it.
  @Test func theStateKnowsNoScreen() throws {
    var graph = TypeGraph()
    let files = try SourceTree.files("Sources/Workbench", suffix: ".swift")
    for file in files { graph.add(file, text: try SourceTree.lines(file).joined(separator: "\n")) }
    for name in ["State.swift", "State+Jobs.swift", "Choices.swift", "RoomStore.swift"] {
      let reached = graph.reached(from: "Sources/Workbench/State/\(name)")
      for file in reached {
        #expect(
          !file.contains("/Screens/") && !file.hasSuffix("/Screens.swift"), "\(name) to \(file)")
        #expect(!file.contains("/Keys/Binding") && !file.contains("/Views/"), "\(name) to \(file)")
      }
    }
  }

  @Test func aCircleIsFound() {
    var graph = TypeGraph()
    graph.add("a", text: "struct A { var b: B } // C")
    graph.add("b", text: "package final class B {\n  var text = \"D\"\n  let c = C.d\n}")
    graph.add("c", text: "@frozen package enum C { case a(A), d }")
    graph.add("d", text: "protocol D { func a(_ value: A) }\nextension A {}")
    graph.add("e", text: "struct E { let both: Twice }")
    graph.add("f", text: "private struct Twice {}")
    graph.add("g", text: "private struct Twice { let e: E }")
    #expect(graph.circles() == [["a", "b", "c"]])
    #expect(graph.reached(from: "d") == ["a", "b", "c"])
  }
}
