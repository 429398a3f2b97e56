import Platform
import Tensors

extension CompressedTensors {
  /// `quantization_config` in `config.json`: layers that are stored and run alike are one group.
  static func quantizationConfig(_ layers: [StoredLayer]) -> JSONObject {
    var groups: [(key: String, first: StoredLayer, targets: [JSONValue])] = []
    var places: [String: Int] = [:]
    var ignored: [JSONValue] = []
    if !layers.contains(where: { $0.name == "lm_head" }) { ignored.append(.string("lm_head")) }
    for layer in layers {
      guard layer.form != .dense else {
        ignored.append(.string(layer.name))
        continue
      }
      let key =
        layer.form.rawValue + JSONValue.object(weights(layer.format)).text()
        + inputs(layer.activation).text()
      if let place = places[key] {
        groups[place].targets.append(.string(layer.name))
      } else {
        places[key] = groups.count
        groups.append((key, layer, [.string(layer.name)]))
      }
    }
    var members = JSONObject()
    for (index, group) in groups.enumerated() {
      var object = JSONObject()
      // The class of layers does not cover the embedding table, which has one of its own.
      let tables = layers.filter { $0.isEmbedding && $0.form != .dense }.map(\.name)
      object.set(
        "targets",
        .array(
          groups.count == 1
            ? [.string("Linear")] + tables.map { .string($0) } : group.targets))
      object.set("weights", .object(weights(group.first.format)))
      object.set("input_activations", inputs(group.first.activation))
      object.set("output_activations", .null)
      members.set("group_\(index)", .object(object))
    }
    let formats = groups.map(\.first.form.rawValue)
    var config = JSONObject()
    config.set(
      "quant_method", .string(layers.contains { $0.isExtension } ? extensionName : name))
    config.set(
      "format", .string(Set(formats).count > 1 ? "mixed-precision" : formats.first ?? "dense"))
    config.set("quantization_status", .string("compressed"))
    config.set("global_compression_ratio", .null)
    config.set("kv_cache_scheme", .null)
    config.set("ignore", .array(ignored))
    config.set("config_groups", .object(members))
    return config
  }

  /// `kv_cache_scheme`: E4M3, one scale a layer that the file holds.
  static func cacheScheme() -> JSONObject {
    var object = JSONObject()
    object.set("num_bits", .number(JSONNumber(8)))
    object.set("type", .string("float"))
    object.set("symmetric", .bool(true))
    object.set("strategy", .string("tensor"))
    object.set("dynamic", .bool(false))
    return object
  }

  private static func weights(_ format: WeightFormat) -> JSONObject {
    var object = JSONObject()
    object.set("num_bits", .number(JSONNumber(format.bits)))
    if case .decoded = format.code {
      object.set("type", .string("float"))
    } else if case .scaledFloat(let type) = format.code {
      object.set("type", .string("float"))
      if type == .f8e5m2 { object.set("float_type", .string("e5m2")) }
    } else {
      object.set("type", .string("int"))
    }
    object.set("symmetric", .bool(format.isSymmetric))
    switch format.granularity {
    case .tensor: object.set("strategy", .string("tensor"))
    case .channel: object.set("strategy", .string("channel"))
    case .group(let size):
      let isTensorGroup = format.code == .decoded(form: .nvfp4)
      object.set("strategy", .string(isTensorGroup ? "tensor_group" : "group"))
      object.set("group_size", .number(JSONNumber(size)))
    case .block(let rows, let columns):
      object.set("strategy", .string("block"))
      object.set("block_structure", .array([rows, columns].map { .number(JSONNumber($0)) }))
    }
    object.set("dynamic", .bool(false))
    return object
  }

  /// `input_activations`; null for floating-point inputs.
  private static func inputs(_ activation: ActivationFormat) -> JSONValue {
    var object = JSONObject()
    object.set("num_bits", .number(JSONNumber(8)))
    var scaling = ActivationScaling.token
    switch activation {
    case .float, .int16Blocks: return .null
    case .int8(let chosen, let isSymmetric):
      scaling = chosen
      object.set("type", .string("int"))
      object.set("symmetric", .bool(isSymmetric))
    case .int8Blocks:
      object.set("type", .string("int"))
      object.set("symmetric", .bool(true))
      object.set("strategy", .string("group"))
      object.set("group_size", .number(JSONNumber(32)))
      object.set("dynamic", .bool(true))
      return .object(object)
    case .fp8(let type, let chosen):
      scaling = chosen
      object.set("type", .string("float"))
      if type == .f8e5m2 { object.set("float_type", .string("e5m2")) }
      object.set("symmetric", .bool(true))
    case .int8WithOutliers(let split):
      object.set("type", .string("int"))
      object.set("symmetric", .bool(true))
      if let threshold = JSONNumber(Double(split.threshold)) {
        object.set("outlier_threshold", .number(threshold))
      }
      object.set("outlier_form", .string(split.form.rawValue))
    }
    object.set("strategy", .string(scaling == .token ? "token" : "tensor"))
    let isFixed = if case .fixed = scaling { true } else { false }
    object.set("dynamic", .bool(!isFixed))
    return .object(object)
  }
}
