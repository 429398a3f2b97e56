import Engine
import Models
import Quantization
import TerminalUI

extension MethodScreen {
  /// The options of the chosen method as a form, made from what the method declares, then calibration.
  package static func settings(_ state: State) -> [Setting] {
    guard let method = chosen(state) else { return [] }
    let choice = state.choices.recipe[state[MethodScreen.self].slot]
    let isUsed = choice?.method == method.name
    let options = method.options.map { spec -> Setting in
      let fitting = spec.key == "group" ? standardGroup(of: method, state) : nil
      let standard = fitting.map { .integer($0.group) } ?? spec.standard
      let value = isUsed ? choice?.options[spec.key] ?? standard : standard
      return setting(
        spec, value: value, method: method.name,
        here: fitting)
    }
    return options + (method.calibration == .none ? [] : calibration(state))
      + (method.target == .weights ? [head(state)] : [])
      + (method.target == .kvCache ? [] : transforms(state) + [exceptions(state)])
  }

  /// Paths of recipe files: to open, to write.
  package static func prompts(_ state: State) -> [Setting] {
    let path = state[MethodScreen.self].file
    return [
      prompt(
        "Recipe to open", path,
        help: "The path of a TOML file, as w here, allocate --save or an editor wrote it."
      ) { OpenRecipeJob(path: $1) },
      prompt(
        "Recipe to write", path,
        help: "The path of a TOML file. One that holds a recipe is replaced, other files are not."
      ) { WriteRecipeJob(path: $1, recipe: $0.choices.recipe) },
    ]
  }

  private static func prompt(
    _ label: String, _ path: String, help: String,
    job: @escaping @Sendable (State, String) -> any Job
  ) -> Setting {
    Setting(
      label, .text(path, caret: nil), help: help, editable: path,
      take: { state, text in
        let path = text.trimmed
        guard !path.isEmpty else { return .refused(expected: "the path of a file") }
        state[MethodScreen.self].file = path
        return .taken(state.start(job(state, path)))
      })
  }

  /// What is made of the whole model first, a field a transform.
  private static func transforms(_ state: State) -> [Setting] {
    ModelTransforms.all.map { type in
      let about = type.describes
      let choice = state.choices.recipe.transforms.first { $0.method == about.name }
      let made = choice.flatMap { try? ModelTransforms.make($0) }
      return Setting(
        about.name, made.map { .choice(StyledText("\($0)")) } ?? .fixed(.hint("none")),
        remark: "whole model",
        help: about.summary
          + (about.usage.isEmpty
            ? "" : " Typed as \(about.usage), such as \(about.example); nothing takes it out."),
        editable: made?.text ?? "",
        take: { state, text in take(text.trimmed, for: type, &state) })
    }
  }

  private static func take(
    _ text: String, for type: any ModelTransform.Type, _ state: inout State
  ) -> Setting.Outcome {
    do {
      let transform = text.isEmpty || text == "none" ? nil : try type.init(text: text)
      let choice = transform.flatMap { $0.isIdentity ? nil : $0.choice }
      state.choices.recipe.set(transform: type.describes.name, choice)
      guard choice == nil, state.facts.model?.transforms != nil else {
        return .taken(state.reassess())
      }
      // The open model has it: a recipe without transforms is for the model as it is, so that is brought back.
      let back: any Job =
        type == OutlierPlanting.self ? PlantingJob(planting: nil) : RotationJob(rotation: nil)
      return .taken(state.startAnew(back))
    } catch {
      return .refused(expected: type.describes.usage + ", such as " + type.describes.example)
    }
  }

  /// Embedding table and head, which methods leave alone.
  private static func head(_ state: State) -> Setting {
    let choices: [HeadChoice?] = [nil] + HeadChoice.widths.map { HeadChoice(bits: $0) }
    let now = state.choices.recipe.head
    return Setting(
      "head", .choice(StyledText(now.map { "\($0) bits" } ?? "FP")), remark: "with embedding",
      help:
        "Embedding table and head, rounded to nearest: FP, or BITS[:GROUP] such as 8 or 4:128. In "
        + "a small model they are a good part of what a decoded token reads.",
      editable: now?.description ?? "",
      step: { state, direction in
        let place = choices.firstIndex { $0?.bits == now?.bits } ?? 0
        state.choices.recipe.head = choices[(place + direction).clamped(0, choices.count - 1)]
        return state.reassess()
      },
      take: { state, text in
        let text = text.trimmed
        if text.isEmpty || text.lowercased() == "fp" {
          state.choices.recipe.head = nil
          return .taken(state.reassess())
        }
        do {
          state.choices.recipe.head = try HeadChoice(text)
          return .taken(state.reassess())
        } catch QuantizationError.malformedChoice(_, let expected) {
          return .refused(expected: expected)
        } catch {
          return .refused(expected: "\(error)")
        }
      })
  }

  /// Layers that are treated otherwise, as they are typed.
  private static func exceptions(_ state: State) -> Setting {
    let text = state.choices.recipe.exceptions.map(\.description).joined(separator: " ")
    return Setting(
      "exceptions", text.isEmpty ? .fixed(.hint("none")) : .text(text, caret: nil),
      help: "Layers that are treated otherwise, such as 5.down=fp *.v=8 0-1.*=4. The last one that "
        + "covers a layer counts.",
      editable: text,
      take: { state, text in
        do {
          state.choices.recipe.exceptions = try text.split(separator: " ").map {
            try LayerException(String($0))
          }
          return .taken(state.reassess())
        } catch QuantizationError.malformedChoice(let found, let expected) {
          return .refused(expected: "\(expected) (in \(found))")
        } catch {
          return .refused(expected: "\(error)")
        }
      })
  }

  private static func setting(
    _ spec: OptionSpec, value: OptionValue, method: String, here: StandardGroup?
  ) -> Setting {
    // What the method takes of itself on this model.
    let standard = here.map { .integer($0.group) } ?? spec.standard
    let name = here?.note == nil ? "standard" : "standard here"
    let shown: Form.Value =
      if case .flag(let isOn) = value {
        .toggle(isOn: isOn)
      } else {
        .choice(StyledText(spec.text(value)))
      }
    return Setting(
      spec.key, shown, remark: value == standard ? name : "\(name) \(spec.text(standard))",
      help: [spec.summary, here?.note].compactMap(\.self).joined(separator: "; "),
      editable: spec.text(value),
      step: { state, direction in
        guard let next = spec.stepped(value, direction) else { return [] }
        return set(spec.key, next, method: method, &state)
      },
      take: { state, text in
        do {
          let parsed = try spec.parse(text.trimmed, method: method)
          return .taken(set(spec.key, parsed, method: method, &state))
        } catch QuantizationError.invalidOption(_, _, let expected, _) {
          return .refused(expected: expected)
        } catch {
          return .refused(expected: "\(error)")
        }
      })
  }

  /// Changes an option; a method that was not in the recipe is taken into it.
  private static func set(
    _ key: String, _ value: OptionValue, method: String, _ state: inout State
  ) -> [Effect] {
    let fresh =
      state.catalog.method(method).map { self.choice(of: $0, state) }
      ?? MethodChoice(method: method)
    var choice = state.choices.recipe[state[MethodScreen.self].slot] ?? fresh
    if choice.method != method { choice = fresh }
    choice.options[key] = value
    return use(choice, &state)
  }

  private static func calibration(_ state: State) -> [Setting] {
    let options = state.choices.calibration
    return [
      Setting(
        "text", .choice(StyledText(options.text ?? "built-in")), remark: "calibration",
        help: "The text that calibration looks at: the path of a text file, or nothing for the "
          + "built-in one. Text like that of the use is best.",
        editable: options.text ?? "",
        take: { state, text in
          let path = text.trimmed
          state.choices.calibration.text = path.isEmpty || path == "built-in" ? nil : path
          return .taken(state.reassess())
        }),
      .number(
        "samples", options.samples, unit: "windows", remark: "calibration",
        help: "Windows of calibration text. More make the statistics steadier and take longer.",
        ladder: Setting.powers(from: 2, through: 10), in: 1...65_536
      ) { state, value in
        state.choices.calibration.samples = value
        return state.reassess()
      },
      .number(
        "length", options.length, unit: "tokens", remark: "calibration",
        help: "Tokens of a calibration window.",
        ladder: Setting.powers(from: 5, through: 13), in: 1...1_048_576
      ) { state, value in
        state.choices.calibration.length = value
        return state.reassess()
      },
      .number(
        "seed", Int(clamping: options.seed), remark: "calibration",
        help: "Which windows of the text are taken; the same seed takes the same ones.",
        ladder: Array(0...16), in: 0...Int.max
      ) { state, value in
        state.choices.calibration.seed = UInt64(max(0, value))
        return state.reassess()
      },
    ]
  }
}

extension OptionSpec {
  /// The next value up (+1) or down (-1); nil at the end.
  func stepped(_ value: OptionValue, _ direction: Int) -> OptionValue? {
    switch (kind, value) {
    case (.integer(let lowest, let highest, let listed), .integer(let number)):
      let ladder =
        listed.isEmpty
        ? (highest.subtractingReportingOverflow(lowest).partialValue <= 64
          && highest >= lowest && highest - lowest <= 64
          ? Array(lowest...highest)
          : [lowest]
            + Setting.powers(through: 30).filter {
              $0 > lowest && $0 < highest
            } + [highest])
        : listed.sorted()
      let next = Setting.rung(number, direction, in: ladder)
      return next == number ? nil : .integer(next)
    case (.decimal(let lowest, let highest), _):
      let number: Double
      switch value {
      case .decimal(let value): number = value
      case .integer(let value): number = Double(value)
      default: return nil
      }
      guard lowest.isFinite, highest.isFinite, highest > lowest else { return nil }
      let step = highest - lowest <= 2 ? 0.05 : (highest - lowest) / 20
      let next = min(max(number + Double(direction) * step, lowest), highest)
      let rounded = (next * 1e6).rounded() / 1e6
      return rounded == number ? nil : .decimal(rounded)
    case (.flag, .flag(let isOn)): return .flag(!isOn)
    case (.choice(let names), .choice(let name)):
      guard !names.isEmpty else { return nil }
      let index = names.firstIndex(of: name) ?? 0
      return .choice(names[(index + direction + names.count) % names.count])
    default: return nil
    }
  }
}
