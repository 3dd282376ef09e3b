#include "aero/pipeline/four_steps_plan.h"

#include "aero/config/faults.h"
#include "aero/config/json_value.h"
#include "aero/config/suggest.h"
#include "aero/core/error.h"
#include "aero/core/files.h"

#include "four_steps_baseline.h"
#include "four_steps_candidates.h"
#include "four_steps_paths.h"
#include <algorithm>
#include <functional>
#include <optional>
#include <set>
#include <sstream>

namespace aero::pipeline {
namespace {

namespace fs = std::filesystem;
using Kind = JsonValue::Kind;

const std::string source_of_overrides = "command line: ";

/// What a pipeline decides itself, by key; empty for any other key.
std::string reason_to_refuse(const std::string& key) {
  if (key == "run.folder") return R"(run folders follow from "folder", model and seed; remove it)";
  if (key == "train.warm_start") {
    return R"(the pipeline sets it; write "warm_start": true beside "base")";
  }
  return "";
}

class PlanReader {
 public:
  PlanReader(const fs::path& file, const std::vector<Override>& overrides)
      : source_(file.string()), overrides_(overrides) {
    plan_.file = file;
    plan_.name = slug(file.stem().string());
  }

  FourSteps read(const JsonValue& root) {
    check_keys(root, "",
               {"$schema", "base", "folder", "set", "seeds", "baseline", "warm_start", "tolerance",
                "without_norm", "without_activation", "max_pruned", "regularised"});
    plan_.folder = text(root, "folder").value_or("runs/" + plan_.name);
    read_base(root);
    if (const auto* set = find(root, "set")) set_ = changes(*set, "set");
    read_seeds(root);
    read_switches(root);
    read_candidates(root, "without_norm", plan_.without_norm);
    read_candidates(root, "without_activation", plan_.without_activation);
    read_candidates(root, "regularised", plan_.regularised);
    check_attentions();
    check_overrides();
    faults_.throw_if_any();
    load_baseline(root);
    faults_.throw_if_any();
    for (const auto& line : path_faults(plan_)) faults_.add_unreadable(source_, line);
    faults_.throw_if_any();
    return std::move(plan_);
  }

 private:
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

  /// The value of a key of this kind, where it is there.
  const JsonValue* typed(const JsonValue& object, const std::string& key, const std::string& prefix,
                         const std::function<bool(const JsonValue&)>& fits,
                         const std::string& expected) {
    const auto* value = find(object, key);
    if (value == nullptr || fits(*value)) return value;
    fault(prefix + key, value->shown(), "expected " + expected);
    return nullptr;
  }

  std::optional<std::string> text(const JsonValue& object, const std::string& key,
                                  const std::string& prefix = "") {
    const auto* value = typed(
        object, key, prefix,
        [](const JsonValue& v) { return v.kind == Kind::text && !v.text.empty(); },
        "a text that is not empty");
    return value == nullptr ? std::nullopt : std::optional(value->text);
  }

  void read_base(const JsonValue& root) {
    const auto base = text(root, "base");
    if (find(root, "base") == nullptr) {
      fault("base", "", "missing; name the run config of the baseline, relative to this file");
    }
    if (!base) return;
    plan_.base = (plan_.file.parent_path() / *base).lexically_normal();
    if (fs::is_regular_file(plan_.base)) return;
    fault("base", aero::quoted(*base),
          "there is no file " + plan_.base.string() + "; the path is relative to this file");
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
      } else if (std::ranges::find(plan_.seeds, seed.integer) != plan_.seeds.end()) {
        fault("seeds", seed.shown(), "stands here twice; keep one");
      } else {
        plan_.seeds.push_back(seed.integer);
      }
    }
  }

  void read_switches(const JsonValue& root) {
    const auto is_share = [](const JsonValue& v) {
      return (v.kind == Kind::real && v.real >= 0) || (v.kind == Kind::integer && v.integer >= 0);
    };
    const auto is_count = [](const JsonValue& v) {
      return v.kind == Kind::integer && v.integer >= 0;
    };
    const auto is_boolean = [](const JsonValue& v) { return v.kind == Kind::boolean; };
    if (const auto* value = typed(root, "warm_start", "", is_boolean, "true or false")) {
      plan_.warm_start = value->boolean;
    }
    if (const auto* value = typed(root, "tolerance", "", is_share,
                                  "a number, at least 0: 0.01 allows 1% more perplexity")) {
      plan_.tolerance =
          value->kind == Kind::real ? value->real : static_cast<double>(value->integer);
    }
    max_pruned_ = typed(root, "max_pruned", "", is_count, "an integer, at least 0");
  }

  std::optional<Change> change(const std::string& key, const JsonValue& value,
                               const std::string& place) {
    auto reason = reason_to_refuse(key);
    if (key == "seed") reason = R"(belongs in "seeds")";
    if (key.find('.') == std::string::npos && reason.empty()) {
      reason = "expected a key written in full, as in \"train.batch_size\"";
    }
    if (reason.empty()) {
      switch (value.kind) {
        case Kind::boolean:
        case Kind::integer:
        case Kind::real:
          return Change{key, value.shown(), value.shown()};
        case Kind::text:
          return Change{key, value.text, aero::quoted(value.text)};
        case Kind::array:
          return list_change(key, value, place);
        case Kind::object:
        case Kind::null:
          reason = "expected the value of one key, not " + value.kind_text();
      }
    }
    fault(place, value.shown(), reason);
    return std::nullopt;
  }

  std::optional<Change> list_change(const std::string& key, const JsonValue& value,
                                    const std::string& place) {
    Change list{key, "", ""};
    for (const auto& [no_key, item] : value.members) {
      const auto part = change(key, item, place);
      if (!part) return std::nullopt;
      list.value += (list.value.empty() ? "" : ",") + part->value;
      list.json += (list.json.empty() ? "" : ", ") + part->json;
    }
    list.json = "[" + list.json + "]";
    return list;
  }

  /// {"section.key": value, ...}
  std::vector<Change> changes(const JsonValue& object, const std::string& place) {
    std::vector<Change> list;
    if (object.kind != Kind::object) {
      fault(place, object.shown(), "expected {\"section.key\": value}, not " + object.kind_text());
      return list;
    }
    for (const auto& [key, value] : object.members) {
      std::string path = place;
      path.append(": ").append(key);
      if (std::ranges::find(list, key, &Change::key) != list.end()) {
        fault(path, value.shown(), "this key stands here twice; keep one");
      } else if (const auto one = change(key, value, path)) {
        list.push_back(*one);
      }
    }
    return list;
  }

  /// Leaves `candidates` empty, for the defaults, where the key is not there.
  void read_candidates(const JsonValue& root, const std::string& key,
                       std::vector<Candidate>& candidates) {
    const auto* list = find(root, key);
    if (list == nullptr) return;
    given_.insert(key);
    const bool may_be_empty = key == "regularised";
    if (list->kind != Kind::array || (list->members.empty() && !may_be_empty)) {
      fault(key, list->shown(), "expected a list of architectures to try");
      return;
    }
    for (const auto& [no_key, value] : list->members) {
      if (value.kind == Kind::text && !value.text.empty()) {
        candidates.push_back({value.text, ""});
      } else if (value.kind == Kind::object) {
        read_candidate(value, key, candidates);
      } else {
        fault(key, value.shown(),
              R"(expected an architecture, or {"architecture": ..., "name": ..., "set": {...}})");
      }
    }
  }

  void read_candidate(const JsonValue& value, const std::string& key,
                      std::vector<Candidate>& candidates) {
    const auto architecture = text(value, "architecture", key + ": ");
    if (find(value, "architecture") == nullptr) {
      fault(key, value.shown(), R"(lacks "architecture")");
    }
    const std::string place = key + ": " + aero::quoted(architecture.value_or("")) + ": ";
    check_keys(value, place, {"architecture", "name", "set"});
    Candidate candidate{architecture.value_or(""), text(value, "name", place).value_or("")};
    if (const auto* set = find(value, "set")) candidate.set = changes(*set, place + "set");
    if (std::ranges::find(candidate.set, "model.architecture", &Change::key) !=
        candidate.set.end()) {
      fault(place + "set: model.architecture", "", R"(stands in "architecture"; remove it here)");
    }
    if (architecture) candidates.push_back(std::move(candidate));
  }

  void check_attentions() {
    const auto known = attention_names();
    for (const Candidate& candidate : plan_.regularised) {
      if (std::ranges::find(known, candidate.architecture) != known.end()) continue;
      fault("regularised", aero::quoted(candidate.architecture),
            "says what becomes of the attention, the rest stays" +
                choice_hint(candidate.architecture, known));
    }
  }

  void check_overrides() {
    for (const Override& override_text : overrides_) {
      const auto key = override_text.substr(0, override_text.find('='));
      const auto reason = reason_to_refuse(key);
      if (!reason.empty()) faults_.add("command line", key, "", reason);
    }
  }

  void load_baseline(const JsonValue& root) {
    std::vector<Override> all;
    for (const Change& change : set_) all.push_back(change.key + "=" + change.value);
    all.insert(all.end(), overrides_.begin(), overrides_.end());
    try {
      plan_.baseline = load_config(plan_.base, all);
    } catch (const UsageError& error) {
      add_config_faults(error.what());
      return;
    }
    if (plan_.seeds.empty()) plan_.seeds.push_back(plan_.baseline.seed);
    const auto& model = plan_.baseline.model;
    plan_.max_pruned = max_pruned_ != nullptr ? max_pruned_->integer : model.n_layer;
    if (plan_.max_pruned > model.n_layer) {
      fault("max_pruned", std::to_string(plan_.max_pruned),
            "the model has " + std::to_string(model.n_layer) + " layers");
    }
    if (!given_.contains("without_norm")) plan_.without_norm = default_without_norm(model);
    if (!given_.contains("without_activation")) {
      plan_.without_activation = default_without_activation(model);
    }
    if (!given_.contains("regularised")) plan_.regularised = default_regularised();
    read_loaded(root);
  }

  /// The loader's faults, those of overrides under the place that set them.
  void add_config_faults(const std::string& message) {
    std::istringstream lines(message);
    for (std::string line; std::getline(lines, line);) {
      if (line.starts_with(source_of_overrides)) {
        const auto rest = line.substr(source_of_overrides.size());
        const auto key = rest.substr(0, rest.find(':'));
        if (std::ranges::find(set_, key, &Change::key) != set_.end()) line = "set: " + rest;
      }
      faults_.add_unreadable(source_, line);
    }
  }

  void read_loaded(const JsonValue& root) {
    const auto loaded = text(root, "baseline");
    if (!loaded) return;
    plan_.loaded = *loaded;
    try {
      const auto conflict = baseline_conflict(plan_);
      if (!conflict.empty()) fault("baseline", aero::quoted(*loaded), conflict);
    } catch (const Error& error) {
      fault("baseline", aero::quoted(*loaded), error.what());
    }
  }

  std::string source_;
  const std::vector<Override>& overrides_;
  FourSteps plan_;
  Faults faults_;
  std::set<std::string> given_;
  std::vector<Change> set_;
  const JsonValue* max_pruned_ = nullptr;
};

}  // namespace

FourSteps load_four_steps(const fs::path& file, const std::vector<Override>& overrides) {
  std::string text;
  try {
    text = read_file(file);
  } catch (const Error& error) {
    throw UsageError(error.what());
  }
  return parse_four_steps(text, file, overrides);
}

FourSteps parse_four_steps(const std::string& text, const fs::path& file,
                           const std::vector<Override>& overrides) {
  JsonValue root;
  try {
    root = parse_json(text);
  } catch (const JsonError& error) {
    throw UsageError(file.string() + ": " + error.what());
  }
  if (root.kind != Kind::object) {
    throw UsageError(file.string() + ": a pipeline is an object {...}, not " + root.kind_text());
  }
  return PlanReader(file, overrides).read(root);
}

}  // namespace aero::pipeline
