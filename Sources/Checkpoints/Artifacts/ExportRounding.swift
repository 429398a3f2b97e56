import Platform
import Tensors

/// Layers that are rounded as they are written, to one form: known before there is anything to write.
package struct ExportRounding: Sendable {
  /// As the format names it: `Q4_K`, `NVFP4`.
  package var form: String
  package var weights = 0
  /// Layers whose numbers a recipe or the file has rounded before.
  package var roundedBefore = 0
  /// Of these, those that the format would take as they are, were no type asked for.
  package var heldWithoutType = 0
  private let turn: @Sendable (UnsafeBufferPointer<Float>) -> Void

  /// - Parameter turn: rounds numbers of whole blocks, as one row.
  init(form: String, turn: @escaping @Sendable (UnsafeBufferPointer<Float>) -> Void) {
    self.form = form
    self.turn = turn
  }

  mutating func count(_ layer: ArtifactOutline.Layer, heldWithoutType isHeld: Bool) {
    weights += layer.rows * layer.columns
    guard !layer.format.isFloat else { return }
    roundedBefore += 1
    if isHeld { heldWithoutType += 1 }
  }

  /// Numbers of a trial, whole blocks of every type.
  private static let trialColumns = 16_384
  private static let trialSeconds = 0.02

  /// Seconds that rounding takes, from a trial of some hundredths of a second on normal numbers.
  package func seconds(threads: Int) -> Double {
    var generator = SeededGenerator(seed: 1, stream: [0x726f_756e])
    let numbers = generator.normals(Self.trialColumns)
    return numbers.withUnsafeBufferPointer { numbers in
      let start = Machine.seconds()
      var rows = 0
      repeat {
        turn(numbers)
        rows += 1
      } while Machine.seconds() - start < Self.trialSeconds
      let each = (Machine.seconds() - start) / Double(rows * Self.trialColumns)
      return each * Double(weights) / Double(max(1, threads))
    }
  }
}

extension ExportFormat {
  package func roundings(_ outline: ArtifactOutline, isWeighed: Bool) -> [ExportRounding] { [] }
}

extension GGUF {
  package func roundings(_ outline: ArtifactOutline, isWeighed: Bool) -> [ExportRounding] {
    var found: [ExportRounding] = []
    for (layer, form) in zip(outline.layers, forms(outline)) {
      guard !form.keepsCodes, form.type.plain == nil else { continue }
      let name = "\(form.type)"
      let index = found.firstIndex { $0.form == name } ?? found.count
      if index == found.count {
        found.append(Self.rounding(form.type, isWeighed: isWeighed && form.isSearched))
      }
      let kept = GGUFLayerForm(keeping: layer.format, columns: layer.columns)
      found[index].count(layer, heldWithoutType: type != nil && kept.keepsCodes)
    }
    return found
  }

  private static func rounding(_ type: GGUFTensorType, isWeighed: Bool) -> ExportRounding {
    ExportRounding(form: "\(type)") { numbers in
      let bytes = type.byteCount(of: numbers.count) ?? 0
      withUnsafeTemporaryAllocation(byteCount: bytes, alignment: 64) { blocks in
        withUnsafeTemporaryAllocation(of: Float.self, capacity: numbers.count) { back in
          guard let blocks = blocks.baseAddress, let back = back.baseAddress else { return }
          back.initialize(repeating: 1, count: numbers.count)
          GGUFBlockWriter.encode(
            numbers, as: type, importance: isWeighed ? UnsafePointer(back) : nil, into: blocks)
          GGUFBlocks.decode(type, at: blocks, count: numbers.count, into: back)
        }
      }
    }
  }
}

extension CompressedTensors {
  package func roundings(_ outline: ArtifactOutline, isWeighed: Bool) -> [ExportRounding] {
    guard let form else { return [] }
    var rounding = ExportRounding(form: "\(form)") { numbers in
      _ = Float4Weight.coded(numbers, as: form, global: Float4Groups.global(largest: 4))
    }
    for (layer, isTurned) in zip(outline.layers, turned(outline)) where isTurned {
      rounding.count(layer, heldWithoutType: true)
    }
    return [rounding]
  }
}
