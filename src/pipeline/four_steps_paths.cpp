#include "four_steps_paths.h"

#include "aero/config/checks.h"
#include "aero/config/json_value.h"
#include "aero/core/error.h"
#include "aero/core/text.h"
#include "aero/jobs/output_folder.h"
#include "aero/report/report.h"

#include "four_steps_candidates.h"
#include "measurement.h"

#include <algorithm>
#include <optional>
#include <sstream>

namespace aero::pipeline {
namespace {

const std::string source_of_overrides = "command line: ";

using Check = std::function<std::string(const RunConfig&)>;

class PathCheck {
 public:
  PathCheck(const FourSteps& plan, const Check& more_faults)
      : plan_(plan), more_faults_(more_faults) {}

  std::vector<std::string> faults() {
    check("baseline", plan_.baseline);
    for (const Member& first :
         members("without_norm", plan_.without_norm, without_norm, plan_.baseline)) {
      for (const Member& second : members("without_activation", plan_.without_activation,
                                          without_activation, first.config)) {
        const Member third = pruned(fused(second.config).config, plan_.max_pruned);
        for (const auto& fault : find_faults(third.config)) add(third.name, fault);
        members("regularised", plan_.regularised, regularised, third.config);
      }
    }
    return std::move(faults_);
  }

 private:
  /// Adds a fault once, even where several paths meet it.
  void add(const std::string& place, const std::string& fault) {
    const bool has_source = fault.starts_with(source_of_overrides);
    const auto line =
        fmt::format("{}: {}", place, has_source ? fault.substr(source_of_overrides.size()) : fault);
    if (std::ranges::find(faults_, line) == faults_.end()) faults_.push_back(line);
  }

  /// Adds what the cost models lack for a model, what cannot be counted, and what else is wrong.
  void check(const std::string& place, const RunConfig& config) {
    try {
      report::make_report(config);
      plan_.pricings.own.charge(config.model);
      if (plan_.pricings.asked) plan_.pricings.asked->charge(config.model);
      const auto more = more_faults_ ? more_faults_(config) : "";
      if (!more.empty()) add(place, more);
    } catch (const UsageError& error) {
      add(place, error.what());
    }
  }

  /// Makes the candidates of a step from one model, without the faulty ones.
  std::vector<Member> members(const std::string& key, const std::vector<Candidate>& candidates,
                              Member (*make)(const Candidate&, const RunConfig&),
                              const RunConfig& before) {
    std::vector<Member> list;
    for (const Candidate& candidate : candidates) {
      const std::string place = key + ": " + aero::quoted(candidate.architecture);
      try {
        Member member = make(candidate, before);
        if (std::ranges::find(list, member.folder, &Member::folder) != list.end()) {
          add(place, fmt::format(R"(another candidate has the folder {} too; give each a "name")",
                                 member.folder));
        }
        check(place, member.config);
        for (const auto& [key, value] :
             difference(measurement_of(member.config), measurement_of(before))) {
          add(place,
              fmt::format(
                  "set: {}: {}: its perplexity would be of other tokens than the baseline's, "
                  "and the two would not compare; set this key for all models",
                  key, value));
        }
        const auto path =
            jobs::run_path_fault(plan_.folder / member.folder / "seed-0000000000000000000");
        if (!path.empty()) {
          add(place, fmt::format(R"(its runs would have {}; give it a "name")", path));
        }
        list.push_back(std::move(member));
      } catch (const UsageError& error) {
        std::istringstream lines(error.what());
        for (std::string line; std::getline(lines, line);) add(place, line);
      }
    }
    return list;
  }

  const FourSteps& plan_;
  const Check& more_faults_;
  std::vector<std::string> faults_;
};

}  // namespace

std::vector<std::string> path_faults(const FourSteps& plan, const Check& more_faults) {
  return PathCheck(plan, more_faults).faults();
}

}  // namespace aero::pipeline
