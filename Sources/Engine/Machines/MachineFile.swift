package import Operators
import Platform
import Quantization
import TOMLKit

/// Described machines as a TOML file gives them: `[[machine]]`, once for each.
///
///     [[machine]]
///     name = "H100 SXM"
///     memory-gb = 80
///     bandwidth-gbs = 3350
///     fp32-tflops = 67
///     bf16-tflops = 989      # and so on: see accelerators.toml
///     source = "NVIDIA H100 Tensor Core GPU data sheet"
package struct MachineFile: Sendable {
  package let path: String
  package let machines: [MachinePeaks]

  /// The fields that are numbers, with the factor to bytes and operations, and whether they must be there.
  private static let numbers: [(key: String, factor: Double, isNeeded: Bool)] = [
    ("memory-gb", 1e9, true), ("bandwidth-gbs", 1e9, true), ("fp32-tflops", 1e12, true),
    ("bf16-tflops", 1e12, false), ("int8-tops", 1e12, false), ("fp8-tflops", 1e12, false),
    ("int4-tops", 1e12, false),
  ]
  /// Machines a file may describe, and characters of a name.
  private static let limits = (machines: 1000, name: 60, bytes: 1 << 20)

  /// Reads a file.
  ///
  /// - Throws: `MachineFileError` with file, line, field, expected and found.
  package init(reading path: String) throws(MachineFileError) {
    let text: String
    do throws(PlatformError) {
      text = try TextFile.read(path, atMost: Self.limits.bytes)
    } catch {
      throw MachineFileError(
        path: path, expected: "a TOML file in UTF-8 of at most 1 MiB that can be read",
        found: error.cause)
    }
    try self.init(parsing: text, path: path)
  }

  /// Reads the text of a file.
  package init(parsing text: String, path: String) throws(MachineFileError) {
    self.path = path
    let table: TOMLTable
    do throws(TOMLText.Problem) {
      table = try TOMLText.table(text)
    } catch {
      throw MachineFileError(
        path: path, line: error.line, expected: error.expected, found: error.found)
    }
    let places = Places(text)
    for key in table.keys where key != "machine" {
      throw MachineFileError(
        path: path, line: places.line(of: key, in: nil), field: key,
        expected: "nothing but [[machine]] at the top", found: key)
    }
    guard let list = table["machine"]?.array, !list.isEmpty, list.count <= Self.limits.machines
    else {
      throw MachineFileError(
        path: path, field: "machine",
        expected: "[[machine]], once for each of 1 to \(Self.limits.machines) machines")
    }
    var found: [MachinePeaks] = []
    for (index, value) in list.enumerated() {
      guard let section = value.table else {
        throw MachineFileError(
          path: path, field: "machine[\(index)]", expected: "a table", found: "a value")
      }
      let machine = try Self.machine(section, index, places, path)
      guard !found.contains(where: { $0.name.lowercased() == machine.name.lowercased() }) else {
        throw MachineFileError(
          path: path, line: places.line(of: "name", in: index), field: "name",
          expected: "a name of its own", found: "\"\(machine.name)\" a second time")
      }
      found.append(machine)
    }
    machines = found
  }

  private static func machine(
    _ section: TOMLTable, _ index: Int, _ places: Places, _ path: String
  ) throws(MachineFileError) -> MachinePeaks {
    func wrong(_ key: String, _ expected: String, _ found: String?) -> MachineFileError {
      MachineFileError(
        path: path, line: places.line(of: key, in: index), field: key, expected: expected,
        found: found)
    }
    let known = ["name", "source"] + numbers.map(\.key)
    for key in section.keys where !known.contains(key) {
      throw wrong(key, "one of \(known.joined(separator: ", "))", key)
    }
    func text(_ key: String) throws(MachineFileError) -> String? {
      guard let value = section[key] else { return nil }
      guard let text = value.string, !text.isEmpty, text.count <= 4 * limits.name else {
        throw wrong(key, "a text in quotes", "\(value)")
      }
      return text
    }
    guard let name = try text("name"), name.count <= limits.name, name != "this" else {
      throw wrong(
        "name", "a name of at most \(limits.name) characters that is not \"this\"",
        section["name"].map { "\($0)" })
    }
    var values: [String: Double] = [:]
    for (key, factor, isNeeded) in numbers {
      guard let value = section[key] else {
        if isNeeded { throw wrong(key, "a number for \"\(name)\"", nil) }
        continue
      }
      guard let number = value.double ?? value.int.map(Double.init), number > 0, number <= 1e9
      else { throw wrong(key, "a number above 0, at most 10^9", "\(value)") }
      values[key] = number * factor
    }
    let fp32 = values["fp32-tflops"] ?? 0
    let bf16 = values["bf16-tflops"] ?? fp32
    let machine = MachinePeaks(
      name: name, memoryBytes: values["memory-gb"] ?? 0,
      readBandwidth: values["bandwidth-gbs"] ?? 0, fp32Rate: fp32, bf16Rate: bf16,
      int8Rate: values["int8-tops"] ?? bf16, fp8Rate: values["fp8-tflops"],
      int4Rate: values["int4-tops"], threads: 0, isMeasured: false, source: try text("source"))
    if let problem = PlausiblePeaks.problem(of: machine) {
      throw wrong(Self.key(of: problem.figure), problem.expected, problem.found)
    }
    return machine
  }

  private static func key(of figure: PlausiblePeaks.Figure) -> String {
    switch figure {
    case .memoryBytes: "memory-gb"
    case .readBandwidth: "bandwidth-gbs"
    case .fp32Rate: "fp32-tflops"
    case .bf16Rate: "bf16-tflops"
    case .int16Rate: "int16-tops"
    case .int8Rate: "int8-tops"
    case .fp8Rate: "fp8-tflops"
    case .int4Rate: "int4-tops"
    }
  }

  /// Where things stand in the text, since the parser tells lines of syntax errors only.
  private struct Places {
    private let lines: [Substring]
    /// The line of each `[[machine]]`, from 0.
    private let headers: [Int]

    init(_ text: String) {
      let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
      self.lines = lines
      headers = lines.indices.filter { index in
        lines[index].filter { !$0.isWhitespace }.hasPrefix("[[machine]]")
      }
    }

    /// The line, from 1, that sets `key` in a machine, or the machine's own when none does.
    func line(of key: String, in machine: Int?) -> Int? {
      let first = machine.map { headers.indices.contains($0) ? headers[$0] : 0 } ?? 0
      let last =
        machine.map { headers.indices.contains($0 + 1) ? headers[$0 + 1] : lines.count }
        ?? lines.count
      let found = (first..<max(first, last)).first { index in
        let name = lines[index].prefix { $0 != "=" }.filter { !$0.isWhitespace && $0 != "\"" }
        return name == key && lines[index].contains("=")
      }
      return (found ?? machine.map { _ in first }).map { $0 + 1 }
    }
  }
}

/// What is wrong with a file of machines.
package struct MachineFileError: Error, Hashable, Sendable, CustomStringConvertible {
  package var path: String
  /// From 1; nil where it is about the whole file.
  package var line: Int?
  package var field: String?
  package var expected: String
  package var found: String?

  package var description: String {
    let place = path + (line.map { ", line \($0)" } ?? "") + (field.map { ": \($0)" } ?? "")
    return "\(place): expected \(expected)" + (found.map { ", found \($0)" } ?? ", found none")
  }
}
