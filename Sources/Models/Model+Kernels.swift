package import Operators

extension Model {
  /// What executes the layers of the blocks and the head, each once, in the order of the forward pass.
  package func kernelChoices(disabling disabled: Set<String> = []) -> [KernelChoice] {
    var found: [KernelChoice] = []
    for layer in linears.map({ self[$0] }) + [head] {
      let choice = layer.choice(disabling: disabled)
      if !found.contains(choice) { found.append(choice) }
    }
    return found
  }

  /// The same model for contexts that must not use some kernels, next to this one: layers that are then packed otherwise
  /// have packed copies of their own, the others are shared.
  ///
  /// - Throws: `ModelError`.
  package func apart(disabling disabled: Set<String>) throws -> Model {
    func changed(_ layer: Linear) throws -> Linear {
      layer.choice(disabling: disabled) == layer.choice(disabling: [])
        ? layer : try layer.replacing()
    }
    return derived(blocks: try blocks.map { try $0.mapping(changed) }, head: try changed(head))
  }

  /// Bytes of packed copies that are in memory, by layer, the head's among them.
  package var residentPacked: [ObjectIdentifier: Int] {
    var found: [ObjectIdentifier: Int] = [:]
    for layer in linears.map({ self[$0] }) + [head] {
      let bytes = layer.residentPackedBytes
      if bytes > 0 { found[ObjectIdentifier(layer)] = bytes }
    }
    return found
  }
}
