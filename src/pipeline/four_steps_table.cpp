#include "aero/core/text.h"
#include "aero/pipeline/four_steps_replay.h"
#include "aero/pipeline/sweep_table.h"

#include "numbers.h"

#include <nlohmann/json.hpp>

#include <cstdint>

namespace aero::pipeline {
namespace {

using Json = nlohmann::ordered_json;

SweepResult as_sweep(const FourSteps& plan, const std::vector<MemberResult>& members) {
  return {plan.name, plan.base, "", members};
}

/// Lists the model after each decision, under the name of what changed.
std::vector<MemberResult> milestones(const Replay& replay) {
  constexpr int fusing = 3;
  std::vector<MemberResult> list;
  const auto add = [&list](const MemberResult& result, const std::string& name) {
    list.push_back(result);
    list.back().name = name;
  };
  for (const StepResult& step : replay.steps) {
    if (!step.kept) continue;
    const std::string number = std::to_string(step.number) + " ";
    const bool is_pruned = step.number == fusing && *step.kept > 0;
    if (step.number == fusing) add(step.candidates.front(), number + "FFN fused");
    if (is_pruned) add(step.candidates[*step.kept], number + "FFN pruned");
    if (step.number != fusing) add(step.candidates[*step.kept], number + step.title);
  }
  return list;
}

std::string seeds_text(const FourSteps& plan) {
  std::string text = plan.seeds.size() == 1 ? "Seed" : "Seeds";
  for (const std::int64_t seed : plan.seeds) {
    text += (seed == plan.seeds.front() ? " " : ", ") + std::to_string(seed);
  }
  return text;
}

std::string decision_text(const StepResult& step) {
  if (step.kept)
    return fmt::format("Kept: {}. {}", step.candidates[*step.kept].name, step.decision);
  return step.decision.empty() ? "Not decided yet." : fmt::format("Kept: none, {}.", step.decision);
}

}  // namespace

std::string to_markdown(const FourSteps& plan, const Replay& replay) {
  auto text = fmt::format(
      "# {}\n\n{}; pruning may cost {}% of perplexity. Every candidate {}. Changes are relative to "
      "the baseline.\n",
      plan.name, seeds_text(plan), shortest(100 * plan.tolerance),
      plan.warm_start ? "continues the model kept before it" : "is trained from scratch");
  const auto kept = milestones(replay);
  if (!kept.empty()) {
    text += fmt::format("\n## Summary{}\n\n{}{}", replay.done() ? "" : " so far",
                        rows_markdown(as_sweep(plan, kept)), remarks_markdown(kept));
  }
  for (const StepResult& step : replay.steps) {
    text += fmt::format("\n## Step {}: {}\n\n{}\n", step.number, step.title, decision_text(step));
    if (!step.candidates.empty()) text += "\n" + rows_markdown(as_sweep(plan, step.candidates));
  }
  return text;
}

std::string to_json(const FourSteps& plan, const Replay& replay) {
  Json steps = Json::array();
  for (const StepResult& step : replay.steps) {
    const Json tables = Json::parse(to_json(as_sweep(plan, step.candidates)));
    steps.push_back({{"step", step.number},
                     {"title", step.title},
                     {"kept", step.kept ? Json(step.candidates[*step.kept].name) : Json()},
                     {"decision", step.decision},
                     {"candidates", tables["members"]}});
  }
  Json summary = Json::array();
  const auto kept = milestones(replay);
  const Json members = Json::parse(to_json(as_sweep(plan, kept)))["members"];
  for (const Json& member : members) {
    summary.push_back({{"step", member["name"]},
                       {"architecture", member["architecture"]},
                       {"perplexity", member["perplexity"]},
                       {"parameters", member["parameters"]}});
  }
  return Json{{"pipeline", plan.name},
              {"seeds", plan.seeds},
              {"tolerance", plan.tolerance},
              {"warm_start", plan.warm_start},
              {"done", replay.done()},
              {"fault", replay.fault.empty() ? Json() : Json(replay.fault)},
              {"steps", std::move(steps)},
              {"summary", std::move(summary)}}
             .dump(2, ' ', false, Json::error_handler_t::replace) +
         "\n";
}

}  // namespace aero::pipeline
