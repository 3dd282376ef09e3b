#include "aero/config/loader.h"

#include "aero/config/checks.h"
#include "aero/config/faults.h"
#include "aero/config/json_chain.h"
#include "aero/core/error.h"

#include "field_table.h"
#include "layer.h"

#include <algorithm>
#include <utility>

namespace aero {
namespace {

namespace fs = std::filesystem;

constexpr JsonKind config_kind{.what = "a config", .if_empty = "write {} for a config of defaults"};

ChainRules config_rules() {
  return {.kind = config_kind, .open = [](const std::string& name, const JsonFile& by) {
            return open_json_file((by.folder / name).lexically_normal());
          }};
}

/// Adds the findings. Each is reported under the source of the first of its keys that a source
/// sets. A finding is left out if one of its values was already refused.
void add_findings(const std::vector<Finding>& findings, const Sources& sources,
                  const std::string& name, Faults& faults) {
  if (faults.any_unreadable()) return;
  const bool model_unknown = faults.at("model.preset") || faults.at("model.family");
  const auto doubtful = [&](const std::string& key) {
    return faults.at(key) || (model_unknown && key.starts_with("model."));
  };
  for (const Finding& finding : findings) {
    if (std::ranges::any_of(finding.keys, doubtful)) continue;
    const auto named = std::ranges::find_if(
        finding.keys, [&](const std::string& key) { return sources.contains(key); });
    faults.add(named != finding.keys.end() ? sources.at(*named) : name, finding.keys.front(),
               finding.value, finding.message);
  }
}

/// Applies the objects of files, the first base first, then the overrides. Faults in values that no
/// source sets are reported under `name`.
RunConfig build(const std::string& name, const std::vector<JsonLayer>& objects,
                const std::vector<Override>& overrides, Faults& faults) {
  RunConfig config;
  FieldTable table(describe(config));
  Sources sources;
  std::vector<Layer> layers;
  for (const auto& [source, root] : objects) {
    layers.push_back(layer_of_object(source, root, table, faults));
  }
  layers.push_back(layer_of_overrides(overrides, table, faults));
  for (const Layer& layer : layers) apply_layer(layer, table, config.model, faults, sources);
  add_findings(check_combinations(config), sources, name, faults);
  faults.throw_if_any();
  return config;
}

RunConfig build(const JsonFile& file, const std::vector<Override>& overrides) {
  Faults faults;
  return build(file.source, read_chain(file, config_rules(), faults), overrides, faults);
}

}  // namespace

RunConfig load_config(const fs::path& file, const std::vector<Override>& overrides) {
  JsonFile opened;
  try {
    opened = open_json_file(file);
  } catch (const Error& error) {
    throw UsageError(error.what());
  }
  return build(opened, overrides);
}

RunConfig parse_config(const std::string& text, const std::string& name,
                       const std::vector<Override>& overrides, const fs::path& folder) {
  return build({.source = name, .text = text, .folder = folder}, overrides);
}

RunConfig default_config(const std::vector<Override>& overrides) {
  Faults faults;
  return build(command_line, {}, overrides, faults);
}

ModelConfig parse_model_config(const std::string& text, const std::string& name) {
  ModelConfig config;
  FieldTable table(describe(config));
  Faults faults;
  Sources sources;
  if (auto object = read_object({.source = name, .text = text}, config_kind, faults)) {
    JsonValue root{.kind = JsonValue::Kind::object, .text = {}, .members = {}};
    root.members.push_back({"model", *std::move(object)});
    const Layer layer = layer_of_object(name, root, table, faults);
    apply_layer(layer, table, config, faults, sources);
    add_findings(check_combinations(config), sources, name, faults);
  }
  faults.throw_if_any();
  return config;
}

}  // namespace aero
