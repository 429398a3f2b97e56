import FoundationEssentials
import Platform

/// The entry of libFuzzer: `NIBBLE_READER` names the reader that the bytes go to.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let bytes = Array(UnsafeBufferPointer(start: start, count: count))
  chosen.read(bytes)
  return 0
}

private let chosen: FuzzReader = {
  let name = ProcessInfo.processInfo.environment["NIBBLE_READER"] ?? ""
  guard let reader = FuzzReaders.all.first(where: { $0.name == name }) else {
    fatalError("NIBBLE_READER: expected one of \(FuzzReaders.all.map(\.name)), found '\(name)'")
  }
  return reader
}()
