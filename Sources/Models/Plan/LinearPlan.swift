/// One linear layer of a block as its architecture describes it.
package struct LinearPlan: Hashable, Sendable {
  /// Where the weight lies in the checkpoint.
  package enum Storage: Hashable, Sendable {
    /// `[rows, columns]` in a tensor of its own: the layer's name with `.weight`.
    case own
    /// `[columns, rows]` in a tensor of its own (GPT-2's Conv1D).
    case transposed
    /// Rows of a tensor that several layers share, from `first` of `total` on (Phi-3's `qkv_proj`).
    case rows(of: String, first: Int, total: Int)
    /// Columns of a tensor `[columns, total]` that several layers share (GPT-2's `c_attn`).
    case columns(of: String, first: Int, total: Int)
    /// One expert's part `[columns, total]` of a tensor `[experts, columns, total]`, of that the columns from `first` on,
    /// every `step`-th; its bias of `[experts, total]` under the name with `_bias` (gpt-oss). A file that holds the layer in
    /// tensors of its own is read by these.
    case expert(Expert)
  }

  /// Where one expert's layer lies in a tensor of all.
  package struct Expert: Hashable, Sendable {
    package var tensor: String
    package var number: Int
    package var count: Int
    package var first: Int
    package var step: Int
    package var total: Int
  }

  package var role: Projection
  /// Output channels.
  package var rows: Int
  /// Input channels.
  package var columns: Int
  package var hasBias: Bool
  /// What it reads; layers with the same place share their input.
  package var input: InputPlace
  /// The name in the checkpoint, without `.weight`; no two layers of a model have the same.
  package var name: String
  package var storage: Storage

  package init(
    _ role: Projection, rows: Int, columns: Int, hasBias: Bool = false, input: InputPlace? = nil,
    name: String, storage: Storage = .own
  ) {
    self.role = role
    self.rows = rows
    self.columns = columns
    self.hasBias = hasBias
    self.input = input ?? role.input
    self.name = name
    self.storage = storage
  }

  package var parameters: Int { rows * columns }

  /// What a checkpoint calls the layer that the weight is of, without `.weight`: of several in one tensor that tensor's.
  package var storedName: String {
    switch storage {
    case .own, .transposed, .expert: name
    case .rows(let shared, _, _), .columns(let shared, _, _): shared
    }
  }
}

/// Layers that read the same input, in the order of the forward pass.
package struct InputGroup: Hashable, Sendable {
  package var place: InputPlace
  /// At least one.
  package var roles: [Projection]

  /// The first of them, under which what is known of the input is kept.
  package var lead: Projection { roles[0] }
  /// Whether the input is the residual stream, after a norm where there is one.
  package var readsStream: Bool { lead.readsStream }
  /// The groups of some layers, given in the order of the forward pass.
  package static func all(of layers: [(role: Projection, place: InputPlace)]) -> [InputGroup] {
    var groups: [InputGroup] = []
    for (role, place) in layers {
      if let index = groups.firstIndex(where: { $0.place == place }) {
        groups[index].roles.append(role)
      } else {
        groups.append(InputGroup(place: place, roles: [role]))
      }
    }
    return groups
  }

  /// `q, k, v`.
  package var names: String { roles.map(\.rawValue).joined(separator: ", ") }
}
