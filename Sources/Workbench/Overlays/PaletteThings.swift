import Engine
import Models
import Operators
import Quantization
import TerminalUI

/// What the palette finds besides keys: methods, layers, models, runs, machines, settings, themes, lessons, sessions and help, each
/// with the screen it leads to.
enum PaletteThings {
  /// A thing with where choosing it leads.
  struct Thing {
    var binding: Binding
    var place: String

    init(
      _ name: String, _ help: String, on place: String,
      unless reason: @escaping @Sendable (State) -> String? = { _ in nil },
      _ action: @escaping @Sendable (inout State) -> [Effect]
    ) {
      binding = Binding(name: name, help: help, unless: reason, action: action)
      self.place = place
    }
  }

  static func all(_ state: State) -> [Thing] {
    methods(state) + layers(state) + settings(state) + models(state) + runs(state)
      + machines(state) + themes(state) + lessons(state) + sessions(state) + help
  }

  private static func methods(_ state: State) -> [Thing] {
    state.catalog.methods.map { method in
      let aliases = method.aliases.isEmpty ? "" : " (\(method.aliases.joined(separator: ", ")))"
      return Thing(
        "\(method.name): \(method.title)",
        "For the \(method.target.words): \(method.summary)\(aliases)", on: MethodScreen.title
      ) { state in
        state[MethodScreen.self].show(method.target)
        state[MethodScreen.self].selected =
          MethodScreen.methods(state).firstIndex { $0.name == method.name } ?? 0
        // The cursor stays there when the screen appears.
        state[MethodScreen.self].isOnAdvice = true
        state.show(Place.method)
        return []
      }
    }
  }

  private static func layers(_ state: State) -> [Thing] {
    guard let map = state.facts.quantized?.maps.first else { return [] }
    return state.facts.layers.compactMap { layer in
      guard let column = map.columns.firstIndex(of: layer.projection),
        map.rows.indices.contains(layer.block)
      else { return nil }
      return Thing(
        "layer \(layer.block).\(layer.projection)", "Its errors on the map: \(layer.method).",
        on: HeatmapScreen.title
      ) { state in
        state[HeatmapScreen.self].map = 0
        state[HeatmapScreen.self].block = nil
        state[HeatmapScreen.self].row = layer.block
        state[HeatmapScreen.self].column = column
        state.show(Place.heatmap)
        return []
      }
    }
  }

  private static func settings(_ state: State) -> [Thing] {
    Screens.all.flatMap { screen -> [Thing] in
      let (id, title) = (screen.id, screen.title)
      return screen.settings(state).enumerated().map { place, setting in
        Thing("setting: \(setting.field.label)", setting.help, on: title) { state in
          state.show(id)
          guard let screen = Screens.named(id) else { return [] }
          return (0..<place).reduce(into: screen.move(.first, &state)) { effects, _ in
            effects += screen.move(.down, &state)
          }
        }
      }
    }
  }

  private static func models(_ state: State) -> [Thing] {
    state.catalog.models.map { model in
      Thing(
        "open \(model.name)", model.path ?? "The model that is built in.", on: ModelScreen.title,
        unless: { _ in model.problem }
      ) { state in
        state.show(Place.model)
        return state.startAnew(LoadJob(path: model.path))
      }
    }
  }

  private static func runs(_ state: State) -> [Thing] {
    CompareScreen.runs(state).filter { !$0.isBaselineRow }.map { run in
      Thing("run \(run.label)", "\(run.model), \(run.id)", on: CompareScreen.title) { state in
        state[CompareScreen.self].filter = ""
        state[CompareScreen.self].selected =
          CompareScreen.runs(state).firstIndex { $0.id == run.id } ?? 0
        state.show(Place.compare)
        return []
      }
    }
  }

  private static func machines(_ state: State) -> [Thing] {
    state.catalog.machines.map { machine in
      Thing(
        "machine \(machine.name)", "Plan for this machine.", on: TargetScreen.title,
        unless: { $0.lacksModel }
      ) { state in
        state.choices.machine = machine.name
        state.show(Place.target)
        return state.replan()
      }
    }
  }

  private static func themes(_ state: State) -> [Thing] {
    state.catalog.themes.map { theme in
      Thing("theme \(theme.name)", "Draw in these colours.", on: "", unless: { _ in theme.problem })
      {
        state in
        state.theme = theme.name
        return []
      }
    }
  }

  private static func lessons(_ state: State) -> [Thing] {
    state.catalog.lessons.map { lesson in
      let title = lesson.titles[state.catalog.language] ?? lesson.titles.values.min() ?? lesson.id
      return Thing("lesson: \(title)", "\(lesson.minutes) minutes.", on: LessonsScreen.title) {
        state in
        state[LessonsScreen.self].filter = ""
        state[LessonsScreen.self].selected =
          state.catalog.lessons.firstIndex { $0.id == lesson.id } ?? 0
        state.show(LessonsScreen.id)
        return []
      }
    }
  }

  private static func sessions(_ state: State) -> [Thing] {
    state.catalog.sessions.map { session in
      Thing("session: \(session.title)", session.path, on: SessionsScreen.title) { state in
        state[SessionsScreen.self].filter = ""
        state[SessionsScreen.self].selected =
          state.catalog.sessions.firstIndex { $0.path == session.path } ?? 0
        state.show(SessionsScreen.id)
        return []
      }
    }
  }

  private static let help: [Thing] = Screens.all.map { screen in
    let (id, title) = (screen.id, screen.title)
    return Thing("help: \(title)", screen.question, on: "help") { state in
      state.overlay = .help(HelpPage(screen: id))
      return []
    }
  }
}
