import Engine
import FoundationEssentials
import Models
import Operators
import Planning
import Platform
import TestSupport
import Testing

@Suite struct MachineCatalogTests {
  private static let good = """
    [[machine]]
    name = "Mine"
    memory-gb = 48
    bandwidth-gbs = 864.5
    fp32-tflops = 90
    source = "my sheet"
    """

  private func failure(_ text: String) -> String {
    do {
      _ = try MachineFile(parsing: text, path: "m.toml")
      return "no error"
    } catch {
      return "\(error)"
    }
  }

  @Test func aFolderOfRunsThatCannotBeListedIsTold() throws {
    let folder = try TemporaryFolder()
    let file = try folder.file("runs", "")
    let runs = Workspace(directory: file).runs()
    #expect(runs.runs.isEmpty && runs.problems.count == 1 && runs.problems[0].contains(file))
    #expect(Workspace(directory: folder.path("none")).runs().problems.isEmpty)
  }

  @Test func theMachinesShippedAreSound() throws {
    let catalog = try MachineCatalog(locator: ResourceLocator())
    #expect(catalog.problems == [])
    #expect(catalog.machines.count >= 14)
    for machine in catalog.machines {
      #expect(machine.source?.isEmpty == false, "\(machine.name)")
      #expect(machine.bf16Rate >= machine.fp32Rate && machine.int8Rate >= machine.bf16Rate)
      #expect(!machine.isMeasured && machine.threads == 0)
    }
    let h100 = try catalog.named("h100 sxm")
    #expect(h100.memoryBytes == 80e9 && h100.readBandwidth == 3.35e12)
    #expect(h100.bf16Rate == 989e12 && h100.fp8Rate == 1979e12 && h100.int4Rate == nil)
    #expect(try catalog.named("A10").int4Rate == 500e12)
    #expect(throws: EngineError.self) { try catalog.named("H1000") }
  }

  @Test func aShapeIsPlannedOnADescribedMachineWithoutAModel() throws {
    let shape = ModelShape(
      architecture: "llama", blocks: 32, hiddenSize: 4096, intermediateSize: 14336, heads: 32,
      kvHeads: 8, headDimension: 128, vocabularySize: 128256, context: 8192, tiedEmbeddings: false)
    let report = try PlanJob(workload: Workload(context: 8192), machine: "rtx 4090")
      .report(for: shape, in: Laboratory(threads: 1))
    #expect(report.machine == "RTX 4090" && report.memory.budget == 24e9)
    // 15 009 316 864 bytes of linears and head at 1008 GB/s.
    #expect(abs(report.decode.weightSeconds - 0.0148901953) < 1e-9)
    #expect(report.advice.first?.target == .weights)
    #expect(report.advice.first?.coverage.contains { $0.support == .native } == true)
    // Every method there is has a place in the ranking, with a reason of its own.
    for advice in report.advice {
      #expect(!advice.ranking.isEmpty && advice.ranking.map(\.name) == advice.methods)
      #expect(!advice.ranking.contains { $0.why.contains("nothing in this plan") })
    }
  }

  @Test func missingRatesAreThoseOfTheNextWiderType() throws {
    let machine = try #require(try MachineFile(parsing: Self.good, path: "m.toml").machines.first)
    #expect(machine.memoryBytes == 48e9 && machine.readBandwidth == 864.5e9)
    #expect(machine.bf16Rate == 90e12 && machine.int8Rate == 90e12)
    #expect(machine.fp8Rate == nil && machine.source == "my sheet")
  }

  @Test func badFilesNameLineAndField() {
    #expect(
      failure(Self.good.replacing("memory-gb = 48", with: "memory-gb = \"48\""))
        .hasPrefix("m.toml, line 3: memory-gb: expected a number above 0"))
    #expect(failure(Self.good.replacing("= 864.5", with: "= -1")).contains("line 4: bandwidth-gbs"))
    #expect(
      failure(Self.good.replacing("= 864.5", with: "= nan")).contains("line 4: bandwidth-gbs"))
    #expect(
      failure(Self.good.replacing("bandwidth-gbs = 864.5\n", with: ""))
        .hasPrefix("m.toml, line 1: bandwidth-gbs: expected a number for \"Mine\", found none"))
    #expect(failure(Self.good.replacing("fp32-", with: "fp16-")).contains("line 5: fp16-tflops"))
    #expect(failure(Self.good.replacing("\"Mine\"", with: "\"this\"")).contains("line 2: name"))
    #expect(
      failure(Self.good + "\n\n" + Self.good).contains("line 9: name: expected a name of its own"))
    #expect(failure(Self.good + "\n\n[[machine]]\nname = 3").contains("line 9: name"))
    #expect(failure("x = 1\n" + Self.good).contains("line 1: x"))
    #expect(failure("[[machine]\n").hasPrefix("m.toml, line 1: expected TOML"))
    #expect(failure("").contains("[[machine]]"))
    #expect(failure("machine = 3").contains("machine"))
    #expect(failure("machine = [3]").contains("machine[0]"))
  }

  @Test func theUsersOwnCountMore() throws {
    let folder = try TemporaryFolder()
    let home = folder.path + "/home/Machines"
    try FileManager.default.createDirectory(atPath: home, withIntermediateDirectories: true)
    try Self.good.write(toFile: home + "/a.toml", atomically: true, encoding: .utf8)
    try "oops".write(toFile: home + "/b.toml", atomically: true, encoding: .utf8)
    let file = folder.path + "/file.toml"
    try Self.good.replacing("= 48", with: "= 96")
      .write(toFile: file, atomically: true, encoding: .utf8)
    let locator = ResourceLocator(
      environment: ["NIBBLE_HOME": folder.path + "/home"], executable: nil)
    let found = try MachineCatalog(locator: locator)
    #expect(try found.named("mine").memoryBytes == 48e9)
    #expect(found.problems.count == 1 && found.problems[0].contains("b.toml"))
    let given = try MachineCatalog(locator: locator, file: file)
    #expect(try given.named("mine").memoryBytes == 96e9)
    #expect(given.machines.count == 1)
    #expect(throws: MachineFileError.self) {
      try MachineCatalog(locator: locator, file: folder.path + "/none.toml")
    }
  }
}
