import CKernels
import Testing

/// A way to fill activations, with the name of its provider.
private struct Filling: CustomTestStringConvertible, Sendable {
  let testDescription: String
  let fill: LinearVersion.Fill

  static let all: [Filling] = {
    var found: [Filling] = []
    for version in LinearVersion.all
    where !found.contains(where: { $0.testDescription == version.provider }) {
      found.append(Filling(testDescription: version.provider, fill: version.fill))
    }
    return found
  }()

  func input(_ kind: nk_activation_kind, _ x: [Float], tokens: Int = 1) -> LinearInput {
    LinearInput(kind, x, tokens: tokens, cols: x.count / tokens, fill: fill)
  }

  func codes(_ x: [Float]) -> [Int8] {
    let activations = input(NK_ACTIVATION_INT8, x)
    return withExtendedLifetime(activations) {
      let values = activations.activations.values!.assumingMemoryBound(to: Int8.self)
      return Array(UnsafeBufferPointer(start: values, count: x.count))
    }
  }

  func scale(_ x: [Float]) -> Float {
    let activations = input(NK_ACTIVATION_INT8, x)
    return withExtendedLifetime(activations) { activations.activations.scales[0] }
  }
}

@Suite struct LinearActivationsTests {
  @Test("INT8: the largest magnitude becomes 127, halves go to even", arguments: Filling.all)
  private func rounding(filling: Filling) {
    let x: [Float] = [127, 0.5, 1.5, 2.5, -0.5, -1.5, -126.6, 63.49]
    #expect(filling.codes(x) == [127, 0, 2, 2, 0, -2, -127, 63])
    #expect(filling.scale(x) == 1)
    #expect(filling.codes([-10, 5]) == [-127, 64])
    #expect(filling.scale([-10, 5]) == 10.0 / 127)
  }

  @Test("INT8: zeros, nearly zeros, NaN and infinities stay finite", arguments: Filling.all)
  private func hostile(filling: Filling) {
    let nothing = [Float](repeating: 0, count: 50)
    #expect(filling.scale(nothing) == 0)
    #expect(filling.codes(nothing).allSatisfy { $0 == 0 })
    let tiny = [Float](repeating: Float.leastNonzeroMagnitude, count: 50)
    #expect(filling.scale(tiny) == 0)
    #expect(filling.codes(tiny).allSatisfy { $0 == 0 })
    #expect(filling.codes([.nan, 2, 1]) == [0, 127, 64])
    #expect(filling.codes([.infinity, -.infinity, 1]) == [127, -127, 0])
    #expect(filling.scale([.infinity, 1]).isFinite)
  }

  @Test("INT8: running sums count the codes", arguments: Filling.all)
  private func running(filling: Filling) {
    var numbers = SeededNumbers(seed: 8)
    let x = numbers.normals(100)
    let input = filling.input(NK_ACTIVATION_INT8, x)
    let codes = filling.codes(x)
    for block in 0...4 {
      let sum = codes.prefix(32 * block).reduce(0) { $0 + Int32($1) }
      #expect(input.activations.running[block] == sum)
    }
  }

  @Test("BF16: values round to even, sums are of the rounded values", arguments: Filling.all)
  private func bf16(filling: Filling) {
    var numbers = SeededNumbers(seed: 6)
    var x = numbers.normals(75)
    // Halfway cases, both ways.
    x[0] = Float(bitPattern: 0x3f80_8000)
    x[1] = Float(bitPattern: 0x3f81_8000)
    let input = filling.input(NK_ACTIVATION_BF16, x)
    #expect(input.values == x.map(bf16Rounded))
    for block in 0..<3 {
      let sum = input.values.dropFirst(32 * block).prefix(32).reduce(0.0) { $0 + Double($1) }
      #expect(abs(Double(input.activations.sums[block]) - sum) < 1e-5)
    }
  }

  @Test("All providers store the same bits", arguments: Filling.all)
  private func agreement(filling: Filling) {
    var numbers = SeededNumbers(seed: 12)
    for cols in [1, 16, 31, 32, 33, 64, 100, 577] {
      let x = numbers.normals(3 * cols, scale: 5)
      for kind in [NK_ACTIVATION_F32, NK_ACTIVATION_BF16, NK_ACTIVATION_INT8] {
        let mine = filling.input(kind, x, tokens: 3)
        let theirs = Filling.all[0].input(kind, x, tokens: 3)
        #expect(mine.values == theirs.values)
      }
    }
  }

  @Test("A range of tokens fills only them", arguments: Filling.all)
  private func ranges(filling: Filling) {
    var numbers = SeededNumbers(seed: 13)
    let x = numbers.normals(5 * 40)
    for kind in [NK_ACTIVATION_F32, NK_ACTIVATION_BF16, NK_ACTIVATION_INT8] {
      let whole = filling.input(kind, x, tokens: 5)
      let storage = Scratch(nk_activations_bytes(kind, 5, 40))
      var pieces = nk_activations_layout(kind, 5, 40, storage.base)
      filling.fill(&pieces, x, 40, 3, 5)
      filling.fill(&pieces, x, 40, 0, 3)
      for token in 0..<5 {
        let mine = UnsafeRawBufferPointer(
          start: pieces.values! + token * pieces.stride, count: 40)
        let theirs = UnsafeRawBufferPointer(
          start: whole.activations.values! + token * pieces.stride, count: 40)
        #expect(mine.elementsEqual(theirs))
      }
    }
  }
}
