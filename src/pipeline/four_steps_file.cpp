#include "aero/pipeline/four_steps_file.h"

#include "aero/config/loader.h"
#include "aero/config/suggest.h"
#include "aero/core/error.h"
#include "aero/core/text.h"
#include "aero/jobs/output_folder.h"

#include "description_reader.h"
#include "four_steps_baseline.h"
#include "four_steps_candidates.h"
#include "four_steps_paths.h"

#include <algorithm>
#include <set>
#include <sstream>

namespace aero::pipeline {
namespace {

namespace fs = std::filesystem;

const std::string source_of_overrides = "command line: ";

/// Says why a pipeline sets this key itself; empty for any other key.
std::string set_by_pipeline(const std::string& key) {
  if (key == "run.folder") return R"(run folders follow from "folder", model and seed; remove it)";
  if (key == "train.warm_start") {
    return R"(the pipeline sets this key; write "warm_start": true beside "base")";
  }
  return "";
}

class PlanReader : private DescriptionReader {
 public:
  PlanReader(const fs::path& file, const std::vector<Override>& overrides)
      : DescriptionReader(file), overrides_(overrides) {
    plan_.file = file;
    plan_.name = slug(file.stem().string());
  }

  FourSteps read(const JsonValue& root, const CostChoice& cost) {
    check_keys(root, "", keys());
    plan_.folder = text(root, "folder").value_or("runs/" + plan_.name);
    const auto folder = jobs::path_fault(plan_.folder / ".pipeline.json.tmp-0000000000");
    if (!folder.empty()) {
      fault("folder", aero::quoted(plan_.folder.string()), folder + "; name another folder");
    }
    plan_.base = read_base(root);
    if (const auto* set = find(root, "set")) set_ = changes(*set, "set");
    plan_.seeds = read_seeds(root);
    read_switches(root);
    read_candidates(root, "without_norm", plan_.without_norm);
    read_candidates(root, "without_activation", plan_.without_activation);
    read_candidates(root, "regularised", plan_.regularised);
    check_attentions();
    check_overrides();
    plan_.pricings = read_pricings(root, cost);
    faults_.throw_if_any();
    load_baseline(root);
    faults_.throw_if_any();
    for (const auto& line : path_faults(plan_)) faults_.add_unreadable(source_, line);
    faults_.throw_if_any();
    return std::move(plan_);
  }

 private:
  static const std::vector<std::string>& keys() {
    static const std::vector<std::string> names{
        "$schema",    "base",       "folder", "set",     "seeds",        "baseline",
        "warm_start", "tolerance",  "cost",   "network", "without_norm", "without_activation",
        "max_pruned", "regularised"};
    return names;
  }

  std::string reason_to_refuse(const std::string& key) const override {
    auto reason = set_by_pipeline(key);
    if (reason.empty()) reason = DescriptionReader::reason_to_refuse(key);
    if (reason.empty() && std::ranges::find(keys(), key) != keys().end()) {
      reason = R"(is a key of the pipeline; write it beside "base")";
    }
    if (reason.empty() && key.find('.') == std::string::npos) {
      reason = "expected a key written in full, as in \"train.batch_size\"";
    }
    return reason;
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

  /// Leaves `candidates` empty where the key is missing; the defaults then apply.
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
            "this step changes the attention alone; name its form" +
                choice_hint(candidate.architecture, known));
    }
  }

  void check_overrides() {
    for (const Override& override_text : overrides_) {
      const auto key = override_text.substr(0, override_text.find('='));
      const auto reason = set_by_pipeline(key);
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
            fmt::format("the model has {} layers", model.n_layer));
    }
    if (!given_.contains("without_norm")) plan_.without_norm = default_without_norm(model);
    if (!given_.contains("without_activation")) {
      plan_.without_activation = default_without_activation(model);
    }
    if (!given_.contains("regularised")) plan_.regularised = default_regularised();
    read_loaded(root);
  }

  /// Adds the loader's faults. Names "set" as the place of a fault in a key that it sets.
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

  const std::vector<Override>& overrides_;
  FourSteps plan_;
  std::set<std::string> given_;
  std::vector<Change> set_;
  const JsonValue* max_pruned_ = nullptr;
};

}  // namespace

FourSteps load_four_steps(const fs::path& file, const std::vector<Override>& overrides,
                          const CostChoice& cost) {
  return parse_four_steps(read_description(file), file, overrides, cost);
}

FourSteps parse_four_steps(const std::string& text, const fs::path& file,
                           const std::vector<Override>& overrides, const CostChoice& cost) {
  constexpr JsonKind kind{"a pipeline", "docs/pipeline.md has the keys that belong there"};
  const auto root = parse_description(text, file, kind);
  return PlanReader(file, overrides).read(root, cost);
}

}  // namespace aero::pipeline
