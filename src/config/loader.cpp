#include "aero/config/loader.h"

#include "aero/config/checks.h"
#include "aero/config/faults.h"
#include "aero/config/json_value.h"
#include "aero/core/error.h"
#include "aero/core/files.h"

#include "field_table.h"
#include "layer.h"

#include <algorithm>
#include <functional>
#include <optional>
#include <system_error>
#include <utility>

namespace aero {
namespace {

namespace fs = std::filesystem;

/// A chain this long is a mistake even where no file comes twice.
constexpr std::size_t max_chain = 32;

/// The object of a text, or a fault.
std::optional<JsonValue> read_object(const std::string& text, const std::string& name,
                                     Faults& faults) {
  if (text.find_first_not_of(" \t\r\n") == std::string::npos) {
    faults.add_unreadable(name, "the file is empty; write {} for a config of defaults");
    return std::nullopt;
  }
  try {
    JsonValue root = parse_json(text);
    if (root.kind == JsonValue::Kind::object) return root;
    faults.add_unreadable(name,
                          root.shown() + ": a config is an object {...}, not " + root.kind_text());
  } catch (const JsonError& error) {
    faults.add_unreadable(name, error.what());
  }
  return std::nullopt;
}

/// Reads a file and those that it extends, into layers of which the later ones win.
class ChainReader {
 public:
  ChainReader(const FieldTable& table, Faults& faults) : table_(table), faults_(faults) {}

  void read(const std::string& text, const std::string& name, const fs::path& folder) {
    const auto root = read_object(text, name, faults_);
    if (!root) return;
    const auto extends = std::ranges::find(root->members, "extends", &JsonMember::key);
    // Anything but a text is refused where the layer is applied.
    if (extends != root->members.end() && extends->value.kind == JsonValue::Kind::text) {
      read_base(extends->value, name, folder);
    }
    layers_.push_back(layer_of_object(name, *root, table_, faults_));
  }

  /// The file that read() is about to be given, so that a chain that comes back to it is seen.
  void begin_at(const fs::path& file) { chain_.push_back(identity(file)); }

  std::vector<Layer> take() { return std::move(layers_); }

 private:
  static fs::path identity(const fs::path& file) {
    std::error_code error;
    fs::path canonical = fs::weakly_canonical(file, error);
    return error ? file.lexically_normal() : canonical;
  }

  void read_base(const JsonValue& value, const std::string& name, const fs::path& folder) {
    const auto refuse = [&](const std::string& message) {
      faults_.add_unreadable(name, "extends: " + value.shown() + ": " + message);
    };
    if (value.text.empty()) return refuse("names no file; remove this key");
    const fs::path base = (folder / value.text).lexically_normal();
    const fs::path base_identity = identity(base);
    if (std::ranges::find(chain_, base_identity) != chain_.end()) {
      return refuse("a file cannot extend itself, neither directly nor through its base");
    }
    if (chain_.size() == max_chain) {
      return refuse("more than " + std::to_string(max_chain) + " files extend one another");
    }
    std::string text;
    try {
      text = read_file(base);
    } catch (const Error& error) {
      return refuse(error.what());
    }
    chain_.push_back(base_identity);
    read(text, base.string(), base.parent_path());
    chain_.pop_back();
  }

  const FieldTable& table_;
  Faults& faults_;
  std::vector<fs::path> chain_;
  std::vector<Layer> layers_;
};

/// Adds the findings, each under the source of the first of its keys that some source set, unless
/// one of its values was refused already.
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

/// Applies the layers that `read` gives, then the overrides.
RunConfig build(const std::string& name, const std::vector<Override>& overrides,
                const std::function<void(ChainReader&)>& read) {
  RunConfig config;
  FieldTable table(describe(config));
  Faults faults;
  Sources sources;
  ChainReader reader(table, faults);
  read(reader);
  std::vector<Layer> layers = reader.take();
  layers.push_back(layer_of_overrides(overrides, table, faults));
  for (const Layer& layer : layers) apply_layer(layer, table, config.model, faults, sources);
  add_findings(check_combinations(config), sources, name, faults);
  faults.throw_if_any();
  return config;
}

}  // namespace

RunConfig load_config(const fs::path& file, const std::vector<Override>& overrides) {
  std::string text;
  try {
    text = read_file(file);
  } catch (const Error& error) {
    throw UsageError(error.what());
  }
  return build(file.string(), overrides, [&](ChainReader& reader) {
    reader.begin_at(file);
    reader.read(text, file.string(), file.parent_path());
  });
}

RunConfig parse_config(const std::string& text, const std::string& name,
                       const std::vector<Override>& overrides, const fs::path& folder) {
  return build(name, overrides, [&](ChainReader& reader) { reader.read(text, name, folder); });
}

RunConfig default_config(const std::vector<Override>& overrides) {
  return build(command_line, overrides, [](ChainReader&) {});
}

ModelConfig parse_model_config(const std::string& text, const std::string& name) {
  ModelConfig config;
  FieldTable table(describe(config));
  Faults faults;
  Sources sources;
  if (auto object = read_object(text, name, faults)) {
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
