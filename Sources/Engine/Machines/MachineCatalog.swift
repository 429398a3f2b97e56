import FoundationEssentials
package import Operators
package import Platform

/// The machines a plan can be made for without having them.
///
/// From all `.toml` files of the folders `Machines` (the program's, and the user's own), and of a file given with
/// `--machines`. Of two machines with one name the more personal one counts. A broken file of a folder is told and passed
/// over; a broken one that was asked for by name is an error.
package struct MachineCatalog: Sendable {
  package private(set) var machines: [MachinePeaks] = []
  /// What is wrong with files that were found but cannot be used.
  package private(set) var problems: [String] = []

  /// No machines.
  package init() {}

  /// Reads what there is.
  ///
  /// - Parameter file: the file the user gave.
  /// - Throws: `MachineFileError` for `file`.
  package init(locator: ResourceLocator, file: String? = nil) throws(MachineFileError) {
    let folders = locator.search(for: "Machines", of: "Engine").existing
    for folder in folders.reversed() {
      var names: [String] = []
      do { names = try FolderListing.names(in: folder) } catch { problems.append("\(error)") }
      for name in names where name.hasSuffix(".toml") {
        do {
          add(try MachineFile(reading: "\(folder)/\(name)").machines)
        } catch {
          problems.append("\(error)")
        }
      }
    }
    if let file { add(try MachineFile(reading: file).machines) }
  }

  private mutating func add(_ found: [MachinePeaks]) {
    for machine in found {
      let index = machines.firstIndex { $0.name.lowercased() == machine.name.lowercased() }
      if let index { machines[index] = machine } else { machines.append(machine) }
    }
  }

  /// The machine of a name, whatever its case.
  ///
  /// - Throws: `EngineError.unknownMachine` with the names there are.
  package func named(_ name: String) throws -> MachinePeaks {
    guard let found = machines.first(where: { $0.name.lowercased() == name.lowercased() }) else {
      throw EngineError.unknownMachine(name: name, known: machines.map(\.name))
    }
    return found
  }
}
