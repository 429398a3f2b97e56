package import Models

/// The group a method takes where none is typed: its standard, or the nearest one that divides the layers of a model.
package struct StandardGroup: Hashable, Sendable {
  /// Input channels of a layer, and how it is called: `every q`.
  package struct Width: Hashable, Sendable {
    package var layer: String
    package var columns: Int

    package init(layer: String, columns: Int) {
      self.layer = layer
      self.columns = columns
    }
  }

  /// -1 for one scale a row.
  package let group: Int
  /// Why it is not the method's standard, a sentence without its end; nil where it is.
  package let note: String?

  /// - Returns: nil for a method whose scales have no groups.
  package init?(of method: MethodDescription, for widths: [Width]) {
    guard let spec = method.options.first(where: { $0.key == GroupWord.key }),
      case .integer(let standard) = spec.standard
    else { return nil }
    guard let odd = Self.odd(standard, widths) else {
      (group, note) = (standard, nil)
      return
    }
    let nearest = Self.nearest(standard, widths)
    group = nearest ?? -1
    note =
      "\(method.title)'s standard group of \(standard) does not divide the \(odd.columns) input channels of "
      + odd.layer
      + (nearest.map { ": groups of \($0), the nearest that divide all layers, are taken" }
        ?? ": no group does, so one scale a row (channel) is taken")
  }

  /// The first layer that groups of `size` do not divide; nil for none, and for one scale a row or a tensor.
  static func odd(_ size: Int, _ widths: [Width]) -> Width? {
    size > 0 ? widths.first { $0.columns % size != 0 } : nil
  }

  /// The group that methods offer, nearest to `size`, that divides all layers, the smaller of two; nil where none does.
  static func nearest(_ size: Int, _ widths: [Width]) -> Int? {
    WeightOptions.groups.filter { odd($0, widths) == nil }
      .min { ($0 - size).magnitude < ($1 - size).magnitude }
  }
}

extension Recipe {
  /// The recipe as it runs on layers of these widths: bits and group of the weights said out, the group its standard or
  /// the nearest that divides, with a note where it is not the standard.
  ///
  /// - Throws: `QuantizationError.groupDoesNotDivide` for a group that was chosen and does not, with the nearest that divides
  ///   all layers.
  package func fitted(
    to widths: [StandardGroup.Width]
  ) throws -> (recipe: Recipe, note: String?) {
    guard let choice = weights else { return (self, nil) }
    let method = try QuantizationMethods.description(of: choice.method, target: .weights)
    if let given = choice.options[GroupWord.key] {
      if case .integer(let size) = given, let odd = StandardGroup.odd(size, widths) {
        throw QuantizationError.groupDoesNotDivide(
          layer: odd.layer, columns: odd.columns, group: size,
          nearest: StandardGroup.nearest(size, widths))
      }
      return (self, nil)
    }
    guard let found = StandardGroup(of: method, for: widths) else { return (self, nil) }
    var fitted = choice
    fitted.options[GroupWord.key] = .integer(found.group)
    if let bits = method.options.first(where: { $0.key == "bits" }), fitted.options["bits"] == nil {
      fitted.options["bits"] = bits.standard
    }
    var recipe = self
    recipe.weights = fitted
    return (recipe, found.note)
  }

  /// The layers of a model that methods for weights treat.
  package func widths(of model: Model) -> [StandardGroup.Width] {
    let treated = model.linears.filter { treatment(of: $0) != .fp }
    var columns: [Projection: Set<Int>] = [:]
    for id in treated { columns[id.projection, default: []].insert(model[id].columns) }
    var named: Set<Projection> = []
    return treated.compactMap { id in
      guard columns[id.projection]?.count == 1 else {
        return StandardGroup.Width(layer: "\(id)", columns: model[id].columns)
      }
      return named.insert(id.projection).inserted
        ? StandardGroup.Width(layer: "every \(id.projection)", columns: model[id].columns) : nil
    }
  }

  /// The layers of a model that methods for weights treat, by its shape alone.
  package func widths(of shape: ModelShape) -> [StandardGroup.Width] {
    shape.linears.filter { size in
      (0..<shape.blocks).contains { block in
        treatment(of: LinearID(block: block, projection: size.role)) != .fp
      }
    }.map { StandardGroup.Width(layer: "every \($0.role)", columns: $0.columns) }
  }
}
