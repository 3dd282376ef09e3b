#include "aero/pipeline/sweep.h"

#include "aero/config/loader.h"
#include "aero/config/suggest.h"
#include "aero/core/error.h"
#include "aero/core/text.h"
#include "aero/jobs/output_folder.h"
#include "aero/report/report.h"

#include "description_reader.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>

namespace aero::pipeline {
namespace {

namespace fs = std::filesystem;
const std::string source_of_overrides = "command line: ";

std::string last_part(const std::string& key) {
  return key.substr(key.rfind('.') + 1);
}

/// A member before its config is loaded.
struct Entry {
  std::string name;
  std::vector<Change> changes;
};

/// Lists the overrides of both; `second` wins where a key is in both.
std::vector<Override> overrides_of(const std::vector<Change>& first,
                                   const std::vector<Change>& second) {
  std::vector<Override> overrides;
  for (const auto* changes : {&first, &second}) {
    for (const Change& change : *changes) overrides.push_back(change.key + "=" + change.value);
  }
  return overrides;
}

class SweepReader : private DescriptionReader {
 public:
  explicit SweepReader(const fs::path& file) : DescriptionReader(file) {}

  Sweep read(const JsonValue& root, const CostChoice& cost) {
    check_keys(root, "", keys());
    sweep_.file = file_;
    sweep_.name = text(root, "name").value_or(slug(file_.stem().string()));
    if (slug(sweep_.name) != sweep_.name) {
      fault("name", aero::quoted(sweep_.name),
            "names files; use letters, digits and +_.=()- only, as in " +
                aero::quoted(slug(sweep_.name)));
    }
    sweep_.folder = text(root, "folder").value_or("runs/" + sweep_.name);
    sweep_.base = read_base(root);
    if (const auto* set = find(root, "set")) set_ = changes(*set, "set");
    read_entries(root);
    read_grid(root);
    sweep_.seeds = read_seeds(root);
    read_baseline(root);
    sweep_.pricings = read_pricings(root, cost);
    check_names();
    check_paths();
    faults_.throw_if_any();
    load_members();
    faults_.throw_if_any();
    return std::move(sweep_);
  }

 private:
  static const std::vector<std::string>& keys() {
    static const std::vector<std::string> names{"$schema",  "name", "base",   "folder",
                                                "set",      "runs", "grid",   "seeds",
                                                "baseline", "cost", "network"};
    return names;
  }

  std::string reason_to_refuse(const std::string& key) const override {
    if (std::ranges::find(keys(), key) != keys().end()) {
      return R"(is a key of the sweep; write it beside "base")";
    }
    return DescriptionReader::reason_to_refuse(key);
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
      fault("runs", value.shown(), R"(this member has no name; add "name")");
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
            R"(expected {"section.key": [values]}, not )" + grid->kind_text());
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

  /// Replaces every entry by one entry for each value.
  void cross(const std::string& key, const JsonValue& values, const std::string& path) {
    std::vector<Change> choices;
    for (const auto& [no_key, value] : values.members) {
      if (const auto one = change(key, value, path)) choices.push_back(*one);
    }
    std::vector<Entry> crossed;
    for (const Entry& entry : entries_) {
      if (has(entry.changes, key)) {
        fault(path, values.shown(),
              fmt::format("the run {} sets this key, too; keep one", aero::quoted(entry.name)));
      }
      for (const Change& choice : choices) {
        crossed.push_back(entry);
        crossed.back().name += fmt::format(" {}={}", last_part(key), choice.value);
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
                                        : fmt::format("has the folder of {}, {}; rename one",
                                                      aero::quoted(other->second), other->first));
    }
  }

  /// Finds the paths that the file system would refuse only after hours of training.
  void check_paths() {
    const auto folder = jobs::path_fault(sweep_.folder / ".aero");
    if (!folder.empty()) {
      fault("folder", aero::quoted(sweep_.folder.string()), folder + "; name another folder");
      return;
    }
    const auto longest =
        fmt::format(".{}.json.tmp-0000000000", table_name(sweep_.name, sweep_.pricings));
    const auto tables = jobs::path_fault(sweep_.folder / longest);
    if (!tables.empty()) {
      fault("name", aero::quoted(sweep_.name),
            fmt::format("its tables would have {}; shorten it", tables));
    }
    for (const Entry& entry : entries_) {
      const auto place = sweep_.folder / slug(entry.name);
      const auto run = jobs::run_path_fault(place / "seed-0000000000000000000");
      if (!run.empty()) {
        fault("runs", aero::quoted(entry.name),
              fmt::format("its runs would have {}; give it a shorter name", run));
      } else if (is_table(slug(entry.name))) {
        fault("runs", aero::quoted(entry.name),
              fmt::format("its folder would be {}, where a table goes; rename it", place.string()));
      }
    }
  }

  /// Whether the name is a table's, NAME.md or NAME.aero_papers.json, of any cost model.
  bool is_table(const std::string& folder) const {
    constexpr std::array endings{".md", ".csv", ".json"};
    return folder.starts_with(sweep_.name + ".") &&
           std::ranges::any_of(endings, [&](const char* end) { return folder.ends_with(end); });
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
        check_costs(sweep_.members.back().config);
      } catch (const UsageError& error) {
        add_config_faults(entry, error.what());
      }
    }
    if (sweep_.seeds.empty() && !sweep_.members.empty()) {
      sweep_.seeds.push_back(sweep_.members.front().config.seed);
    }
  }

  /// Computes what the tables need of a member, so that a fault shows up before its runs.
  void check_costs(const RunConfig& config) const {
    report::make_report(config);
    sweep_.pricings.own.charge(config.model);
    if (sweep_.pricings.asked) sweep_.pricings.asked->charge(config.model);
  }

  /// Reports each of the loader's faults once. A fault in an override is reported under the place
  /// that sets it.
  void add_config_faults(const Entry& entry, const std::string& message) {
    const auto own_place = fmt::format("runs: {}: ", aero::quoted(entry.name));
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
      if (reported_.insert(line).second) faults_.add_unreadable(source_, line);
    }
  }

  std::set<std::string> reported_;
  Sweep sweep_;
  std::vector<Change> set_;
  std::vector<Entry> entries_;
};

}  // namespace

Sweep load_sweep(const fs::path& file, const CostChoice& cost) {
  return parse_sweep(read_description(file), file, cost);
}

Sweep parse_sweep(const std::string& text, const fs::path& file, const CostChoice& cost) {
  constexpr JsonKind kind{"a sweep", "docs/ablate.md has the keys that belong there"};
  return SweepReader(file).read(parse_description(text, file, kind), cost);
}

RunConfig run_config(const Sweep& sweep, const Member& member, std::int64_t seed) {
  RunConfig config = member.config;
  config.seed = seed;
  config.run.folder = (sweep.folder / member.folder / fmt::format("seed-{}", seed)).string();
  return config;
}

std::string table_name(const std::string& name, const Pricings& pricings) {
  const auto label = pricings.asked ? pricings.asked->label() : "";
  return label.empty() ? name : fmt::format("{}.{}", name, slug(label));
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
