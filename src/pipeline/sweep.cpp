#include "aero/pipeline/sweep.h"

#include "aero/config/faults.h"
#include "aero/config/json_value.h"
#include "aero/config/loader.h"
#include "aero/config/suggest.h"
#include "aero/core/error.h"
#include "aero/core/files.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

namespace aero::pipeline {
namespace {

namespace fs = std::filesystem;
using Kind = JsonValue::Kind;

const std::string source_of_overrides = "command line: ";

std::string last_part(const std::string& key) {
  return key.substr(key.rfind('.') + 1);
}

/// A member before its config is loaded.
struct Entry {
  std::string name;
  std::vector<Change> changes;
};

/// Later changes win over earlier ones of the same key.
std::vector<Override> overrides_of(const std::vector<Change>& first,
                                   const std::vector<Change>& second) {
  std::vector<Override> overrides;
  for (const auto* changes : {&first, &second}) {
    for (const Change& change : *changes) overrides.push_back(change.key + "=" + change.value);
  }
  return overrides;
}

class SweepReader {
 public:
  explicit SweepReader(const fs::path& file) : file_(file), source_(file.string()) {}

  Sweep read(const JsonValue& root) {
    check_keys(root, "",
               {"$schema", "name", "base", "folder", "set", "runs", "grid", "seeds", "baseline"});
    sweep_.file = file_;
    sweep_.name = text(root, "name").value_or(slug(file_.stem().string()));
    if (slug(sweep_.name) != sweep_.name) {
      fault("name", aero::quoted(sweep_.name),
            "names files; use letters, digits and +_.=()- alone, as in " +
                aero::quoted(slug(sweep_.name)));
    }
    sweep_.folder = text(root, "folder").value_or("runs/" + sweep_.name);
    read_base(root);
    if (const auto* set = find(root, "set")) set_ = changes(*set, "set");
    read_entries(root);
    read_grid(root);
    check_names();
    read_seeds(root);
    read_baseline(root);
    faults_.throw_if_any();
    load_members();
    faults_.throw_if_any();
    return std::move(sweep_);
  }

 private:
  static bool has(const std::vector<Change>& changes, const std::string& key) {
    return std::ranges::find(changes, key, &Change::key) != changes.end();
  }

  static const JsonValue* find(const JsonValue& object, const std::string& key) {
    const auto found = std::ranges::find(object.members, key, &JsonMember::key);
    return found == object.members.end() ? nullptr : &found->value;
  }

  void fault(const std::string& key, const std::string& value, const std::string& message) {
    faults_.add(source_, key, value, message);
  }

  void check_keys(const JsonValue& object, const std::string& prefix,
                  const std::vector<std::string>& known) {
    std::set<std::string> seen;
    for (const auto& [key, value] : object.members) {
      if (std::ranges::find(known, key) == known.end()) {
        fault(prefix + key, value.shown(), "unknown key" + choice_hint(key, known));
      } else if (!seen.insert(key).second) {
        fault(prefix + key, value.shown(), "this key stands here twice; keep one");
      }
    }
  }

  /// A text that is not empty, where the key is there.
  std::optional<std::string> text(const JsonValue& object, const std::string& key,
                                  const std::string& prefix = "") {
    const auto* value = find(object, key);
    if (value == nullptr) return std::nullopt;
    if (value->kind == Kind::text && !value->text.empty()) return value->text;
    fault(prefix + key, value->shown(),
          value->kind == Kind::text ? "is empty; write a text, or remove the key"
                                    : "expected a text, not " + value->kind_text());
    return std::nullopt;
  }

  void read_base(const JsonValue& root) {
    const auto base = text(root, "base");
    if (find(root, "base") == nullptr) {
      fault("base", "",
            "missing; name the run config that all members change, relative to this "
            "file");
    }
    if (!base) return;
    sweep_.base = (file_.parent_path() / *base).lexically_normal();
    if (!fs::is_regular_file(sweep_.base)) {
      fault(
          "base", aero::quoted(*base),
          "there is no file " + sweep_.base.string() + "; the path is relative to the sweep file");
    }
  }

  /// A value of a config key, or a fault.
  std::optional<Change> change(const std::string& key, const JsonValue& value,
                               const std::string& path) {
    const auto refuse = [&](const std::string& message) {
      fault(path, value.shown(), message);
      return std::nullopt;
    };
    if (key == "seed") return refuse("belongs in \"seeds\"");
    if (key == "run.folder") {
      return refuse("run folders follow from \"folder\", name and seed; remove this key");
    }
    switch (value.kind) {
      case Kind::boolean:
      case Kind::integer:
      case Kind::real:
        return Change{key, value.shown(), value.shown()};
      case Kind::text:
        return Change{key, value.text, aero::quoted(value.text)};
      case Kind::array:
        return list_change(key, value, path);
      case Kind::object:
        return refuse("expected the value of one key; write the key in full, as in \"" + key +
                      ".KEY\"");
      case Kind::null:
        break;
    }
    return refuse("expected a value");
  }

  std::optional<Change> list_change(const std::string& key, const JsonValue& value,
                                    const std::string& path) {
    Change list{key, "", ""};
    for (const auto& [no_key, item] : value.members) {
      const auto part = change(key, item, path);
      if (!part) return std::nullopt;
      list.value += (list.value.empty() ? "" : ",") + part->value;
      list.json += (list.json.empty() ? "" : ", ") + part->json;
    }
    list.json = "[" + list.json + "]";
    return list;
  }

  /// {"section.key": value, ...}
  std::vector<Change> changes(const JsonValue& object, const std::string& path) {
    std::vector<Change> list;
    if (object.kind != Kind::object) {
      fault(path, object.shown(), "expected {\"section.key\": value}, not " + object.kind_text());
      return list;
    }
    for (const auto& [key, value] : object.members) {
      std::string place = path;
      place.append(": ").append(key);
      if (has(list, key)) {
        fault(place, value.shown(), "this key stands here twice; keep one");
      } else if (const auto one = change(key, value, place)) {
        list.push_back(*one);
      }
    }
    return list;
  }

  void read_entries(const JsonValue& root) {
    const auto* runs = find(root, "runs");
    if (runs == nullptr) {
      entries_.push_back({"base", {}});
      return;
    }
    if (runs->kind != Kind::array || runs->members.empty()) {
      fault("runs", runs->shown(),
            "expected a list of members, as [\"SM+LN+G\", {\"name\": \"clipped\", \"set\": "
            "{\"train.clip\": 1}}]");
      return;
    }
    for (const auto& [no_key, value] : runs->members) read_entry(value);
  }

  void read_entry(const JsonValue& value) {
    if (value.kind == Kind::text && !value.text.empty()) {
      const Change architecture{"model.architecture", value.text, aero::quoted(value.text)};
      entries_.push_back({value.text, {architecture}});
      return;
    }
    if (value.kind != Kind::object) {
      fault("runs", value.shown(),
            R"(expected the name of an architecture, or {"name": ..., "set": {...}})");
      return;
    }
    const std::string name = text(value, "name", "runs: ").value_or("");
    if (find(value, "name") == nullptr) {
      fault("runs", value.shown(), "a member without a name; add \"name\"");
    }
    const std::string path = "runs: " + aero::quoted(name);
    check_keys(value, path + ": ", {"name", "set"});
    const auto* set = find(value, "set");
    auto list = set == nullptr ? std::vector<Change>{} : changes(*set, path + ": set");
    if (!name.empty()) entries_.push_back({name, std::move(list)});
  }

  void read_grid(const JsonValue& root) {
    const auto* grid = find(root, "grid");
    if (grid == nullptr) return;
    if (grid->kind != Kind::object) {
      fault("grid", grid->shown(),
            "expected {\"section.key\": [values]}, not " + grid->kind_text());
      return;
    }
    std::set<std::string> seen;
    for (const auto& [key, values] : grid->members) {
      const std::string path = "grid: " + key;
      if (!seen.insert(key).second) {
        fault(path, values.shown(), "this key stands here twice; keep one");
      } else if (values.kind != Kind::array || values.members.empty()) {
        fault(path, values.shown(), "expected a list of values, as [0, 0.1]");
      } else {
        cross(key, values, path);
      }
    }
  }

  /// Replaces every entry by one for each value.
  void cross(const std::string& key, const JsonValue& values, const std::string& path) {
    std::vector<Change> choices;
    for (const auto& [no_key, value] : values.members) {
      if (const auto one = change(key, value, path)) choices.push_back(*one);
    }
    std::vector<Entry> crossed;
    for (const Entry& entry : entries_) {
      if (has(entry.changes, key)) {
        fault(path, values.shown(),
              "the run " + aero::quoted(entry.name) + " sets this key; keep one");
      }
      for (const Change& choice : choices) {
        crossed.push_back(entry);
        crossed.back().name += " " + last_part(key) + "=" + choice.value;
        crossed.back().changes.push_back(choice);
      }
    }
    entries_ = std::move(crossed);
  }

  void check_names() {
    std::map<std::string, std::string> folders;
    for (const Entry& entry : entries_) {
      const auto [other, is_new] = folders.emplace(slug(entry.name), entry.name);
      if (is_new) continue;
      fault("runs", aero::quoted(entry.name),
            other->second == entry.name ? "two members have this name; rename one"
                                        : "has the folder of " + aero::quoted(other->second) +
                                              ", " + other->first + "; rename one");
    }
  }

  void read_seeds(const JsonValue& root) {
    const auto* seeds = find(root, "seeds");
    if (seeds == nullptr) return;
    if (seeds->kind != Kind::array || seeds->members.empty()) {
      fault("seeds", seeds->shown(), "expected a list of integers, as [1, 2, 3]");
      return;
    }
    for (const auto& [no_key, seed] : seeds->members) {
      if (seed.kind != Kind::integer || seed.integer < 0) {
        fault("seeds", seed.shown(), "expected an integer, at least 0");
      } else if (std::ranges::find(sweep_.seeds, seed.integer) != sweep_.seeds.end()) {
        fault("seeds", seed.shown(), "stands here twice; keep one");
      } else {
        sweep_.seeds.push_back(seed.integer);
      }
    }
  }

  void read_baseline(const JsonValue& root) {
    const auto baseline = text(root, "baseline");
    if (!baseline) return;
    const auto found = std::ranges::find(entries_, *baseline, &Entry::name);
    if (found == entries_.end()) {
      std::vector<std::string> names;
      for (const Entry& entry : entries_) names.push_back(entry.name);
      fault("baseline", aero::quoted(*baseline),
            "no member has this name" + choice_hint(*baseline, names));
      return;
    }
    sweep_.baseline = static_cast<std::size_t>(found - entries_.begin());
  }

  void load_members() {
    for (const Entry& entry : entries_) {
      try {
        const auto overrides = overrides_of(set_, entry.changes);
        sweep_.members.push_back(
            {entry.name, slug(entry.name), entry.changes, load_config(sweep_.base, overrides)});
      } catch (const UsageError& error) {
        add_config_faults(entry, error.what());
      }
    }
    if (sweep_.seeds.empty() && !sweep_.members.empty()) {
      sweep_.seeds.push_back(sweep_.members.front().config.seed);
    }
  }

  /// Tells the loader's faults once each, those of overrides under the place that set them.
  void add_config_faults(const Entry& entry, const std::string& message) {
    const std::string own_place = "runs: " + aero::quoted(entry.name) + ": ";
    for (std::size_t start = 0; start < message.size();) {
      const std::size_t end = std::min(message.find('\n', start), message.size());
      std::string line = message.substr(start, end - start);
      start = end + 1;
      bool of_all = false;
      if (line.starts_with(source_of_overrides)) {
        line.erase(0, source_of_overrides.size());
        const std::string key = line.substr(0, line.find(':'));
        of_all = has(set_, key) && !has(entry.changes, key);
      }
      line.insert(0, of_all ? "set: " : own_place);
      if (told_.insert(line).second) faults_.add_unreadable(source_, line);
    }
  }

  fs::path file_;
  std::string source_;
  Faults faults_;
  std::set<std::string> told_;
  Sweep sweep_;
  std::vector<Change> set_;
  std::vector<Entry> entries_;
};

}  // namespace

Sweep load_sweep(const fs::path& file) {
  std::string text;
  try {
    text = read_file(file);
  } catch (const Error& error) {
    throw UsageError(error.what());
  }
  return parse_sweep(text, file);
}

Sweep parse_sweep(const std::string& text, const fs::path& file) {
  JsonValue root;
  try {
    root = parse_json(text);
  } catch (const JsonError& error) {
    throw UsageError(file.string() + ": " + error.what());
  }
  if (root.kind != Kind::object) {
    throw UsageError(file.string() + ": a sweep is an object {...}, not " + root.kind_text());
  }
  return SweepReader(file).read(root);
}

RunConfig run_config(const Sweep& sweep, const Member& member, std::int64_t seed) {
  RunConfig config = member.config;
  config.seed = seed;
  config.run.folder = (sweep.folder / member.folder / ("seed-" + std::to_string(seed))).string();
  return config;
}

std::string slug(std::string_view name) {
  std::string text(name);
  for (char& c : text) {
    const bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    if (!letter && std::string_view("+_.=()-").find(c) == std::string_view::npos) c = '-';
  }
  if (text.starts_with('.')) text.front() = '-';
  return text;
}

}  // namespace aero::pipeline
